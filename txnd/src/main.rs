//! The txnd program: configuration, diagnostics, signals, exit codes. Everything else is in the library.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use txnd::cli::files::{raise_file_limit, warn_of_fewer_connections};
use txnd::cli::operator::{self as listener, OperatorError};
use txnd::cli::signals::{Signals, Wish};
use txnd::cli::start_retry::StartRetry;
use txnd::cli::{certs, exit, flags, supervisor, tracing as diagnostics};
use txnd::config::{Command, Config, SinkTarget};
use txnd::operator::Operator;
use txnd::service::{LogThread, server};
use txnd::tls::certs::Set;
use txnd::tls::{Acceptor, Limits, TlsError, incoming};
use txnd::{LogWriter, PostgresSink, Retention, SegmentSink, SinkError, health};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// File descriptors used for everything but connections: listeners, runtimes, the log.
const OTHER_FILES: usize = 48;

/// Time for clients to take their last responses after the log has been stopped.
const LAST_RESPONSES_TIMEOUT: Duration = Duration::from_secs(2);

/// Why txnd did not start, or did not stop gracefully.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("cannot listen on {0}: {1}; choose another address with --grpc-addr")]
    Listen(SocketAddr, io::Error),
    #[error(transparent)]
    Operator(#[from] OperatorError),
    #[error(transparent)]
    Log(#[from] SinkError),
    #[error("{0}")]
    Failed(SinkError),
    #[error("the gRPC server failed: {0}")]
    Grpc(#[from] tonic::transport::Error),
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    #[error("not every received batch became durable within --drain-timeout; the rest was not acknowledged")]
    Late,
    #[error("second signal: stopped at once")]
    Again,
}

/// Everything that is set up before the log, so that a wrong certificate or address shows at once.
struct Front {
    config: Config,
    acceptor: Arc<Acceptor>,
    listener: TcpListener,
    /// The operator's.
    admin: Option<TcpListener>,
    grpc_addr: SocketAddr,
    signals: Signals,
    limits: Limits,
}

fn main() -> ExitCode {
    let mut config: Config = flags::parse(&[("TXND_METRICS_ADDR", "TXND_ADMIN_ADDR")]);
    let command = config.command.take();
    if let Some(Command::Certs(args)) = command {
        return certs::run("txnd", args, Set::LOG);
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("cannot create the runtime: {e}");
            return ExitCode::FAILURE;
        }
    };
    if let Some(Command::Health) = command {
        return match runtime.block_on(health::check(&config.tls(), config.grpc_addr)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                eprintln!("{e}");
                ExitCode::FAILURE
            }
        };
    }
    diagnostics::init(config.trace, config.trace_format);
    let served = runtime.block_on(serve(config));
    // A sink that hangs must not keep the process from ending.
    runtime.shutdown_background();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            error!("txnd: {e}");
            ExitCode::from(e.exit_code())
        }
    }
}

async fn serve(config: Config) -> Result<(), ServeError> {
    let front = Front::prepare(config).await?;
    match front.config.sink.clone() {
        SinkTarget::File(folder) => {
            let sink = SegmentSink::new(folder, front.config.segment_size.as_u64())
                .with_retention(front.config.retain.unwrap_or(Retention::DEFAULT_OF_FILES));
            front.run(sink).await
        }
        SinkTarget::Postgres(url) => {
            let sink: PostgresSink = url.parse().map_err(SinkError::Failed)?;
            let sink = sink.with_retention(front.config.retain.unwrap_or(Retention::DEFAULT_OF_TABLES));
            supervisor::starting("opening the database");
            // An unusable database shows at once, not when the first writer connects.
            let mut front = front;
            let mut retry = StartRetry::new(front.config.wait_for_log);
            let prepare = async {
                while let Err(e) = sink.prepare().await {
                    retry.pause(e).await?;
                }
                Ok::<_, SinkError>(())
            };
            tokio::select! {
                prepared = prepare => prepared?,
                () = front.signals.stop() => return Ok(()),
            }
            front.run(sink).await
        }
    }
}

