//! Flags, environment variables, and every limit of a running server. `commands.rs` has the commands.

mod access_log;
mod commands;
mod origin;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Parser, ValueEnum};
use txnd::Retention;
use txnd::cli::flags::{address, at_least, positive_time, retention, time, unquoted, within};
use txnd::cli::tracing::{TraceFormat, TraceLevel};
use txnd::config::SinkTarget;
use txnd::remote::MutualTls;
use txnd::tls::{DoorSettings, TlsFiles};

use crate::access::{Scope, Scopes};
use crate::log::checkpointer::Schedule;

pub use access_log::{AccessLog, AccessLogTarget};
pub use commands::{
    Backup, BackupCommand, Command, Copy, Dump, LogCommand, NewToken, Restore, TokenCommand, Tool, Until,
};
pub use origin::CorsOrigin;

/// Longest request head (request line and headers), in bytes. A longer head gets 431.
pub const MAX_HEAD_BYTES: usize = 16 << 10;

/// Maximum number of headers in a request. More get 431.
pub const MAX_HEADERS: usize = 64;

/// Longest path and query, in bytes. Longer ones get 414.
pub const MAX_URI_BYTES: usize = 8 << 10;

/// Largest `--max-body`. A body of this size fits into a log record whatever it contains.
pub const MAX_BODY_BYTES: u64 = 16 << 20;

/// Longest `--log-timeout`.
pub const MAX_LOG_TIMEOUT: Duration = Duration::from_secs(60);

/// Longest `--idempotency-window`.
pub const MAX_IDEMPOTENCY_WINDOW: Duration = Duration::from_secs(7 * 24 * 3600);

/// Longest time to execute a request; after that the connection is closed. Reached only because of a bug: a write that
/// waits for the log gets its response earlier ([`MAX_LOG_TIMEOUT`]).
pub const MAX_WORKING_TIME: Duration = Duration::from_secs(75);

const _: () = assert!(MAX_LOG_TIMEOUT.as_secs() < MAX_WORKING_TIME.as_secs());

/// Environment variables that were renamed: (old, new).
pub const RENAMED_VARIABLES: [(&str, &str); 3] = [
    ("KVS_METRICS_ADDR", "KVS_ADMIN_ADDR"),
    ("KVS_MAX_BODIES", "KVS_REQUEST_MEMORY"),
    ("KVS_MAX_ANSWERS", "KVS_RESPONSE_MEMORY"),
];

/// REST bodies, REST responses and incomplete frames of up to this many bytes do not count against `--request-memory`
/// and `--response-memory`. The connection limit bounds their total.
pub const UNBUDGETED_BYTES: usize = 16 << 10;

/// Bytes of frames that a connection reads at a time, and of replies that it collects before it sends them. A larger
/// frame or reply is handled on its own.
pub const FRAME_BUFFER_BYTES: usize = 64 << 10;

/// Where the operator's listener is if nothing is said, and nothing else is there.
pub const DEFAULT_ADMIN_ADDR: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8091);

/// Length of the accept queue of each worker, in connections.
pub const LISTEN_BACKLOG: i32 = 4096;

const ABOUT: &str = "In-memory store of typed values, served over REST and binary frames, with a durable log";

const AFTER_HELP: &str = "\
Sizes and times take a unit: 64MiB, 1GB; 10s, 500ms.

SIGTERM, SIGQUIT or Ctrl-C shuts down gracefully; a second signal, one second or more later, exits immediately.
SIGUSR1 writes a checkpoint of the log now.
SIGHUP reloads the token file and the identities, and opens the access log again. If kvs was started from a terminal,
SIGHUP means that the terminal was closed, and kvs shuts down gracefully.

Exit codes:
  0  graceful shutdown
  1  the log failed, or did not become durable before kvs exited
  2  invalid usage
  3  cannot listen on an address
  4  cannot open the log
  5  the log is damaged
  6  another kvs has taken over the log";

