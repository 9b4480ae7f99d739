//! The program's log on standard error.

use std::io;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use tracing::Level;

/// How much is logged; each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum TraceLevel {
    Error,
    Warn,
    Info,
    /// Also rejected requests and broken connections.
    Debug,
}

/// Format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TraceFormat {
    /// Text.
    Auto,
    /// One JSON object per line.
    Json,
}

/// Starts logging to standard error.
pub fn init(level: TraceLevel, format: TraceFormat) {
    use std::io::IsTerminal;

    let level = match level {
        TraceLevel::Error => Level::ERROR,
        TraceLevel::Warn => Level::WARN,
        TraceLevel::Info => Level::INFO,
        TraceLevel::Debug => Level::DEBUG,
    };
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    // If the log cannot be written, the server continues without it.
    let subscriber = tracing_subscriber::fmt().log_internal_errors(false).with_max_level(level).with_writer(io::stderr);
    let subscriber = subscriber.with_target(false);
    match format {
        TraceFormat::Auto => subscriber.with_ansi(colours).init(),
        TraceFormat::Json => subscriber.json().flatten_event(true).init(),
    }
}

/// Lets one line through per interval and counts those that it suppresses, for events that can occur many times a
/// second.
#[derive(Debug)]
pub struct Throttle {
    every: Duration,
    last: Option<Instant>,
    held_back: u64,
}

impl Throttle {
    /// At most one line per `every`.
    pub fn new(every: Duration) -> Self {
        Self { every, last: None, held_back: 0 }
    }

    /// If a line may be written now, returns how many were suppressed since the last one.
    pub fn pass(&mut self) -> Option<u64> {
        if self.last.is_some_and(|last| last.elapsed() < self.every) {
            self.held_back += 1;
            return None;
        }
        self.last = Some(Instant::now());
        Some(std::mem::take(&mut self.held_back))
    }
}
