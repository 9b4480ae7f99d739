//! Start and stop. Start: bind, recover, listen. Stop: no new connections, finish what was read, make the log durable.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::JoinHandle;
use std::time::Duration;

use engine::{Engine, LogBuffer};
use tokio::sync::{Notify, oneshot, watch};
use tracing::{error, info, warn};
use txnd::config::SinkTarget;
use txnd::remote::MutualTls;
use txnd::tls::{system_clock, watch_expiry};
use txnd::{Opened, PostgresSink, RemoteSink, SegmentSink, Sink, SinkError};

use crate::auth::Token;
use crate::budget::Budget;
use crate::config::{Config, Durability, LogTarget};
use crate::recovery::recover;
use crate::shipper::{LINGER, LogHealth, LogStatus, Shipper};
use crate::worker::{self, Listeners, Sockets};

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be used; the last part is its flag.
    #[error("cannot listen on {0}: {1}; choose another address with {2}")]
    Listen(SocketAddr, std::io::Error, &'static str),
    /// The log cannot be opened or read.
    #[error("{0}")]
    Log(#[from] SinkError),
    /// The token cannot be read.
    #[error("cannot use the token: {0}")]
    Token(String),
    /// A thread or runtime could not be made.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// Everything that the workers share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) engine: Engine,
    /// The log's status; `None` when the log is off.
    pub(crate) log: Option<watch::Receiver<LogStatus>>,
    /// What clients must show, if anything.
    pub(crate) token: Option<Token>,
    /// Open connections of all workers.
    pub(crate) connections: AtomicUsize,
    /// Memory for larger request bodies and frames.
    pub(crate) bodies: Arc<Budget>,
    /// Memory for larger answers.
    pub(crate) answers: Arc<Budget>,
}

/// A server that answers. Dropping it stops it without waiting for the end; [`Running::stop`] waits.
pub struct Running {
    http_addr: SocketAddr,
    frame_addr: SocketAddr,
    stop_workers: watch::Sender<bool>,
    workers: Vec<JoinHandle<()>>,
    log: Option<RunningLog>,
    drain_timeout: Duration,
}

/// The thread that opens the log, recovers from it, and ships to it.
struct RunningLog {
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<Result<(), SinkError>>,
    buffer: Arc<LogBuffer>,
}

/// What the log's thread hands over when the state is complete.
struct Recovered {
    engine: Engine,
    status: watch::Receiver<LogStatus>,
    buffer: Arc<LogBuffer>,
}

/// Starts a server with the log that the configuration names. Returns when it answers.
pub async fn start(mut config: Config) -> Result<Running, StartError> {
    if let LogTarget::Sink(SinkTarget::File(folder)) = &mut config.log {
        // Messages name the folder in a way that does not depend on where the program was started.
        *folder = std::path::absolute(&folder).unwrap_or_else(|_| folder.clone());
    }
    match &config.log {
        LogTarget::Off => start_with(config, None::<SegmentSink>).await,
        LogTarget::Sink(SinkTarget::File(folder)) => {
            let sink = SegmentSink::new(folder, config.segment_size.as_u64());
            start_with(config, Some(sink)).await
        }
        LogTarget::Sink(SinkTarget::Postgres(url)) => {
            let sink: PostgresSink = url.parse().map_err(SinkError::Failed)?;
            start_with(config, Some(sink)).await
        }
        LogTarget::Remote(url) => {
            let connector = MutualTls::new(url, config.tls()).map_err(SinkError::Failed)?;
            watch_expiry(config.tls(), system_clock()).await;
            start_with(config, Some(RemoteSink::new(connector))).await
        }
    }
}

/// Starts a server with `sink` as its log, or none.
pub async fn start_with<S: Sink + Send + 'static>(config: Config, sink: Option<S>) -> Result<Running, StartError> {
    let token = config.token_file.as_deref().map(Token::read).transpose().map_err(StartError::Token)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = config.workers.map_or(cores, usize::from);
    // Bound before recovery, so that a wrong address shows at once; listening only after it.
    let bind = |addr, flag| Listeners::bind(addr, workers).map_err(|e| StartError::Listen(addr, e, flag));
    let http = bind(config.http_addr, "--http-addr")?;
    let frames = bind(config.frame_addr, "--frame-addr")?;
    let (http_addr, frame_addr) = (http.address, frames.address);

    let engine = Engine::new(config.engine());
    let (engine, status, log) = match sink {
        None => {
            warn!("the log is off: everything is lost when the program ends");
            (engine, None, None)
        }
        Some(sink) => {
            let (recovered, log) = start_log(sink, engine, &config).await?;
            (recovered.engine, Some(recovered.status), Some(log))
        }
    };
    let drain_timeout = config.drain_timeout;
    let shared = Arc::new(Shared {
        engine,
        log: status,
        token,
        connections: AtomicUsize::new(0),
        bodies: Budget::new(config.max_bodies.as_u64() as usize),
        answers: Budget::new(config.max_answers.as_u64() as usize),
        config,
    });
    let (stop_workers, stop) = watch::channel(false);
    let http = http.listen().map_err(|e| StartError::Listen(http_addr, e, "--http-addr"))?;
    let frames = frames.listen().map_err(|e| StartError::Listen(frame_addr, e, "--frame-addr"))?;
    let sockets = http.into_iter().zip(frames).map(|(http, frames)| Sockets { http, frames });
    let workers = sockets
        .enumerate()
        .map(|(number, sockets)| worker::spawn(number, sockets, Arc::clone(&shared), stop.clone()))
        .collect::<Result<_, _>>()?;
    info!(http_addr = %http_addr, frame_addr = %frame_addr, log = %shared.config.log, "listening");
    Ok(Running { http_addr, frame_addr, stop_workers, workers, log, drain_timeout })
}