/// kvs: an in-memory store of typed values, served over REST and binary frames, with a durable log.
#[derive(Clone, Debug, Parser)]
#[command(name = "kvs", version, about = ABOUT, long_about = None, after_help = AFTER_HELP)]
pub struct Config {
    /// Run a command instead of the server
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Address of the REST API; port 0 picks a free port
    #[arg(long, global = true, env = "KVS_HTTP_ADDR", default_value = "127.0.0.1:8080", value_name = "ADDR", value_parser = address)]
    pub http_addr: SocketAddr,

    /// Address of the frame protocol; port 0 picks a free port
    #[arg(long, env = "KVS_FRAME_ADDR", default_value = "127.0.0.1:8090", value_name = "ADDR", value_parser = address)]
    pub frame_addr: SocketAddr,

    /// Address of the operator's listener, over plain HTTP: /livez, /readyz, /metrics; `off`: none [default:
    /// 127.0.0.1:8091, if it is free]
    #[arg(long, global = true, alias = "metrics-addr", env = "KVS_ADMIN_ADDR", value_name = "ADDR", value_parser = admin_addr)]
    pub admin_addr: Option<AdminAddr>,

    /// Warn of requests that take at least so long, from their last byte to the response [default: none]
    #[arg(long, env = "KVS_SLOW_REQUEST", value_name = "TIME", value_parser = positive_time)]
    pub slow_request: Option<Duration>,

    /// Write a line of JSON for each request to the end of this file: who, what, result, time; keys appear in it, values
    /// and tokens do not. `-`: standard output; `off`: none. SIGHUP opens the file again
    #[arg(long, env = "KVS_ACCESS_LOG", default_value = "off", value_name = "FILE")]
    pub access_log: AccessLog,

    /// Certificate for TLS with clients, over REST and frames (PEM), followed by any intermediate certificates; read
    /// again when it changes [default: no TLS]
    #[arg(long, env = "KVS_SERVER_CERT", value_name = "FILE", requires = "server_key")]
    pub server_cert: Option<PathBuf>,

    /// Private key of that certificate (PEM)
    #[arg(long, env = "KVS_SERVER_KEY", value_name = "FILE", requires = "server_cert")]
    pub server_key: Option<PathBuf>,

    /// CA certificates that clients' certificates are verified against (PEM) [default: clients present none]
    #[arg(long, env = "KVS_CLIENT_CA", value_name = "FILE", requires = "server_cert")]
    pub client_ca: Option<PathBuf>,

    /// Certificate revocation lists for clients' certificates (PEM) [default: no revocation check]
    #[arg(long, env = "KVS_CLIENT_CRL", value_name = "FILE", requires = "client_ca")]
    pub client_crl: Option<PathBuf>,

    /// Serve only clients that present a certificate
    #[arg(long, env = "KVS_REQUIRE_CLIENT_CERT", requires = "client_ca")]
    pub require_client_cert: bool,

    /// Oldest version of TLS that clients may use
    #[arg(long, env = "KVS_TLS_MIN", default_value = "1.3", value_name = "VERSION")]
    pub tls_min: TlsVersion,

    /// File whose first line is the token that clients must present: in an auth request over frames, in the header
    /// `Authorization: Bearer TOKEN` over REST [default: no authentication]
    #[arg(long, env = "KVS_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// File of identities: who may use the server, and for what; made by `kvs token`. Read again when it changes
    #[arg(long, global = true, env = "KVS_IDENTITIES", value_name = "FILE")]
    pub identities: Option<PathBuf>,