impl Front {
    async fn prepare(config: Config) -> Result<Self, ServeError> {
        let signals = Signals::listen().map_err(ServeError::Signals)?;
        let admin = match config.admin_addr {
            Some(addr) => Some(listener::listen(addr).await?),
            None => None,
        };
        let mut limits = Limits::default();
        let fitting = raise_file_limit(limits.connections, limits.handshakes + OTHER_FILES);
        if fitting < limits.connections {
            warn_of_fewer_connections(limits.connections, fitting);
            limits.connections = fitting;
        }
        let acceptor = Arc::new(Acceptor::new(config.tls(), config.allow.clone())?);
        let bound = TcpListener::bind(config.grpc_addr).await.and_then(|listener| {
            let addr = listener.local_addr()?;
            Ok((listener, addr))
        });
        let (listener, grpc_addr) = bound.map_err(|e| ServeError::Listen(config.grpc_addr, e))?;
        Ok(Self { config, acceptor, listener, admin, grpc_addr, signals, limits })
    }

    /// Serves until a signal to stop.
    async fn run<S: LogWriter + Send + 'static>(mut self, sink: S) -> Result<(), ServeError> {
        let log = LogThread::start(sink).map_err(ServeError::Thread)?;
        let operator = Arc::new(Operator::new(&self.config, log.check(), self.limits.connections));
        tokio::spawn(supervisor::inform(Arc::clone(&operator)));
        if let Some(admin) = self.admin.take() {
            tokio::spawn(listener::serve(admin, operator));
        }
        let (drain_timeout, complete) = (self.config.drain_timeout, Cell::new(true));
        let mut failure = None;
        let stop = CancellationToken::new();
        let connections = incoming(self.listener, Arc::clone(&self.acceptor), self.limits, stop.clone());
        // At the end of its connections the server would not wait for what stops the log.
        let connections = connections.chain(tokio_stream::pending());
        let mut serving = std::pin::pin!(server(&log).serve_with_incoming_shutdown(connections, async {
            stop.cancelled().await;
            // Received batches become durable and are acknowledged, and the streams end.
            complete.set(log.stop(drain_timeout).await);
        }));
        info!(grpc_addr = %self.grpc_addr, sink = %self.config.sink, "listening");
        supervisor::ready();
        let stop_signal = async {
            loop {
                match self.signals.next().await {
                    Wish::Stop => break,
                    Wish::Reload => reload(&self.acceptor).await,
                    // kvs has the state.
                    Wish::Checkpoint => {}
                }
            }
        };
        tokio::select! {
            served = &mut serving => return Ok(served?),
            () = stop_signal => stop.cancel(),
            // Ends the program, so that a supervisor can restart it: the log must be read again from its beginning.
            why = log.failed() => {
                failure = Some(why);
                stop.cancel();
            }
        }
        info!("stopping");
        supervisor::stopping();
        tokio::select! {
            served = &mut serving => served?,
            () = tokio::time::sleep(drain_timeout + LAST_RESPONSES_TIMEOUT) => return Err(ServeError::Late),
            () = self.signals.stop_again() => return Err(ServeError::Again),
        }
        if let Some(why) = failure {
            return Err(ServeError::Failed(why));
        }
        if !complete.get() {
            return Err(ServeError::Late);
        }
        info!("stopped");
        Ok(())
    }
}

impl ServeError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Tls(_) => exit::USAGE,
            Self::Listen(..) | Self::Operator(_) => exit::CANNOT_LISTEN,
            Self::Log(_) => exit::CANNOT_OPEN_LOG,
            Self::Failed(_) | Self::Grpc(_) | Self::Thread(_) | Self::Signals(_) | Self::Late | Self::Again => {
                exit::FAILED
            }
        }
    }
}

/// SIGHUP: reloads the certificates at once.
async fn reload(acceptor: &Arc<Acceptor>) {
    match acceptor.reload().await {
        Ok(true) => {}
        Ok(false) => info!("SIGHUP: the certificates have not changed"),
        Err(e) => warn!("SIGHUP: the certificates cannot be used, those of before stay in use: {e}"),
    }
}
