//! What the programs kvs and txnd have in common: diagnostics, signals, exit codes, and how flags are read.

use std::ffi::OsStr;
use std::io;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command, ValueEnum};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{Level, warn};

/// File descriptors besides one for each connection: listeners, runtimes, the log.
const OTHER_FILES: u64 = 256;

/// Signals within this time are one wish to stop.
const SAME_STOP: Duration = Duration::from_secs(1);

/// Exit codes besides 0 for a program that has stopped in order and 2 for wrong usage.
pub mod exit {
    /// The log failed, or did not become durable before the program ended.
    pub const FAILED: u8 = 1;
    /// What the flags name cannot be used.
    pub const USAGE: u8 = 2;
    /// An address cannot be listened on.
    pub const CANNOT_LISTEN: u8 = 3;
    /// The log cannot be opened.
    pub const CANNOT_OPEN_LOG: u8 = 4;
    /// The log is damaged.
    pub const LOG_DAMAGED: u8 = 5;
}

/// How much diagnostics are given; each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum TraceLevel {
    Error,
    Warn,
    Info,
    /// Refused requests and broken connections, too.
    Debug,
}

/// Form of the diagnostics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TraceFormat {
    /// Text.
    Auto,
    /// One JSON object a line.
    Json,
}

/// Sends diagnostics to standard error.
pub fn init_tracing(level: TraceLevel, format: TraceFormat) {
    use std::io::IsTerminal;

    let level = match level {
        TraceLevel::Error => Level::ERROR,
        TraceLevel::Warn => Level::WARN,
        TraceLevel::Info => Level::INFO,
        TraceLevel::Debug => Level::DEBUG,
    };
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    // Where diagnostics cannot be written, the server goes on without them.
    let subscriber = tracing_subscriber::fmt().log_internal_errors(false).with_max_level(level).with_writer(io::stderr);
    let subscriber = subscriber.with_target(false);
    match format {
        TraceFormat::Auto => subscriber.with_ansi(colours).init(),
        TraceFormat::Json => subscriber.json().flatten_event(true).init(),
    }
}

/// SIGTERM and SIGINT, which ask a program to stop.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Listens from now on. Must be called within a tokio runtime.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one of them.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// After one: waits for another that is not part of the same stop. Supervisors send one to a process and to its group.
    pub async fn again(&mut self) {
        let first = Instant::now();
        loop {
            self.next().await;
            if first.elapsed() >= SAME_STOP {
                return;
            }
        }
    }
}

/// Raises the limit of open files to what so many connections need, as far as the system lets us.
pub fn raise_file_limit(connections: u64) {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let wanted = connections + OTHER_FILES;
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let allowed = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    limit.current = Some(allowed);
    let raised = setrlimit(Resource::Nofile, limit).is_ok();
    if !raised || allowed < wanted {
        warn!(
            allowed,
            wanted, "the limit of open files is lower than {connections} connections need; raise it with ulimit -n"
        );
    }
}

/// The address to connect to for one that is listened on: all addresses include that of this machine to itself.
pub fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    (ip, addr.port()).into()
}

/// Reads a flag's value, or an environment variable's, that may hold a password. Its errors do not quote what was given, as
/// clap's own do: diagnostics go where others read them.
#[derive(Debug)]
pub struct Unquoted<T>(PhantomData<fn() -> T>);

/// A parser for [`Unquoted`] values.
pub fn unquoted<T>() -> Unquoted<T> {
    Unquoted(PhantomData)
}

impl<T> Clone for Unquoted<T> {
    fn clone(&self) -> Self {
        unquoted()
    }
}

impl<T: FromStr<Err = String> + Clone + Send + Sync + 'static> TypedValueParser for Unquoted<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, flag: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        let parsed = value.to_str().ok_or_else(|| "it is not valid UTF-8".into()).and_then(str::parse);
        parsed.map_err(|why: String| {
            let flag = flag.and_then(Arg::get_long).unwrap_or_default();
            let message = format!("invalid value for '--{flag}': {why}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

/// Reads an address to listen on from a flag.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an IP address and a port are expected, such as 127.0.0.1:8080 or [::1]:8080".into())
}

/// Reads a size of `MIN` bytes or more from a flag.
pub fn at_least<const MIN: u64>(text: &str) -> Result<ByteSize, String> {
    within::<MIN, { u64::MAX }>(text)
}

/// Reads a size of `MIN` to `MAX` bytes from a flag.
pub fn within<const MIN: u64, const MAX: u64>(text: &str) -> Result<ByteSize, String> {
    let size: ByteSize = text.parse()?;
    match size.as_u64() {
        bytes if bytes < MIN => Err(format!("at least {} is expected", ByteSize::b(MIN))),
        bytes if bytes > MAX => Err(format!("at most {} is expected", ByteSize::b(MAX))),
        _ => Ok(size),
    }
}

/// Reads a time of more than 0 from a flag.
pub fn positive_time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text).map_err(|e| e.to_string())? {
        Duration::ZERO => Err("more than 0 is expected".into()),
        time => Ok(time),
    }
}
