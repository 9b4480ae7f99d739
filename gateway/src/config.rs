//! Flags, environment variables, and every limit of a running server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Parser, Subcommand, ValueEnum};
use txnd::cli::flags::{address, at_least, positive_time, time, unquoted, within};
use txnd::cli::tracing::{TraceFormat, TraceLevel};
use txnd::config::SinkTarget;
use txnd::remote::MutualTls;
use txnd::tls::TlsFiles;

/// Longest request head (request line and headers), in bytes. A longer one gets 431.
pub const MAX_HEAD_BYTES: usize = 16 << 10;

/// Most headers in a request. More get 431.
pub const MAX_HEADERS: usize = 64;

/// Longest path and query, in bytes. A longer one gets 414.
pub const MAX_URI_BYTES: usize = 8 << 10;

/// Largest `--max-body`: a body of that size fits into a log record whatever it holds.
pub const MAX_BODY_BYTES: u64 = 16 << 20;

/// Longest `--log-timeout`.
pub const MAX_LOG_TIMEOUT: Duration = Duration::from_secs(60);

/// Longest time for a request to be carried out; then the connection is closed. A write that waits for the log is answered
/// before, so that this is for defects only.
pub const MAX_WORKING_TIME: Duration = Duration::from_secs(75);

const _: () = assert!(MAX_LOG_TIMEOUT.as_secs() < MAX_WORKING_TIME.as_secs());

/// Flags' variables that had other names before: (old, new).
pub const RENAMED_VARIABLES: [(&str, &str); 2] =
    [("KVS_MAX_BODIES", "KVS_REQUEST_MEMORY"), ("KVS_MAX_ANSWERS", "KVS_RESPONSE_MEMORY")];

/// Bodies and responses of REST, and the beginning of a frame, up to this many bytes do not count against `--request-memory` and
/// `--response-memory`: the limit of connections bounds them.
pub const UNBUDGETED_BYTES: usize = 16 << 10;

/// Bytes of frames that a connection reads at a time, and of replies that it collects before it sends them. A larger frame or
/// reply is taken alone.
pub const FRAME_BUFFER_BYTES: usize = 64 << 10;

/// Connections that may wait to be accepted, for each worker.
pub const LISTEN_BACKLOG: i32 = 4096;

const ABOUT: &str = "Typed values in memory, over REST and binary frames, with a log that survives crashes";

const AFTER_HELP: &str = "\
Sizes take a unit (64MiB, 1GB), times too (10s, 500ms).

SIGTERM, SIGQUIT or Ctrl-C stops in order; another one, a second or more later, at once. SIGHUP reads the
token file again; if kvs was started from a terminal, SIGHUP says that it has gone, and kvs stops in order.

Exit codes:
  0  stopped in order
  1  the log failed, or did not become durable before the program ended
  2  wrong usage
  3  an address could not be listened on
  4  the log could not be opened
  5  the log is damaged
  6  another kvs has taken over the log";

/// kvs: typed values in memory, over REST and binary frames, with a log that survives crashes.
#[derive(Clone, Debug, Parser)]
#[command(name = "kvs", version, about = ABOUT, long_about = None, after_help = AFTER_HELP)]
pub struct Config {
    /// What to do instead of serving
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Address of the REST service; port 0 picks a free one
    #[arg(long, global = true, env = "KVS_HTTP_ADDR", default_value = "127.0.0.1:8080", value_name = "ADDR", value_parser = address)]
    pub http_addr: SocketAddr,

    /// Address of the frame protocol; port 0 picks a free one
    #[arg(long, env = "KVS_FRAME_ADDR", default_value = "127.0.0.1:8090", value_name = "ADDR", value_parser = address)]
    pub frame_addr: SocketAddr,

    /// File whose first line is a token that clients must show: over frames in an auth request, over REST in the header
    /// `Authorization: Bearer TOKEN` [default: everybody is served]
    #[arg(long, env = "KVS_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Names by which clients may call this server, in the headers Host and Origin, besides localhost and IP addresses. Without this
    /// flag all names are accepted, but on a loopback address without a token none: web pages could use the server through
    /// a name of their own
    #[arg(long, env = "KVS_ALLOWED_HOSTS", value_name = "NAME,...", value_delimiter = ',', value_parser = host_name)]
    pub allowed_hosts: Vec<String>,

