//! Flags and environment variables of the txnd program.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Parser, Subcommand};

use crate::PostgresSink;
use crate::checkpoint::Retention;
use crate::cli::certs::Certs;
use crate::cli::flags::{address, positive_time, retention, time, unquoted, within};
use crate::cli::tracing::{TraceFormat, TraceLevel};
use crate::segment::{MAX_SEGMENT_BYTES, MIN_SEGMENT_BYTES};
use crate::tls::{TlsFiles, certs};

const ABOUT: &str = "The transaction service of kvs: takes batches of log records over gRPC and makes them durable";

/// Heading of the flags that `health` uses too.
const FRONT: &str = "Address and certificates, for serving and for health";

const AFTER_HELP: &str = "\
Sizes take a unit (64MiB, 1GB), and so do times (10s, 500ms).

Connections use TLS 1.3 with certificates on both sides; `txnd certs certs` makes them. Changed
certificate files are reloaded within seconds, or at once on SIGHUP. Open connections are then
closed, and clients reconnect.

SIGTERM, SIGQUIT or Ctrl-C stops txnd gracefully, and so does SIGHUP when the terminal that started
it closes. A second signal, at least one second later, stops it at once.

Exit codes:
  0  stopped gracefully; for a command: done
  1  the log failed, or did not become durable before the program ended; for a command: failed
  2  wrong usage, or unusable certificates
  3  could not listen on an address
  4  the database cannot be used. A folder is opened when the first kvs connects; errors are reported to it";

/// txnd: takes batches of log records over gRPC and makes them durable.
#[derive(Clone, Debug, Parser)]
#[command(name = "txnd", version, about = ABOUT, long_about = None, after_help = AFTER_HELP)]
pub struct Config {
    /// What to do instead of serving
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Address of the gRPC service; port 0 picks a free port
    #[arg(long, global = true, help_heading = FRONT, env = "TXND_GRPC_ADDR", default_value = "127.0.0.1:5051", value_name = "ADDR",
          value_parser = address)]
    pub grpc_addr: SocketAddr,

    /// Where batches become durable: `file:DIR` (segments in a folder; also `file:~/DIR`, `file:///DIR`) or `postgres://USER:PASSWORD@HOST:PORT/DATABASE` (tables)
    #[arg(long, env = "TXND_SINK", hide_env_values = true, default_value = "file:./txnd-data", value_name = "SINK",
          value_parser = unquoted::<SinkTarget>())]
    pub sink: SinkTarget,

    /// Size of a segment of `file:DIR`
    #[arg(long, env = "TXND_SEGMENT_SIZE", default_value = "64MiB", value_name = "SIZE",
          value_parser = within::<MIN_SEGMENT_BYTES, MAX_SEGMENT_BYTES>)]
    pub segment_size: ByteSize,

    /// How much of the log is kept besides what checkpoints need: `all`, a size such as `10GiB`, or a time such as
    /// `30d`. Older segments and partitions are removed after a checkpoint [default: 1GiB in files, all in PostgreSQL]
    #[arg(long, env = "TXND_RETAIN", value_name = "SIZE|TIME|all", value_parser = retention)]
    pub retain: Option<Retention>,

    /// CA certificates that client certificates must be signed by, as PEM
    #[arg(long, global = true, help_heading = FRONT, env = "TXND_TLS_CA", default_value = "certs/ca.pem", value_name = "FILE")]
    pub tls_ca: PathBuf,

    /// This server's certificate, as PEM, followed by any intermediate certificates
    #[arg(long, global = true, help_heading = FRONT, env = "TXND_TLS_CERT", default_value = "certs/txnd.pem", value_name = "FILE")]
    pub tls_cert: PathBuf,

    /// Private key of the server's certificate, as PEM
    #[arg(long, global = true, help_heading = FRONT, env = "TXND_TLS_KEY", default_value = "certs/txnd.key", value_name = "FILE")]
    pub tls_key: PathBuf,

    /// Certificate revocation lists, as PEM; each CA needs one, valid until its next update [default: no revocation check]
    #[arg(long, global = true, help_heading = FRONT, env = "TXND_TLS_CRL", value_name = "FILE")]
    pub tls_crl: Option<PathBuf>,

    /// DNS names of the clients that may use the log; a client's certificate must have one as subject alternative name
    #[arg(long, env = "TXND_ALLOW", default_value = certs::CLIENT, value_delimiter = ',', value_name = "NAMES")]
    pub allow: Vec<String>,

    /// Address of the operator's listener, over plain HTTP: /livez, /readyz, /metrics [default: none]
    #[arg(long, alias = "metrics-addr", env = "TXND_ADMIN_ADDR", value_name = "ADDR", value_parser = address)]
    pub admin_addr: Option<SocketAddr>,

    /// How long to wait at startup for an unreachable database; 0s: do not wait
    #[arg(long, env = "TXND_WAIT_FOR_LOG", default_value = "60s", value_name = "TIME", value_parser = time)]
    pub wait_for_log: Duration,

    /// How long to wait on SIGTERM for received batches to become durable
    #[arg(long, env = "TXND_DRAIN_TIMEOUT", default_value = "10s", value_name = "TIME", value_parser = positive_time)]
    pub drain_timeout: Duration,

    /// Level of the log on standard error
    #[arg(long, env = "TXND_TRACE", default_value = "info", value_name = "LEVEL")]
    pub trace: TraceLevel,

    /// Format of the log: `auto`: text, in colour on a terminal; `json`: one object per line
    #[arg(long, env = "TXND_TRACE_FORMAT", default_value = "auto", value_name = "FORMAT")]
    pub trace_format: TraceFormat,
}