    /// What clients may do that do not say who they are: `read`, `write` or both, with a comma; alone it means both.
    /// Needed beyond loopback if no identities are set [default: nothing if identities are set, else everything]
    #[arg(long, env = "KVS_ALLOW_ANONYMOUS", value_name = "SCOPES", num_args = 0..=1, require_equals = true,
          default_missing_value = "read,write", value_parser = anonymous_scopes)]
    pub allow_anonymous: Option<Scopes>,

    /// Wrong tokens that may come from one address in a minute; after that none from there is looked at for a while.
    /// 0: no limit
    #[arg(long, env = "KVS_AUTH_FAILURES", default_value_t = 30, value_name = "N")]
    pub auth_failures: u32,

    /// Host names that clients may use in the headers Host and Origin, besides localhost and IP addresses. Default: all
    /// names; none on a loopback address that anonymous clients may use, because web pages could reach the server through a name of
    /// their own (DNS rebinding)
    #[arg(long, env = "KVS_ALLOWED_HOSTS", value_name = "NAME,...", value_delimiter = ',', value_parser = host_name)]
    pub allowed_hosts: Vec<String>,

    /// Origins whose web pages may use the server over REST, such as `https://app.example`, or `*` [default: none]
    #[arg(long, env = "KVS_CORS_ORIGINS", value_name = "ORIGIN,...", value_delimiter = ',')]
    pub cors_origins: Vec<CorsOrigin>,

    /// Where the log is written: `file:DIR` (segment files), `postgres://USER:PASSWORD@HOST:PORT/DATABASE` (tables),
    /// `https://HOST:PORT` (a txnd server) or `off` (memory only, all data is lost at exit)
    #[arg(long, global = true, env = "KVS_LOG", hide_env_values = true, default_value = "file:./kvs-data", value_name = "LOG",
          value_parser = unquoted::<LogTarget>())]
    pub log: LogTarget,

    /// How long to wait at startup for a log that cannot be reached; 0s: do not wait
    #[arg(long, env = "KVS_WAIT_FOR_LOG", default_value = "60s", value_name = "TIME", value_parser = time)]
    pub wait_for_log: Duration,

    /// How long a write waits for the log. After that its response is 504 or an error: the write may or may not become
    /// durable. At most 60s
    #[arg(long, env = "KVS_LOG_TIMEOUT", default_value = "60s", value_name = "TIME", value_parser = log_timeout)]
    pub log_timeout: Duration,

    /// What to do when the log has failed permanently, or another kvs has taken it over: `exit` (codes 1 and 6), or
    /// `read-only`: keep serving reads, which may return writes that never became durable; every response says so
    #[arg(long, env = "KVS_WHEN_FENCED", default_value = "exit", value_name = "MODE")]
    pub when_fenced: WhenFenced,

    /// CA certificates that txnd's certificate is verified against (PEM); used with `--log https://...`
    #[arg(long, global = true, env = "KVS_TLS_CA", default_value = "certs/ca.pem", value_name = "FILE")]
    pub tls_ca: PathBuf,

    /// Client certificate that kvs presents to txnd (PEM)
    #[arg(long, global = true, env = "KVS_TLS_CERT", default_value = "certs/kvs.pem", value_name = "FILE")]
    pub tls_cert: PathBuf,

    /// Private key of the client certificate (PEM)
    #[arg(long, global = true, env = "KVS_TLS_KEY", default_value = "certs/kvs.key", value_name = "FILE")]
    pub tls_key: PathBuf,

    /// Certificate revocation lists for txnd's certificate (PEM) [default: no revocation check]
    #[arg(long, global = true, env = "KVS_TLS_CRL", value_name = "FILE")]
    pub tls_crl: Option<PathBuf>,

    /// What a successful write means: `sync`: it is on disk; `async`: it is applied and queued, and a crash of the
    /// process loses at most the queued records. A request can ask for more with the header `Kvs-Durability: sync`
    #[arg(long, env = "KVS_DURABILITY", default_value = "sync", value_name = "MODE")]
    pub durability: Durability,

    /// What is written to the log: `writes`: what recovery needs; `all`: every request
    #[arg(long, env = "KVS_RECORD", default_value = "writes", value_name = "MODE")]
    pub record: Record,

    /// Worker threads, each pinned to a core [default: number of cores]
    #[arg(long, env = "KVS_WORKERS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: Option<u16>,

    /// How workers send to clients and receive from them: `uring`: over io_uring; `epoll`; `auto`: over io_uring if the
    /// kernel allows it. Clients with TLS are always served over epoll
    #[arg(long, env = "KVS_IO", default_value = "auto", value_name = "DRIVER")]
    pub io: Io,

    /// Number of shards (lock stripes) of the engine, rounded up to a power of two
    #[arg(long, env = "KVS_SHARDS", default_value_t = engine::DEFAULT_SHARDS as u32, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=engine::MAX_SHARDS as i64))]
    pub shards: u32,

    /// Seeds of the hash function. Not on the command line: they are random unless a run is to be repeated.
    #[arg(skip)]
    pub(crate) hash_seeds: Option<[u64; 4]>,

    /// Memory limit for entries; above it writes get 503, reads and deletes still work [default: no limit]
    #[arg(long, env = "KVS_MAX_MEMORY", value_name = "SIZE", value_parser = at_least::<1>)]
    pub max_memory: Option<ByteSize>,

    /// For how long the outcome of a request with an idempotency key is kept: the same request again within this time gets it,
    /// and does nothing. At most 7d
    #[arg(long, env = "KVS_IDEMPOTENCY_WINDOW", default_value = "10m", value_name = "TIME", value_parser = idempotency_window)]
    pub idempotency_window: Duration,

    /// Maximum number of idempotency keys that are kept; above it requests with new keys get 503, others still work
    #[arg(long, env = "KVS_IDEMPOTENCY_KEYS", default_value_t = 1_000_000, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub idempotency_keys: u32,

    /// Memory limit for idempotency keys and their outcomes; above it requests with new keys get 503, others still work
    #[arg(long, env = "KVS_IDEMPOTENCY_MEMORY", default_value = "256MiB", value_name = "SIZE", value_parser = at_least::<1024>)]
    pub idempotency_memory: ByteSize,

    /// Memory limit for log records that are not yet durable; above it writes get 503, reads still work
    #[arg(long, env = "KVS_LOG_BUDGET", default_value = "64MiB", value_name = "SIZE", value_parser = at_least::<1024>)]
    pub log_budget: ByteSize,

    /// Size of a log segment
    #[arg(long, env = "KVS_SEGMENT_SIZE", default_value = "64MiB", value_name = "SIZE",
          value_parser = within::<{ txnd::MIN_SEGMENT_BYTES }, { txnd::MAX_SEGMENT_BYTES }>)]
    pub segment_size: ByteSize,

    /// Write a checkpoint after so much log, and at least as much as the last checkpoint is large; `never`: no
    /// checkpoints. The next start reads the last checkpoint and the log after it
    #[arg(long, env = "KVS_CHECKPOINT_AFTER", default_value = "256MiB", value_name = "SIZE", value_parser = checkpoint_after)]
    pub checkpoint_after: CheckpointAfter,

    /// Limit on how fast a checkpoint is written, in bytes per second
    #[arg(long, env = "KVS_CHECKPOINT_RATE", default_value = "64MiB", value_name = "SIZE", value_parser = at_least::<1024>)]
    pub checkpoint_rate: ByteSize,

    /// How much of the log is kept besides what checkpoints need: `all`, a size such as `10GiB`, or a time such as
    /// `30d`. Older segments and partitions are removed after a checkpoint. A txnd has its own [default: 1GiB in files,
    /// all in PostgreSQL]
    #[arg(long, env = "KVS_RETAIN", value_name = "SIZE|TIME|all", value_parser = retention)]
    pub retain: Option<Retention>,

    /// Largest request body or frame payload; a larger one gets 413 or an error. At most 16MiB
    #[arg(long, env = "KVS_MAX_BODY", default_value = "16MiB", value_name = "SIZE",
          value_parser = within::<1, MAX_BODY_BYTES>)]
    pub max_body: ByteSize,

    /// Memory limit for all request bodies and frames together; those up to 16 KiB do not count. Above it requests get
    /// 503 or an error
    #[arg(long, alias = "max-bodies", env = "KVS_REQUEST_MEMORY", default_value = "256MiB", value_name = "SIZE",
          value_parser = at_least::<1024>)]
    pub request_memory: ByteSize,

    /// Memory limit for all responses together; those up to 16 KiB do not count (over frames: up to 128 KiB of replies
    /// per connection). Above it requests get 503 or an error
    #[arg(long, alias = "max-answers", env = "KVS_RESPONSE_MEMORY", default_value = "512MiB", value_name = "SIZE",
          value_parser = at_least::<1024>)]
    pub response_memory: ByteSize,

    /// Memory limit for what has become durable lately, which those who follow the feed get from memory; who is further
    /// behind gets it from the log. Used only while somebody follows
    #[arg(long, env = "KVS_FEED_MEMORY", default_value = "32MiB", value_name = "SIZE", value_parser = at_least::<1024>)]
    pub feed_memory: ByteSize,

    /// Maximum number of connections; more get 503 and are closed. Lowered, with a warning, to fit the limit of open
    /// files
    #[arg(long, env = "KVS_MAX_CONNECTIONS", default_value_t = 16_384, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,

    /// Time limit for the first request of a connection, and for the head of every request. Bodies, frames and
    /// responses may take longer as long as they keep to `--min-rate`
    #[arg(long, env = "KVS_REQUEST_TIMEOUT", default_value = "10s", value_name = "TIME", value_parser = positive_time)]
    pub request_timeout: Duration,

    /// Minimum rate, in bytes per second, at which a client must send a body or frame and receive a response, averaged
    /// over each `--request-timeout`. A slower body gets 408
    #[arg(long, env = "KVS_MIN_RATE", default_value = "4KiB", value_name = "SIZE", value_parser = at_least::<1>)]
    pub min_rate: ByteSize,

    /// Close a connection after this time without a request
    #[arg(long, env = "KVS_IDLE_TIMEOUT", default_value = "5m", value_name = "TIME", value_parser = positive_time)]
    pub idle_timeout: Duration,

    /// Time limit at shutdown for requests to finish, and the same again for the log to become durable
    #[arg(long, env = "KVS_DRAIN_TIMEOUT", default_value = "10s", value_name = "TIME", value_parser = positive_time)]
    pub drain_timeout: Duration,

    /// Level of the diagnostics on standard error [default: info; warn for commands]
    #[arg(long, global = true, env = "KVS_TRACE", value_name = "LEVEL")]
    pub trace: Option<TraceLevel>,

    /// Format of the diagnostics: `auto`: text, coloured on a terminal; `json`: one object per line
    #[arg(long, global = true, env = "KVS_TRACE_FORMAT", default_value = "auto", value_name = "FORMAT")]
    pub trace_format: TraceFormat,
}

