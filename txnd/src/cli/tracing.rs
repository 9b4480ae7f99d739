//! Diagnostics on standard error.

use std::io;

use clap::ValueEnum;
use tracing::Level;

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
pub fn init(level: TraceLevel, format: TraceFormat) {
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
