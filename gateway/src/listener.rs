//! Binding, accepting, how many connections there may be, and whether there is room for one more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tracing::warn;
use txnd::cli::files::{file_limit, raise_file_limit, warn_of_fewer_connections};
use txnd::cli::tracing::Throttle;

use crate::config::{Config, LISTEN_BACKLOG};

/// Pause after `accept` failed, as when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Least time between two warnings that no connection can be accepted.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

/// Connections beyond the limit that are told so at a time; further ones are closed at once.
const REFUSED_AT_A_TIME: usize = 64;

/// File descriptors that a worker needs besides those of connections: its runtime and its listeners.
const FILES_PER_WORKER: usize = 6;

/// File descriptors for everything else: the log above all (segments while one follows the other, or a connection for each
/// table during recovery), standard streams, the other runtimes.
const OTHER_FILES: usize = 30;

/// What a client speaks, by the address that it connected to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Protocol {
    Rest,
    Frames,
}

/// A worker's sockets, one for each protocol.
pub(crate) struct Sockets {
    pub(crate) http: std::net::TcpListener,
    pub(crate) frames: std::net::TcpListener,
}

/// One bound socket per worker, all on the same address; the kernel spreads connections over those that listen.
pub(crate) struct Listeners {
    pub(crate) address: SocketAddr,
    sockets: Vec<Socket>,
    /// Set where connections of another server are in TIME_WAIT.
    shares_with_time_wait: bool,
}

impl Listeners {
    /// Binds without listening: until then clients are refused, and nobody else can take the address unnoticed.
    pub(crate) fn bind(address: SocketAddr, workers: usize) -> std::io::Result<Self> {
        probe(address)?;
        let mut listeners = Self { address, sockets: Vec::with_capacity(workers), shares_with_time_wait: false };
        for _ in 0..workers {
            // Not yet SO_REUSEADDR: another kvs's probe must fail already while this one recovers.
            let socket = match listeners.bind_one(listeners.shares_with_time_wait) {
                // The probe was let in, so it is connections in TIME_WAIT that stand in the way, of a server without SO_REUSEPORT.
                Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => {
                    listeners.shares_with_time_wait = true;
                    listeners.bind_one(true)?
                }
                bound => bound?,
            };
            if let Some(bound) = socket.local_addr()?.as_socket() {
                listeners.address = bound;
            }
            listeners.sockets.push(socket);
        }
        Ok(listeners)
    }

    fn bind_one(&self, reuse_address: bool) -> std::io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(self.address), Type::STREAM, Some(socket2::Protocol::TCP))?;
        socket.set_reuse_port(true)?;
        socket.set_reuse_address(reuse_address)?;
        socket.set_nonblocking(true)?;
        socket.bind(&self.address.into())?;
        Ok(socket)
    }

    /// From here on clients can connect.
    pub(crate) fn listen(self) -> std::io::Result<Vec<std::net::TcpListener>> {
        if self.shares_with_time_wait {
            // Another kvs may have been let in meanwhile, which listens by now.
            probe(self.address)?;
        }
        let listen = |socket: Socket| {
            // From here on, so that a restart can take the address from connections in TIME_WAIT.
            socket.set_reuse_address(true)?;
            socket.listen(LISTEN_BACKLOG).map(|()| socket.into())
        };
        self.sockets.into_iter().map(listen).collect()
    }
}

/// Whether somebody else has the address. With SO_REUSEPORT a second kvs would share it silently; without it the kernel tells.
fn probe(address: SocketAddr) -> std::io::Result<()> {
    let probe = Socket::new(Domain::for_address(address), Type::STREAM, Some(socket2::Protocol::TCP))?;
    probe.set_reuse_address(true)?;
    probe.bind(&address.into())?;
    probe.listen(1)
}

/// A worker's sockets, in use.
pub(crate) struct Acceptor {
    http: TcpListener,
    frames: TcpListener,
    warnings: Throttle,
}

impl Acceptor {
    /// Must be called within the worker's runtime.
    pub(crate) fn new(sockets: Sockets) -> std::io::Result<Self> {
        let (http, frames) = (TcpListener::from_std(sockets.http)?, TcpListener::from_std(sockets.frames)?);
        Ok(Self { http, frames, warnings: Throttle::new(WARN_INTERVAL) })
    }

    /// Waits for a connection. May be dropped while it waits.
    pub(crate) async fn accept(&mut self) -> (Protocol, TcpStream) {
        loop {
            let (protocol, accepted) = tokio::select! {
                accepted = self.http.accept() => (Protocol::Rest, accepted),
                accepted = self.frames.accept() => (Protocol::Frames, accepted),
            };
            match accepted {
                Ok((stream, _)) => return (protocol, stream),
                Err(e) => {
                    if let Some(held_back) = self.warnings.pass() {
                        warn!(error = %e, held_back, "cannot accept a connection");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// How many connections there may be.
#[derive(Debug)]
pub(crate) struct ConnectionLimit {
    admitted: Arc<Room>,
    /// Connections beyond the limit that are told so. They keep nobody else out.
    refused: Arc<Room>,
}

/// So many connections at a time.
#[derive(Debug)]
struct Room {
    taken: AtomicUsize,
    size: usize,
}

/// Whether there is room for a connection.
pub(crate) enum Admission {
    Admitted(Counted),
    /// There is none, and the client is told so.
    Refused(Counted),
    /// There are too many to tell.
    Dropped,
}

impl ConnectionLimit {
    pub(crate) fn new(config: &Config) -> Self {
        let most = config.max_connections as usize;
        let left = file_limit().saturating_sub(most + other_files(config));
        Self { admitted: Room::new(most), refused: Room::new(left.min(REFUSED_AT_A_TIME)) }
    }

    /// Counts a new connection.
    pub(crate) fn admit(&self) -> Admission {
        let refused = || self.refused.take().map_or(Admission::Dropped, Admission::Refused);
        self.admitted.take().map_or_else(refused, Admission::Admitted)
    }
}

impl Room {
    fn new(size: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), size })
    }

    fn take(self: &Arc<Self>) -> Option<Counted> {
        // Given back at once where there is none.
        let counted = Counted(Arc::clone(self));
        (self.taken.fetch_add(1, Ordering::Relaxed) < self.size).then_some(counted)
    }
}

/// A connection that counts against a limit for as long as this lives.
pub(crate) struct Counted(Arc<Room>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// File descriptors besides those of connections.
fn other_files(config: &Config) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    OTHER_FILES + FILES_PER_WORKER * config.workers.map_or(cores, usize::from)
}

/// Cuts `--max-connections` to what the limit of open files allows, so that clients cannot take what the log needs.
pub fn limit_connections(config: &mut Config) {
    let wanted = config.max_connections as usize;
    let allowed = raise_file_limit(wanted + REFUSED_AT_A_TIME, other_files(config));
    if allowed < wanted + REFUSED_AT_A_TIME {
        // A fifth is for connections that are told that they are too many.
        let fitting = wanted.min(allowed - allowed / 5);
        if fitting < wanted {
            warn_of_fewer_connections(wanted, fitting);
            config.max_connections = fitting as u32;
        }
    }
}