    /// Where the log goes: `file:DIR` (segments in a folder), `postgres://USER:PASSWORD@HOST:PORT/DATABASE` (tables),
    /// `https://HOST:PORT` (a txnd) or `off` (memory only, everything is lost at exit)
    #[arg(long, env = "KVS_LOG", hide_env_values = true, default_value = "file:./kvs-data", value_name = "LOG",
          value_parser = unquoted::<LogTarget>())]
    pub log: LogTarget,

    /// Longest wait at the start for a log that cannot be reached yet; 0s: none
    #[arg(long, env = "KVS_WAIT_FOR_LOG", default_value = "60s", value_name = "TIME", value_parser = time)]
    pub wait_for_log: Duration,

    /// Longest wait of a write for the log; then it is answered with 504 or an error, because it may or may not become durable. At most
    /// 60s
    #[arg(long, env = "KVS_LOG_TIMEOUT", default_value = "60s", value_name = "TIME", value_parser = log_timeout)]
    pub log_timeout: Duration,

    /// What to do when the log has failed for good, or another kvs has taken it over: `exit` (codes 1 and 6), or `read-only`: go on
    /// with reads alone, which may see writes that never became durable; every response says so
    #[arg(long, env = "KVS_WHEN_FENCED", default_value = "exit", value_name = "MODE")]
    pub when_fenced: WhenFenced,

    /// Certificates of the CAs that sign the certificate of txnd, in PEM form; used with `--log https://...`
    #[arg(long, env = "KVS_TLS_CA", default_value = "certs/ca.pem", value_name = "FILE")]
    pub tls_ca: PathBuf,

    /// This kvs's certificate towards txnd, in PEM form
    #[arg(long, env = "KVS_TLS_CERT", default_value = "certs/kvs.pem", value_name = "FILE")]
    pub tls_cert: PathBuf,

    /// The key of that certificate, in PEM form
    #[arg(long, env = "KVS_TLS_KEY", default_value = "certs/kvs.key", value_name = "FILE")]
    pub tls_key: PathBuf,

    /// Revocation lists for the certificate of txnd, in PEM form [default: nothing is revoked]
    #[arg(long, env = "KVS_TLS_CRL", value_name = "FILE")]
    pub tls_crl: Option<PathBuf>,

    /// What a 2xx for a write means: `sync`: it is on disk; `async`: it is applied and queued, a crash of the process loses at
    /// most the queued tail. A request raises it with the header `Kvs-Durability: sync`
    #[arg(long, env = "KVS_DURABILITY", default_value = "sync", value_name = "MODE")]
    pub durability: Durability,

    /// What is recorded: `writes`: what recovery needs; `all`: every request
    #[arg(long, env = "KVS_RECORD", default_value = "writes", value_name = "MODE")]
    pub record: Record,

    /// Threads that serve clients, each pinned to a core [default: number of cores]
    #[arg(long, env = "KVS_WORKERS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: Option<u16>,

    /// Lock stripes of the engine, rounded up to a power of two
    #[arg(long, env = "KVS_SHARDS", default_value_t = engine::DEFAULT_SHARDS as u32, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=engine::MAX_SHARDS as i64))]
    pub shards: u32,

    /// Memory that entries may take; beyond it writes get 503, reads and deletions go on [default: no limit]
    #[arg(long, env = "KVS_MAX_MEMORY", value_name = "SIZE", value_parser = at_least::<1>)]
    pub max_memory: Option<ByteSize>,

    /// Log records that may wait to become durable; beyond it writes get 503, reads go on
    #[arg(long, env = "KVS_LOG_BUDGET", default_value = "64MiB", value_name = "SIZE", value_parser = at_least::<1024>)]
    pub log_budget: ByteSize,

    /// Size of a log segment
    #[arg(long, env = "KVS_SEGMENT_SIZE", default_value = "64MiB", value_name = "SIZE",
          value_parser = within::<{ txnd::MIN_SEGMENT_BYTES }, { txnd::MAX_SEGMENT_BYTES }>)]
    pub segment_size: ByteSize,

    /// Largest request body, and payload of a frame; a larger one gets 413 or an error. At most 16MiB
    #[arg(long, env = "KVS_MAX_BODY", default_value = "16MiB", value_name = "SIZE",
          value_parser = within::<1, MAX_BODY_BYTES>)]
    pub max_body: ByteSize,

    /// Request bodies and frames in memory at a time, all together, those up to 16 KiB not counted; beyond it requests get 503 or an
    /// error
    #[arg(long, alias = "max-bodies", env = "KVS_REQUEST_MEMORY", default_value = "256MiB", value_name = "SIZE",
          value_parser = at_least::<1024>)]
    pub request_memory: ByteSize,

    /// Responses in memory at a time, all together, those up to 16 KiB not counted (over frames: 128 KiB of replies a connection);
    /// beyond it requests get 503 or an error
    #[arg(long, alias = "max-answers", env = "KVS_RESPONSE_MEMORY", default_value = "512MiB", value_name = "SIZE",
          value_parser = at_least::<1024>)]
    pub response_memory: ByteSize,

    /// Open connections; a further one gets 503 and is closed. Cut, with a warning, to what the limit of open files allows
    #[arg(long, env = "KVS_MAX_CONNECTIONS", default_value_t = 16_384, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,

    /// Time for a client to make its first request, and to send the head of each; a body, a frame and a response may take longer as
    /// long as they keep to --min-rate
    #[arg(long, env = "KVS_REQUEST_TIMEOUT", default_value = "10s", value_name = "TIME", value_parser = positive_time)]
    pub request_timeout: Duration,

    /// Bytes a second that a client must send of a body or frame, and take of a response, on the average of each --request-timeout. A
    /// body that comes more slowly gets 408
    #[arg(long, env = "KVS_MIN_RATE", default_value = "4KiB", value_name = "SIZE", value_parser = at_least::<1>)]
    pub min_rate: ByteSize,

    /// Time without a request after which a connection is closed
    #[arg(long, env = "KVS_IDLE_TIMEOUT", default_value = "5m", value_name = "TIME", value_parser = positive_time)]
    pub idle_timeout: Duration,

    /// Time at SIGTERM for requests to be finished, and again for the log to become durable
    #[arg(long, env = "KVS_DRAIN_TIMEOUT", default_value = "10s", value_name = "TIME", value_parser = positive_time)]
    pub drain_timeout: Duration,

    /// How much diagnostics go to standard error
    #[arg(long, env = "KVS_TRACE", default_value = "info", value_name = "LEVEL")]
    pub trace: TraceLevel,

    /// Form of the diagnostics: `auto`: text, in colour on a terminal; `json`: one object a line
    #[arg(long, env = "KVS_TRACE_FORMAT", default_value = "auto", value_name = "FORMAT")]
    pub trace_format: TraceFormat,
}

