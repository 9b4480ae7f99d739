//! Startup and shutdown. Startup: bind, recover, listen. Shutdown: accept no more connections, finish the requests that
//! were read, make the log durable.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use engine::Engine;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, info, warn};
use txnd::cli::{operator, supervisor};
use txnd::config::SinkTarget;
use txnd::remote::MutualTls;
use txnd::tls::{Door, TlsError, system_clock, watch_expiry};
use txnd::{LogWriter, PostgresSink, RemoteSink, Retention, SegmentSink, SinkError};

use crate::access::{self, Access, AccessError};
use crate::access_log::AccessLog;
use crate::admin::{Operator, Serving, Sources};
use crate::clock::Clock;
use crate::config::{self, AdminAddr, Config, DEFAULT_ADMIN_ADDR, Io, LogTarget};
use crate::context::Shared;
use crate::lifecycle::{Lifecycle, Phase};
use crate::listener::{Listeners, Sockets};
use crate::log::thread::{LogThread, Recovered};
use crate::protocol::Protocol;
use crate::sweeper::Sweeper;
use crate::{ring, worker};

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be used; the last field is the flag that sets it.
    #[error("cannot listen on {0}: {1}; choose another address with {2}")]
    Listen(SocketAddr, std::io::Error, &'static str),
    /// The log cannot be opened or read.
    #[error("{0}")]
    Log(#[from] SinkError),
    /// A backup was given as the log.
    #[error("{} is a backup, which can only be read: make a log of it with `kvs restore`", .0.display())]
    Backup(PathBuf),
    /// The token or the identities cannot be read.
    #[error("{0}")]
    Access(String),
    /// The access log cannot be written.
    #[error("cannot open the access log {0}: {1}; expected a file that can be written, or --access-log off")]
    AccessLog(config::AccessLogTarget, std::io::Error),
    /// The server's certificate cannot be used.
    #[error("cannot use TLS with clients: {0}")]
    Tls(#[from] TlsError),
    /// Everybody could use an address that other machines can reach.
    #[error(
        "{0} can be reached from other machines, and no identities are set: everybody could read and write. Make one with \
         `kvs token new NAME --scope read,write --identities FILE` and start kvs with `--identities FILE`, or say \
         `--allow-anonymous` if that is meant"
    )]
    Open(SocketAddr),
    /// `--io uring` is impossible.
    #[error("cannot use io_uring: {0}; expected a kernel that allows it, or --io auto, which uses epoll then")]
    Uring(String),
    /// A thread or runtime could not be created.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// A running server. Dropping it stops it without waiting for the end; [`Running::stop`] waits.
pub struct Running {
    http_addr: SocketAddr,
    frame_addr: SocketAddr,
    shared: Arc<Shared>,
    stop_workers: watch::Sender<bool>,
    workers: Vec<thread::JoinHandle<()>>,
    /// Removes entries that have expired.
    sweeper: Sweeper,
    log: Option<LogThread>,
    lifecycle: Arc<Lifecycle>,
    /// The operator's listener, and what reads identities and certificates again. They end when they are dropped.
    _tasks: JoinSet<()>,
}

/// Starts a server with the log that the configuration names. Returns when the server accepts connections.
pub async fn start(mut config: Config) -> Result<Running, StartError> {
    if let LogTarget::LogWriter(SinkTarget::File(folder)) = &mut config.log {
        // So that messages name the folder independently of the working directory.
        *folder = std::path::absolute(&folder).unwrap_or_else(|_| folder.clone());
    }
    match &config.log {
        LogTarget::Off => start_with(config, None::<SegmentSink>).await,
        LogTarget::LogWriter(SinkTarget::File(folder)) => {
            let sink = SegmentSink::new(folder, config.segment_size.as_u64())
                .with_retention(config.retain.unwrap_or(Retention::DEFAULT_OF_FILES));
            start_with(config, Some(sink)).await
        }
        LogTarget::LogWriter(SinkTarget::Postgres(url)) => {
            let sink: PostgresSink = url.parse().map_err(SinkError::Failed)?;
            let sink = sink.with_retention(config.retain.unwrap_or(Retention::DEFAULT_OF_TABLES));
            start_with(config, Some(sink)).await
        }
        LogTarget::Backup(dir) => Err(StartError::Backup(dir.clone())),
        LogTarget::Remote(url) => {
            let connector = MutualTls::new(url, config.tls()).map_err(SinkError::Failed)?;
            watch_expiry(config.tls(), system_clock()).await;
            start_with(config, Some(RemoteSink::new(connector))).await
        }
    }
}

/// Starts a server with `sink` as its log, or without a log.
pub async fn start_with<S: LogWriter + Send + 'static>(config: Config, sink: Option<S>) -> Result<Running, StartError> {
    let access = Arc::new(access(&config)?);
    let door = config.door().map(|door| Door::new(door, Protocol::ALL.map(Protocol::alpn).into())).transpose()?;
    let access_log = match config.access_log.clone() {
        config::AccessLog::Off => None,
        config::AccessLog::To(target) => {
            Some(AccessLog::start(target.clone()).map_err(|e| StartError::AccessLog(target, e))?)
        }
    };
    let with_ring = with_ring(config.io)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = config.workers.map_or(cores, usize::from);
    // Bind before recovery, so that a wrong address is reported at once. Listen only after it.
    let bind = |addr, flag| Listeners::bind(addr, workers).map_err(|e| StartError::Listen(addr, e, flag));
    let http = bind(config.http_addr, "--http-addr")?;
    let frames = bind(config.frame_addr, "--frame-addr")?;
    let (http_addr, frame_addr) = (http.address, frames.address);
    let mut tasks = JoinSet::new();
    let sources = Sources::new(config.clone(), Arc::clone(&access));
    let admin = admin_listener(&config).await?;
    let admin_addr = admin.as_ref().and_then(|listener| listener.local_addr().ok());
    let operator = Arc::new(Operator::new(Arc::clone(&sources)));
    tasks.spawn(supervisor::inform(Arc::clone(&operator)));
    if let Some(listener) = admin {
        tasks.spawn(operator::serve(listener, operator));
    }

    let (recovered, log, records) = match sink {
        None => {
            warn!("the log is off: all data is lost when kvs exits");
            let engine = Arc::new(Engine::new(config.engine()));
            (Recovered { engine, clock: Arc::new(Clock::starting(0)) }, None, None)
        }
        Some(sink) => {
            let (lifecycle, meters) = (Arc::clone(&sources.lifecycle), Arc::clone(&sources.log));
            let started = LogThread::start(sink, &config, lifecycle, meters)?;
            let (recovered, log, records) = started.recovered().await?;
            (recovered, Some(log), Some(records))
        }
    };
    let watch = log.as_ref().map(LogThread::watch).zip(records);
    let sweeper = Sweeper::start(Arc::clone(&recovered.engine), Arc::clone(&recovered.clock))?;
    let shared = Arc::new(Shared::new(config, recovered, watch, access, door, access_log, workers));
    tasks.spawn(Arc::clone(&shared.access).watch());
    if let Some(door) = &shared.door {
        tasks.spawn(Arc::clone(door).watch());
    }
    let (stop_workers, stop) = watch::channel(false);
    let http = http.listen().map_err(|e| StartError::Listen(http_addr, e, "--http-addr"))?;
    let frames = frames.listen().map_err(|e| StartError::Listen(frame_addr, e, "--frame-addr"))?;
    let sockets = http.into_iter().zip(frames).map(|(http, frames)| Sockets { http, frames });
    let workers = sockets
        .enumerate()
        .map(|(number, sockets)| worker::spawn(number, sockets, Arc::clone(&shared), with_ring, stop.clone()))
        .collect::<Result<_, _>>()?;
    let (buffer, checkpoints) = (log.as_ref().map(LogThread::buffer), log.as_ref().map(LogThread::checkpoints));
    sources.serve(Serving { shared: Arc::clone(&shared), buffer, checkpoints });
    sources.lifecycle.enter(Phase::Serving);
    let admin = admin_addr.map_or("off".into(), |addr| addr.to_string());
    info!(http_addr = %http_addr, frame_addr = %frame_addr, admin_addr = %admin, log = %shared.config.log, "listening");
    let lifecycle = Arc::clone(&sources.lifecycle);
    Ok(Running { http_addr, frame_addr, shared, lifecycle, stop_workers, workers, sweeper, log, _tasks: tasks })
}