/// Starts the log's thread and waits until it has recovered the state.
async fn start_log<S: Sink + Send + 'static>(
    mut sink: S,
    mut engine: Engine,
    config: &Config,
) -> Result<(Recovered, RunningLog), StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (budget, format) = (config.log_budget.as_u64() as usize, config.trace_format);
    let linger = match config.durability {
        Durability::Sync => Duration::ZERO,
        Durability::Async => LINGER,
    };
    let (stop, stopped) = watch::channel(false);
    let (send_recovered, recovered) = oneshot::channel();
    let (send_ended, ended) = oneshot::channel();
    // The sink's futures need not be Send: they are made on the thread that runs them.
    let run = move || {
        runtime.block_on(async move {
            let opened = match recover(&mut sink, &engine, format).await {
                Ok(opened) => opened,
                Err(e) => return drop(send_recovered.send(Err(e))),
            };
            let filled = Arc::new(Notify::new());
            let buffer = new_buffer(&opened, budget, Arc::clone(&filled));
            engine.attach_log(Arc::clone(&buffer));
            let (send_status, status) = watch::channel(LogStatus { durable: opened.chain.lsn, health: LogHealth::Up });
            let shipper = Shipper::new(sink, opened, Arc::clone(&buffer), send_status, linger);
            if send_recovered.send(Ok(Recovered { engine, status, buffer })).is_ok() {
                // The receiver is gone when nobody waits for the end.
                let _ = send_ended.send(shipper.run(&filled, stopped).await);
            }
        })
    };
    std::thread::Builder::new().name("kvs-log".into()).spawn(run)?;
    let gone = || SinkError::Failed("the log's thread ended".into());
    let recovered = recovered.await.map_err(|_| gone())??;
    let buffer = Arc::clone(&recovered.buffer);
    Ok((recovered, RunningLog { stop, ended, buffer }))
}

fn new_buffer(opened: &Opened, budget: usize, filled: Arc<Notify>) -> Arc<LogBuffer> {
    Arc::new(LogBuffer::new(opened.chain.lsn + 1, budget, Box::new(move || filled.notify_one())))
}

impl Running {
    /// The address of the REST service.
    pub fn http_addr(&self) -> SocketAddr {
        self.http_addr
    }

    /// The address of the frame protocol.
    pub fn frame_addr(&self) -> SocketAddr {
        self.frame_addr
    }

    /// Stops in order; everything that was answered is durable afterwards. Fails if the log has failed or takes longer
    /// than the drain timeout.
    pub async fn stop(self) -> Result<(), SinkError> {
        info!("stopping: finishing requests");
        self.stop_workers.send_replace(true);
        let joined = tokio::task::spawn_blocking(move || {
            for worker in self.workers {
                if worker.join().is_err() {
                    error!("a worker panicked");
                }
            }
        });
        // Each worker keeps to the drain timeout by itself.
        if joined.await.is_err() {
            error!("waiting for the workers failed");
        }
        let Some(log) = self.log else {
            info!("stopped");
            return Ok(());
        };
        log.buffer.close("the server is stopping");
        log.stop.send_replace(true);
        let ended = match tokio::time::timeout(self.drain_timeout, log.ended).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(_)) => Err(SinkError::Failed("the log's thread ended".into())),
            Err(_) => Err(SinkError::Unavailable(format!(
                "{} bytes of records did not become durable within {:?} and may be lost",
                log.buffer.pending(),
                self.drain_timeout
            ))),
        };
        match log.buffer.unrecorded_reads() {
            0 => {}
            missed => warn!(missed, "reads that the log could not take when it was behind or down"),
        }
        ended.inspect(|()| info!("stopped; the log is durable"))
    }
}