/// What kvs does besides serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Ask the kvs at --http-addr whether it answers; exit code 0 if it does, else 1
    Health,
}

/// Where the log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Nowhere.
    Off,
    /// Into a sink that kvs writes itself, as txnd would.
    LogWriter(SinkTarget),
    /// To the txnd at this URL.
    Remote(String),
}

/// What a 2xx for a write promises. The order is that of strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Durability {
    /// Applied and queued.
    Async,
    /// Durable.
    Sync,
}

/// What becomes of a kvs that can never write again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhenFenced {
    /// It ends.
    Exit,
    /// It goes on with reads alone.
    ReadOnly,
}

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Record {
    /// Operations that changed something.
    Writes,
    /// Every operation.
    All,
}

/// Reads the name of a host, without a port.
fn host_name(text: &str) -> Result<String, String> {
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
        true => Ok(text.into()),
        false => Err("expected the name of a host, without a port".into()),
    }
}

/// Reads `--log-timeout`.
fn log_timeout(text: &str) -> Result<Duration, String> {
    match positive_time(text)? {
        time if time > MAX_LOG_TIMEOUT => Err(format!("at most {} s are expected", MAX_LOG_TIMEOUT.as_secs())),
        time => Ok(time),
    }
}

impl FromStr for LogTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "off" => Ok(Self::Off),
            Some(("file", folder)) if !folder.is_empty() => text.parse().map(Self::LogWriter),
            Some(("postgres" | "postgresql", _)) => text.parse().map(Self::LogWriter),
            Some(("https", _)) => {
                // The files do not matter for whether it is a URL.
                MutualTls::new(text, TlsFiles::in_folder(Path::new("certs"), "kvs")).map(|_| Self::Remote(text.into()))
            }
            Some(("http", _)) => Err("txnd speaks TLS only: expected `https://HOST:PORT`".into()),
            _ => {
                Err("expected `file:DIR`, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, `https://HOST:PORT` or `off`"
                    .into())
            }
        }
    }
}

impl std::fmt::Display for LogTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::LogWriter(sink) => sink.fmt(f),
            Self::Remote(url) => f.write_str(url),
        }
    }
}

impl Config {
    /// The identity towards txnd.
    pub fn tls(&self) -> TlsFiles {
        TlsFiles {
            ca: self.tls_ca.clone(),
            cert: self.tls_cert.clone(),
            key: self.tls_key.clone(),
            crl: self.tls_crl.clone(),
        }
    }

    /// The engine's part of the configuration.
    pub fn engine(&self) -> engine::Options {
        engine::Options {
            shards: self.shards as usize,
            max_memory: self.max_memory.map(|size| size.as_u64() as usize),
            record: match self.record {
                Record::Writes => engine::RecordMode::Writes,
                Record::All => engine::RecordMode::All,
            },
            hash_seeds: None,
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
    fn log_targets_read_back() {
        for text in ["off", "file:./kvs-data", "file:/var/lib/kvs:1", "https://txnd:5051"] {
            assert_eq!(text.parse::<LogTarget>().unwrap().to_string(), text);
        }
        let postgres: LogTarget = "postgres://kvs:secret@db.example:5433/state".parse().unwrap();
        assert_eq!(postgres.to_string(), "postgres://kvs@db.example:5433/state");
        for text in ["", "file:", "on", "postgres:", "http://localhost:5051"] {
            assert!(text.parse::<LogTarget>().is_err(), "{text}");
        }
    }
}
