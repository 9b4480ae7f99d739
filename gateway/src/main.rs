//! The kvs program: configuration, diagnostics, signals, exit codes. Everything else is in the library.

use std::process::ExitCode;

use clap::Parser;
use gateway::config::Command;
use gateway::{Config, StartError};
use tracing::{error, info, warn};
use txnd::SinkError;
use txnd::cli::files::raise_file_limit;
use txnd::cli::signals::StopSignals;
use txnd::cli::{exit, tracing as diagnostics};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    diagnostics::init(config.trace, config.trace_format);
    raise_file_limit(config.max_connections.into());
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
    let mut signals = match StopSignals::listen() {
        Ok(signals) => signals,
        Err(e) => {
            error!(error = %e, "cannot listen for signals");
            return ExitCode::FAILURE;
        }
    };
    let started = tokio::select! {
        started = gateway::start(config) => started,
        () = signals.next() => {
            info!("stopped before the start was complete");
            return ExitCode::SUCCESS;
        }
    };
    let server = match started {
        Ok(server) => server,
        Err(e) => {
            error!("kvs did not start: {e}");
            return ExitCode::from(match e {
                StartError::Listen(..) => exit::CANNOT_LISTEN,
                StartError::Log(SinkError::Corrupt { .. }) => exit::LOG_DAMAGED,
                StartError::Log(_) => exit::CANNOT_OPEN_LOG,
                StartError::Token(_) => exit::USAGE,
                StartError::Thread(_) => exit::FAILED,
            });
        }
    };
    signals.next().await;
    tokio::select! {
        stopped = server.stop() => match stopped {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                error!("kvs stopped, but not everything is in the log: {e}");
                ExitCode::from(exit::FAILED)
            }
        },
        () = signals.again() => {
            warn!("another signal: ending at once");
            ExitCode::from(exit::FAILED)
        }
    }
}