/// What txnd can do besides serving.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Make a CA (ca.pem, ca.key) and certificates for txnd (txnd.pem, txnd.key) and kvs (kvs.pem, kvs.key)
    Certs(Certs),
    /// Ask the txnd at --grpc-addr, using its own certificate, whether it is serving; exit code 0 if so, else 1
    Health,
}

/// Where batches become durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkTarget {
    /// In segments in this folder.
    File(PathBuf),
    /// In tables of the database with this URL.
    Postgres(String),
}

impl FromStr for SinkTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("file", folder)) if !folder.is_empty() => folder_of(folder, std::env::home_dir()).map(Self::File),
            Some(("postgres" | "postgresql", _)) => text.parse::<PostgresSink>().map(|_| Self::Postgres(text.into())),
            _ => Err("expected `file:DIR` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`".into()),
        }
    }
}

/// The folder named by `text`, the part after `file:`.
fn folder_of(text: &str, home: Option<PathBuf>) -> Result<PathBuf, String> {
    if let Some(control) = text.chars().find(|c| c.is_control()) {
        let hint = if control == '\r' { "; was it read from a file with Windows line ends?" } else { "" };
        return Err(format!("the folder's name contains the control character {control:?}, remove it{hint}"));
    }
    if text.trim() != text {
        return Err("the folder's name begins or ends with a space, remove it".into());
    }
    if let Some(path) = text.strip_prefix("//") {
        return match path.starts_with('/') {
            true => Ok(path.into()),
            false => Err(
                "after `file://` an absolute path is expected, such as `file:///var/lib/kvs`; a relative one follows \
                          `file:` alone, such as `file:./kvs-data`"
                    .into(),
            ),
        };
    }
    let Some(below_home) = text.strip_prefix('~') else { return Ok(text.into()) };
    let home = home.filter(|home| home.is_absolute());
    match (below_home.strip_prefix('/'), home) {
        (Some(folder), Some(home)) => Ok(home.join(folder.trim_start_matches('/'))),
        (Some(_), None) => Err("`~` means the home folder, but HOME is not set; write the whole path".into()),
        (None, _) => {
            Err("only a leading `~/` means the home folder, as in `file:~/kvs-data`; write the whole path of \
                          another user's, or `file:./~...` for a folder with that name"
                .into())
        }
    }
}

impl fmt::Display for SinkTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(folder) => write!(f, "file:{}", folder.display()),
            // Without the password.
            Self::Postgres(url) => match url.parse::<PostgresSink>() {
                Ok(sink) => sink.fmt(f),
                Err(_) => f.write_str("postgres"),
            },
        }
    }
}

impl Config {
    /// The certificates.
    pub fn tls(&self) -> TlsFiles {
        TlsFiles {
            ca: self.tls_ca.clone(),
            cert: self.tls_cert.clone(),
            key: self.tls_key.clone(),
            crl: self.tls_crl.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Config::command().debug_assert();
    }

    #[test]
    fn sinks_read_back_without_their_password() {
        assert_eq!("file:./txnd-data".parse::<SinkTarget>().unwrap().to_string(), "file:./txnd-data");
        let postgres: SinkTarget = "postgres://kvs:secret@db.example:5433/state".parse().unwrap();
        assert_eq!(postgres.to_string(), "postgres://kvs@db.example:5433/state");
        for (text, folder) in [("file:///var/lib/kvs", "file:/var/lib/kvs"), ("file:/x~/a b", "file:/x~/a b")] {
            assert_eq!(text.parse::<SinkTarget>().unwrap().to_string(), folder);
        }
        for text in ["", "file:", "off", "postgres:", "https://localhost:5051"] {
            assert!(text.parse::<SinkTarget>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_folder_is_what_a_shell_user_means() {
        let home = || Some(PathBuf::from("/home/user"));
        for (text, expected) in [
            ("data", "data"),
            ("./data", "./data"),
            ("/data", "/data"),
            ("///data", "/data"),
            ("~/data", "/home/user/data"),
            ("~//data", "/home/user/data"),
            ("~/", "/home/user/"),
            ("./~/data", "./~/data"),
            ("/a~b", "/a~b"),
        ] {
            assert_eq!(folder_of(text, home()).as_deref(), Ok(expected.as_ref()), "{text}");
        }
        for (text, advice) in [
            ("/x/data\r", "Windows line ends"),
            ("/x/da\nta", "control character"),
            ("/x/data\u{85}", "control character"),
            ("/x/data ", "a space"),
            (" data", "a space"),
            ("//./u3", "file:./kvs-data"),
            ("//host/data", "file:///var/lib/kvs"),
            ("//", "file:///var/lib/kvs"),
            ("~", "file:~/kvs-data"),
            ("~other/data", "the whole path"),
        ] {
            let message = folder_of(text, home()).expect_err(text);
            assert!(message.contains(advice), "{text:?}: {message}");
        }
        for home in [None, Some(PathBuf::new()), Some("relative".into())] {
            assert!(folder_of("~/data", home).unwrap_err().contains("HOME is not set"));
        }
    }
}
