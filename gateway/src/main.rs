//! The kvs program: configuration, diagnostics, signals and exit codes. Everything else is in the library.

use std::io::{BufWriter, ErrorKind, Write};
use std::process::ExitCode;

use gateway::config::{Command, Config, RENAMED_VARIABLES, Tool, WhenFenced};
use gateway::tools::ToolError;
use gateway::{StartError, limit_connections};
use tracing::{error, info, warn};
use txnd::SinkError;
use txnd::cli::files::survive_size_limit;
use txnd::cli::signals::{Signals, Wish};
use txnd::cli::tracing::TraceLevel;
use txnd::cli::{certs, exit, flags, supervisor, tracing as diagnostics};
use txnd::tls::certs::Set;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut config: Config = flags::parse(&RENAMED_VARIABLES);
    match config.command.clone() {
        Some(Command::Health) => {
            return match gateway::health::check(&config) {
                Ok(()) => ExitCode::SUCCESS,
                Err(e) => {
                    eprintln!("{e}");
                    ExitCode::FAILURE
                }
            };
        }
        Some(Command::Certs(args)) => return certs::run("kvs", args, Set::CLIENTS),
        Some(Command::Tool(tool)) => return run_tool(&config, &tool),
        None => {}
    }
    diagnostics::init(config.trace.unwrap_or(TraceLevel::Info), config.trace_format);
    limit_connections(&mut config);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            error!(error = %e, "cannot create a runtime");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(run(config));
    // A sink that hangs must not keep the process from exiting.
    runtime.shutdown_background();
    code
}

fn run_tool(config: &Config, tool: &Tool) -> ExitCode {
    diagnostics::init(config.trace.unwrap_or(TraceLevel::Warn), config.trace_format);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let mut out = BufWriter::new(std::io::stdout());
    let done = runtime
        .map_err(ToolError::Output)
        .and_then(|runtime| {
            runtime.block_on(async {
                survive_size_limit()?;
                gateway::tools::run(config, tool, &mut out).await
            })
        })
        .and_then(|()| Ok(out.flush()?));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has seen enough.
        Err(ToolError::Output(e)) if e.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("kvs: {e}");
            ExitCode::from(match e {
                ToolError::Log(SinkError::Corrupt { .. }) => exit::LOG_DAMAGED,
                ToolError::Log(_) => exit::CANNOT_OPEN_LOG,
                ToolError::Identities(_) => exit::USAGE,
                ToolError::Output(_) => exit::FAILED,
            })
        }
    }
}

async fn run(config: Config) -> ExitCode {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(e) => {
            error!(error = %e, "cannot listen for signals");
            return ExitCode::FAILURE;
        }
    };
    let when_fenced = config.when_fenced;
    let started = tokio::select! {
        started = gateway::start(config) => started,
        () = signals.stop() => {
            info!("stopped before startup was complete");
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
                StartError::Log(_) | StartError::Backup(_) => exit::CANNOT_OPEN_LOG,
                StartError::Access(_) | StartError::AccessLog(..) | StartError::Tls(_) | StartError::Open(_) => {
                    exit::USAGE
                }
                StartError::Thread(_) | StartError::Uring(_) => exit::FAILED,
            });
        }
    };
    supervisor::ready();
    let mut read_only = false;
    loop {
        tokio::select! {
            wish = signals.next() => match wish {
                Wish::Stop => break,
                Wish::Reload => server.reload(),
                Wish::Checkpoint => server.checkpoint(),
            },
            () = server.log_lost(), if !read_only => match when_fenced {
                // A supervisor can restart it, or leave the service to the kvs that owns the log now.
                WhenFenced::Exit => {
                    error!("exiting because writes are no longer possible; with --when-fenced read-only kvs keeps serving reads");
                    break;
                }
                WhenFenced::ReadOnly => {
                    warn!("kvs is read-only from now on; reads may return writes that never became durable");
                    read_only = true;
                }
            },
        }
    }
    supervisor::stopping();
    tokio::select! {
        stopped = server.stop() => match stopped {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                error!("kvs stopped, but not everything is in the log: {e}");
                ExitCode::from(match e {
                    SinkError::Fenced { .. } => exit::FENCED,
                    _ => exit::FAILED,
                })
            }
        },
        () = signals.stop_again() => {
            warn!("second signal: exiting immediately");
            ExitCode::from(exit::FAILED)
        }
    }
}
