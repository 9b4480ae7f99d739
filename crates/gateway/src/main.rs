//! The kvs program: configuration, diagnostics, signals, exit codes. Everything else is in the library.

use std::process::ExitCode;

use clap::Parser;
use gateway::config::{Command, TraceFormat, TraceLevel};
use gateway::{Config, StartError};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{Level, error, info, warn};
use txnd::SinkError;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// File descriptors besides one for each connection: listeners, runtimes, the log.
const OTHER_FILES: u64 = 256;

/// Signals within this time are one wish to stop.
const SAME_STOP: std::time::Duration = std::time::Duration::from_secs(1);

const LOG_FAILED: u8 = 1;
const CANNOT_LISTEN: u8 = 3;
const CANNOT_OPEN_LOG: u8 = 4;
const LOG_DAMAGED: u8 = 5;

fn main() -> ExitCode {
    let config = Config::parse();
    if config.command == Some(Command::Health) {
        return match gateway::health::check(config.http_addr) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                eprintln!("kvs at {}: {e}", config.http_addr);
                ExitCode::FAILURE
            }
        };
    }
    init_tracing(config.trace, config.trace_format);
    raise_file_limit(u64::from(config.max_connections) + OTHER_FILES);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            error!(error = %e, "cannot make a runtime");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(run(config));
    // A sink that hangs must not keep the process from ending.
    runtime.shutdown_background();
    code
}

async fn run(config: Config) -> ExitCode {
    let signals = signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
    let (mut terminate, mut interrupt) = match signals {
        Ok(signals) => signals,
        Err(e) => {
            error!(error = %e, "cannot listen for signals");
            return ExitCode::FAILURE;
        }
    };
    let started = tokio::select! {
        started = gateway::start(config) => started,
        () = either(&mut terminate, &mut interrupt) => {
            info!("stopped before the start was complete");
            return ExitCode::SUCCESS;
        }
    };
    let server = match started {
        Ok(server) => server,
        Err(e) => {
            error!("kvs did not start: {e}");
            return ExitCode::from(match e {
                StartError::Listen(..) => CANNOT_LISTEN,
                StartError::Log(SinkError::Corrupt { .. }) => LOG_DAMAGED,
                StartError::Log(_) => CANNOT_OPEN_LOG,
                StartError::Thread(_) => LOG_FAILED,
            });
        }
    };
    either(&mut terminate, &mut interrupt).await;
    tokio::select! {
        stopped = server.stop() => match stopped {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                error!("kvs stopped, but not everything is in the log: {e}");
                ExitCode::from(LOG_FAILED)
            }
        },
        () = again(&mut terminate, &mut interrupt) => {
            warn!("another signal: ending at once");
            ExitCode::from(LOG_FAILED)
        }
    }
}

/// Waits for a signal that is not part of the first stop: supervisors send one to a process and to its group.
async fn again(terminate: &mut Signal, interrupt: &mut Signal) {
    let first = std::time::Instant::now();
    loop {
        either(terminate, interrupt).await;
        if first.elapsed() >= SAME_STOP {
            return;
        }
    }
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

fn init_tracing(level: TraceLevel, format: TraceFormat) {
    use std::io::IsTerminal;

    let level = match level {
        TraceLevel::Error => Level::ERROR,
        TraceLevel::Warn => Level::WARN,
        TraceLevel::Info => Level::INFO,
        TraceLevel::Debug => Level::DEBUG,
    };
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    // Where diagnostics cannot be written, the server goes on without them.
    let subscriber =
        tracing_subscriber::fmt().log_internal_errors(false).with_max_level(level).with_writer(std::io::stderr);
    let subscriber = subscriber.with_target(false);
    match format {
        TraceFormat::Auto => subscriber.with_ansi(colours).init(),
        TraceFormat::Json => subscriber.json().flatten_event(true).init(),
    }
}

/// Raises the limit of open files to `wanted`, as far as the system lets us.
fn raise_file_limit(wanted: u64) {
    use rustix::process::{Resource, getrlimit, setrlimit};

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
            wanted, "the limit of open files is lower than --max-connections needs; raise it with ulimit -n"
        );
    }
}