/// Where the log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Nowhere.
    Off,
    /// To a sink that kvs writes to itself, as txnd would.
    LogWriter(SinkTarget),
    /// To the txnd at this URL.
    Remote(String),
    /// A backup in this folder, which can only be read.
    Backup(PathBuf),
}

/// What the response to a write guarantees. Ordered from weak to strong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Durability {
    /// Applied and queued.
    Async,
    /// Durable.
    Sync,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TlsVersion {
    /// RFC 5246.
    #[value(name = "1.2")]
    Tls12,
    /// RFC 8446.
    #[value(name = "1.3")]
    Tls13,
}

/// How workers send to clients and receive from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Io {
    /// Over io_uring if that is possible.
    Auto,
    /// Over io_uring.
    Uring,
    /// When epoll says that it is possible.
    Epoll,
}

/// What kvs does when it can never write again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhenFenced {
    /// Exit.
    Exit,
    /// Keep serving reads.
    ReadOnly,
}

/// What is written to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Record {
    /// Operations that changed something, which is what recovery needs.
    Writes,
    /// Every operation.
    All,
}

/// When checkpoints are written: after so many bytes of log, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointAfter(pub Option<u64>);

fn checkpoint_after(text: &str) -> Result<CheckpointAfter, String> {
    match text {
        "never" => Ok(CheckpointAfter(None)),
        _ => at_least::<1024>(text)
            .map(|size| CheckpointAfter(Some(size.as_u64())))
            .map_err(|e| format!("expected `never` or a size: {e}")),
    }
}