/// Whether workers use io_uring.
fn with_ring(io: Io) -> Result<bool, StartError> {
    let possible = match io {
        Io::Epoll => Err("--io epoll".into()),
        Io::Auto | Io::Uring => ring::probe(),
    };
    match (possible, io) {
        (Ok(()), _) => {
            info!(io = "uring", "I/O with clients");
            Ok(true)
        }
        (Err(why), Io::Uring) => Err(StartError::Uring(why)),
        (Err(why), Io::Auto | Io::Epoll) => {
            info!(io = "epoll", because = why, "I/O with clients");
            Ok(false)
        }
    }
}

/// Who may use the server. Fails if everybody could by mistake.
fn access(config: &Config) -> Result<Access, StartError> {
    let sources = access::Sources {
        token_file: config.token_file.clone(),
        identities: config.identities.clone(),
        anonymous: config.allow_anonymous,
    };
    let access =
        Access::load(sources, config.auth_failures).map_err(|e: AccessError| StartError::Access(e.to_string()))?;
    let is_open = !access.knows_identities() && !config.require_client_cert && config.allow_anonymous.is_none();
    let admin_addr = match config.admin_addr {
        Some(AdminAddr::At(addr)) => Some(addr),
        Some(AdminAddr::Off) | None => None,
    };
    let is_exposed = |addr: &SocketAddr| !addr.ip().to_canonical().is_loopback();
    let exposed = [config.http_addr, config.frame_addr].into_iter().chain(admin_addr).find(is_exposed);
    match exposed.filter(|_| is_open) {
        Some(addr) => Err(StartError::Open(addr)),
        None => Ok(access),
    }
}

