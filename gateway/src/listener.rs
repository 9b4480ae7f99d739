//! Binding, accepting, and the connection limit.

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
use crate::protocol::Protocol;

/// Pause after `accept` has failed, for example because the process has run out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Minimum time between two warnings that `accept` fails.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

/// Maximum number of connections beyond the limit that are sent a refusal at a time; others are closed at once.
const REFUSED_AT_A_TIME: usize = 64;

/// File descriptors of a worker besides those of connections: its runtime, its ring with an event, its listeners, and its helper's
/// runtime.
const FILES_PER_WORKER: usize = 12;

/// File descriptors for everything else: mainly the log (two segments during a switch from one to the next, or a
/// connection per table during recovery), standard streams, the other runtimes.
const OTHER_FILES: usize = 30;

/// A worker's sockets, one for each protocol.
pub(crate) struct Sockets {
    pub(crate) http: std::net::TcpListener,
    pub(crate) frames: std::net::TcpListener,
}

/// One bound socket per worker, all on the same address. The kernel distributes connections over those that listen.
pub(crate) struct Listeners {
    pub(crate) address: SocketAddr,
    sockets: Vec<Socket>,
    /// Set if connections of an earlier server on this address are in TIME_WAIT.
    shares_with_time_wait: bool,
}

impl Listeners {
    /// Binds without listening. Until [`Self::listen`] clients are refused, and no other process can take the address
    /// unnoticed.
    pub(crate) fn bind(address: SocketAddr, workers: usize) -> std::io::Result<Self> {
        probe(address)?;
        let mut listeners = Self { address, sockets: Vec::with_capacity(workers), shares_with_time_wait: false };
        for _ in 0..workers {
            // Without SO_REUSEADDR, so that the probe of another kvs fails while this one is still recovering.
            let socket = match listeners.bind_one(listeners.shares_with_time_wait) {
                // The probe succeeded, so what blocks the address is connections in TIME_WAIT of a server without
                // SO_REUSEPORT.
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

    /// Starts listening: clients can connect from now on.
    pub(crate) fn listen(self) -> std::io::Result<Vec<std::net::TcpListener>> {
        if self.shares_with_time_wait {
            // Another kvs may have bound the address since, and be listening by now.
            probe(self.address)?;
        }
        let listen = |socket: Socket| {
            // Set from now on, so that a restarted kvs can bind in spite of connections in TIME_WAIT.
            socket.set_reuse_address(true)?;
            socket.listen(LISTEN_BACKLOG).map(|()| socket.into())
        };
        self.sockets.into_iter().map(listen).collect()
    }
}

/// Fails if another process uses the address. With SO_REUSEPORT a second kvs would share it silently; without it the
/// kernel reports an error.
fn probe(address: SocketAddr) -> std::io::Result<()> {
    let probe = Socket::new(Domain::for_address(address), Type::STREAM, Some(socket2::Protocol::TCP))?;
    probe.set_reuse_address(true)?;
    probe.bind(&address.into())?;
    probe.listen(1)
}

/// Accepts connections on a worker's sockets.
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

    /// Waits for a connection. Cancel-safe.
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

/// The limit of connections, shared by all workers.
#[derive(Debug)]
pub(crate) struct ConnectionLimit {
    admitted: Arc<Room>,
    /// Connections beyond the limit that are sent a refusal. They do not count against the limit.
    refused: Arc<Room>,
}

/// A number of connections with a limit.
#[derive(Debug)]
struct Room {
    taken: AtomicUsize,
    size: usize,
}

/// Whether a new connection is admitted.
pub(crate) enum Admission {
    Admitted(Counted),
    /// The limit is reached; the client is sent a refusal.
    Refused(Counted),
    /// The limit is reached, and too many refusals are being sent already: close it at once.
    Dropped,
}

impl ConnectionLimit {
    pub(crate) fn new(config: &Config) -> Self {
        let most = config.max_connections as usize;
        let left = file_limit().saturating_sub(most + other_files(config));
        Self { admitted: Room::new(most), refused: Room::new(left.min(REFUSED_AT_A_TIME)) }
    }

    /// Connections that are counted.
    pub(crate) fn admitted(&self) -> usize {
        self.admitted.taken.load(Ordering::Relaxed).min(self.admitted.size)
    }

    /// The most connections.
    pub(crate) fn limit(&self) -> usize {
        self.admitted.size
    }

    /// Counts a new connection, if there is room for it.
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
        // Dropped, and so no longer counted, if there is no room.
        let counted = Counted(Arc::clone(self));
        (self.taken.fetch_add(1, Ordering::Relaxed) < self.size).then_some(counted)
    }
}

/// A connection that counts against a limit until this is dropped.
pub(crate) struct Counted(Arc<Room>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// File descriptors that are needed besides those of connections.
fn other_files(config: &Config) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    OTHER_FILES + FILES_PER_WORKER * config.workers.map_or(cores, usize::from)
}

/// Lowers `--max-connections` to what the limit of open files allows, so that clients cannot use up the file
/// descriptors that the log needs.
pub fn limit_connections(config: &mut Config) {
    let wanted = config.max_connections as usize;
    let allowed = raise_file_limit(wanted + REFUSED_AT_A_TIME, other_files(config));
    if allowed < wanted + REFUSED_AT_A_TIME {
        // A fifth is left for connections beyond the limit that are sent a refusal.
        let fitting = wanted.min(allowed - allowed / 5);
        if fitting < wanted {
            warn_of_fewer_connections(wanted, fitting);
            config.max_connections = fitting as u32;
        }
    }
}