/// Parses `--allow-anonymous`.
fn anonymous_scopes(text: &str) -> Result<Scopes, String> {
    match text.parse::<Scopes>() {
        Ok(scopes) if !scopes.has(Scope::Admin) => Ok(scopes),
        _ => Err("expected read, write, or read,write".into()),
    }
}

/// Where the operator's listener is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminAddr {
    /// There is none.
    Off,
    /// Here.
    At(SocketAddr),
}

/// Parses `--admin-addr`.
fn admin_addr(text: &str) -> Result<AdminAddr, String> {
    match text {
        "off" => Ok(AdminAddr::Off),
        _ => address(text).map(AdminAddr::At).map_err(|e| format!("expected `off` or an address: {e}")),
    }
}

/// Parses a host name, without a port.
fn host_name(text: &str) -> Result<String, String> {
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
        true => Ok(text.into()),
        false => Err("expected a host name without a port".into()),
    }
}

/// Parses `--log-timeout`.
fn log_timeout(text: &str) -> Result<Duration, String> {
    match positive_time(text)? {
        time if time > MAX_LOG_TIMEOUT => Err(format!("expected at most {} s", MAX_LOG_TIMEOUT.as_secs())),
        time => Ok(time),
    }
}

/// Parses `--idempotency-window`.
fn idempotency_window(text: &str) -> Result<Duration, String> {
    match positive_time(text)? {
        time if time > MAX_IDEMPOTENCY_WINDOW => {
            Err(format!("expected at most {} s", MAX_IDEMPOTENCY_WINDOW.as_secs()))
        }
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
                // Only the URL is checked here; the files are placeholders.
                MutualTls::new(text, TlsFiles::in_folder(Path::new("certs"), "kvs")).map(|_| Self::Remote(text.into()))
            }
            Some(("backup", dir)) if !dir.is_empty() => Ok(Self::Backup(dir.into())),
            Some(("http", _)) => Err("txnd requires TLS: expected `https://HOST:PORT`".into()),
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
            Self::Backup(dir) => write!(f, "backup:{}", dir.display()),
        }
    }
}