/// The operator's listener. If none is asked for, another program may have its address.
async fn admin_listener(config: &Config) -> Result<Option<TcpListener>, StartError> {
    match config.admin_addr {
        Some(AdminAddr::Off) => Ok(None),
        Some(AdminAddr::At(addr)) => match TcpListener::bind(addr).await {
            Ok(listener) => Ok(Some(listener)),
            Err(e) => Err(StartError::Listen(addr, e, "--admin-addr")),
        },
        None => match TcpListener::bind(DEFAULT_ADMIN_ADDR).await {
            Ok(listener) => Ok(Some(listener)),
            Err(e) => {
                warn!(
                    "no health and metrics: cannot listen on {DEFAULT_ADMIN_ADDR}: {e}; choose another address with --admin-addr"
                );
                Ok(None)
            }
        },
    }
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

    /// Waits until writes have become impossible: the log has failed permanently, or another writer has taken it over.
    pub async fn log_lost(&self) {
        match &self.shared.log {
            Some(log) => drop(log.lost().await),
            None => std::future::pending().await,
        }
    }

    /// Reloads the part of the configuration that can change while the server runs: the token and the identities. Opens
    /// the access log again.
    pub fn reload(&self) {
        self.shared.access.reload_now();
        if let Some(access_log) = &self.shared.access_log {
            access_log.reopen();
        }
    }

    /// Begins a checkpoint now, or when the one that is being written is complete.
    pub fn checkpoint(&self) {
        match &self.log {
            Some(log) => {
                info!("SIGUSR1: a checkpoint is begun");
                log.checkpoints().send();
            }
            None => info!("SIGUSR1: there is no log, and no checkpoint of it"),
        }
    }

    /// Shuts down gracefully. After that every write that was confirmed is durable. Fails if the log has failed, or
    /// takes longer than the drain timeout.
    pub async fn stop(self) -> Result<(), SinkError> {
        info!("stopping: finishing requests");
        self.lifecycle.enter(Phase::Draining);
        self.stop_workers.send_replace(true);
        let access_log = self.shared.access_log.clone();
        let joined = tokio::task::spawn_blocking(move || {
            for worker in self.workers {
                if worker.join().is_err() {
                    error!("a worker panicked");
                }
            }
            if let Some(access_log) = access_log {
                access_log.end();
            }
        });
        // Each worker enforces the drain timeout itself.
        if joined.await.is_err() {
            error!("waiting for the workers failed");
        }
        drop(self.sweeper);
        let Some(log) = self.log else {
            info!("stopped");
            return Ok(());
        };
        let ended = log.stop(self.shared.config.drain_timeout).await;
        ended.inspect(|()| info!("stopped; the log is durable"))
    }
}