impl Config {
    /// The files for mutual TLS with txnd.
    pub fn tls(&self) -> TlsFiles {
        TlsFiles {
            ca: self.tls_ca.clone(),
            cert: self.tls_cert.clone(),
            key: self.tls_key.clone(),
            crl: self.tls_crl.clone(),
        }
    }

    /// TLS with clients, if there is.
    pub(crate) fn door(&self) -> Option<DoorSettings> {
        Some(DoorSettings {
            cert: self.server_cert.clone()?,
            key: self.server_key.clone()?,
            client_ca: self.client_ca.clone(),
            client_crl: self.client_crl.clone(),
            client_cert_required: self.require_client_cert,
            tls12: self.tls_min == TlsVersion::Tls12,
        })
    }

    /// When checkpoints are written, and how fast.
    pub(crate) fn checkpoints(&self) -> Schedule {
        Schedule {
            after: self.checkpoint_after.0,
            rate: self.checkpoint_rate.as_u64(),
            at_stop: self.drain_timeout / 3,
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
            hash_seeds: self.hash_seeds,
            outcomes: engine::OutcomeLimits {
                window: self.idempotency_window.as_micros() as proto::Micros,
                keys: self.idempotency_keys as usize,
                bytes: self.idempotency_memory.as_u64() as usize,
            },
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
    fn checkpoints_come_after_a_size_or_never() {
        assert_eq!(checkpoint_after("never"), Ok(CheckpointAfter(None)));
        assert_eq!(checkpoint_after("1MiB"), Ok(CheckpointAfter(Some(1 << 20))));
        assert!(checkpoint_after("1").is_err_and(|e| e.contains("never")));
    }

    #[test]
    fn log_targets_read_back() {
        for text in ["off", "file:./kvs-data", "file:/var/lib/kvs:1", "https://txnd:5051", "backup:/b"] {
            assert_eq!(text.parse::<LogTarget>().unwrap().to_string(), text);
        }
        let postgres: LogTarget = "postgres://kvs:secret@db.example:5433/state".parse().unwrap();
        assert_eq!(postgres.to_string(), "postgres://kvs@db.example:5433/state");
        for text in ["", "file:", "on", "postgres:", "http://localhost:5051"] {
            assert!(text.parse::<LogTarget>().is_err(), "{text}");
        }
    }
}
