//! A worker: one thread, pinned to a core, with its own runtime, its own listeners and its own sessions.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::config::LISTEN_BACKLOG;
use crate::connection::{self, Reaper};
use crate::durability::DurableGate;
use crate::frames::{self, Buffers};
use crate::http;
use crate::server::Shared;
use crate::shipper::{LogHealth, LogStatus};

/// Pause after `accept` failed, as when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Clients at the connection limit for whom a worker waits until they have read the reply. The others get it without that.
const MAX_REFUSALS: usize = 64;

/// What the sessions of one worker share. Never leaves the worker's thread.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) gate: DurableGate,
    pub(crate) reaper: Reaper,
    pub(crate) buffers: Buffers,
    refusals: Arc<Semaphore>,
}

/// What a client speaks, by the address that it connected to.
#[derive(Clone, Copy, Debug)]
enum Protocol {
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
}

impl Listeners {
    /// Binds without listening: until then clients are refused, and nobody else can take the address unnoticed.
    pub(crate) fn bind(address: SocketAddr, workers: usize) -> std::io::Result<Self> {
        // With SO_REUSEPORT a second kvs would share the port silently; without it the kernel tells.
        let probe = Socket::new(Domain::for_address(address), Type::STREAM, Some(socket2::Protocol::TCP))?;
        probe.set_reuse_address(true)?;
        probe.bind(&address.into())?;
        probe.listen(1)?;
        drop(probe);

        let mut listeners = Self { address, sockets: Vec::with_capacity(workers) };
        for _ in 0..workers {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(socket2::Protocol::TCP))?;
            // Not yet SO_REUSEADDR: another kvs's probe must fail already while this one recovers.
            socket.set_reuse_port(true)?;
            socket.set_nonblocking(true)?;
            socket.bind(&listeners.address.into())?;
            if let Some(bound) = socket.local_addr()?.as_socket() {
                listeners.address = bound;
            }
            listeners.sockets.push(socket);
        }
        Ok(listeners)
    }

    /// From here on clients can connect.
    pub(crate) fn listen(self) -> std::io::Result<Vec<std::net::TcpListener>> {
        let listen = |socket: Socket| {
            // From here on, so that a restart can take the address from connections in TIME_WAIT.
            socket.set_reuse_address(true)?;
            socket.listen(LISTEN_BACKLOG).map(|()| socket.into())
        };
        self.sockets.into_iter().map(listen).collect()
    }
}

/// Starts the worker's thread.
pub(crate) fn spawn(
    number: usize,
    sockets: Sockets,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = || Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    let run = move || {
        pin(number);
        match runtime() {
            Ok(runtime) => runtime.block_on(serve(sockets, shared, stop)),
            Err(e) => error!(worker = number, error = %e, "cannot make a runtime"),
        }
    };
    std::thread::Builder::new().name(format!("kvs-worker-{number}")).spawn(run)
}

/// Pins the thread to a core of its own, if there are enough.
fn pin(number: usize) {
    if let Some(core) = core_affinity::get_core_ids().and_then(|cores| cores.get(number).copied()) {
        core_affinity::set_for_current(core);
    }
}

async fn serve(sockets: Sockets, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let listeners =
        TcpListener::from_std(sockets.http).and_then(|http| Ok((http, TcpListener::from_std(sockets.frames)?)));
    let (http, frames) = match listeners {
        Ok(listeners) => listeners,
        Err(e) => return error!(error = %e, "cannot use a listening socket"),
    };
    let drain_timeout = shared.config.drain_timeout;
    // Without a log everything counts as durable.
    let off = LogStatus { durable: u64::MAX, health: LogHealth::Up };
    let worker = Rc::new(Worker {
        gate: DurableGate::new(shared.log.as_ref().map_or(off, |log| *log.borrow())),
        reaper: Reaper::new(&shared.config),
        buffers: Buffers::default(),
        refusals: Arc::new(Semaphore::new(MAX_REFUSALS)),
        shared,
    });
    let for_sessions = stop.clone();
    let _helpers = spawn_helpers(&worker);
    let mut sessions = JoinSet::new();
    loop {
        let (protocol, accepted) = tokio::select! {
            accepted = http.accept() => (Protocol::Rest, accepted),
            accepted = frames.accept() => (Protocol::Frames, accepted),
            Some(_) = sessions.join_next(), if !sessions.is_empty() => continue,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, _)) => open_session(&worker, &mut sessions, protocol, stream, &for_sessions),
            Err(e) => {
                warn!(error = %e, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop((http, frames));
    let drained = tokio::time::timeout(drain_timeout, async { while sessions.join_next().await.is_some() {} });
    if drained.await.is_err() {
        warn!(connections = sessions.len(), "cut off requests that did not finish within {drain_timeout:?}");
    }
}

/// The worker's background tasks, which end with it.
fn spawn_helpers(worker: &Rc<Worker>) -> JoinSet<()> {
    let mut helpers = JoinSet::new();
    let reaping = Rc::clone(worker);
    helpers.spawn_local(async move { reaping.reaper.run().await });
    if let Some(status) = worker.shared.log.clone() {
        let following = Rc::clone(worker);
        helpers.spawn_local(async move { following.gate.follow(status).await });
    }
    helpers
}

fn open_session(
    worker: &Rc<Worker>,
    sessions: &mut JoinSet<()>,
    protocol: Protocol,
    stream: TcpStream,
    stop: &watch::Receiver<bool>,
) {
    let shared = &worker.shared;
    let open = Open::count(shared);
    if open.connections > shared.config.max_connections as usize {
        // Those who are refused do not keep others out.
        drop(open);
        let reply = match protocol {
            Protocol::Rest => http::too_many_connections(worker),
            Protocol::Frames => frames::too_many_connections(shared).to_vec(),
        };
        let permit = Arc::clone(&worker.refusals).try_acquire_owned().ok();
        sessions.spawn_local(async move { connection::refuse(stream, reply, permit.is_some()).await });
        return;
    }
    let activity = worker.reaper.watch();
    let (worker, stop, of_session) = (Rc::clone(worker), stop.clone(), Rc::clone(&activity));
    let task = sessions.spawn_local(async move {
        match protocol {
            Protocol::Rest => http::serve(worker, stream, of_session, stop).await,
            Protocol::Frames => frames::serve(worker, stream, of_session, stop).await,
        }
        drop(open);
    });
    activity.set_task(task);
}

/// A connection that counts against the limit for as long as this lives.
struct Open {
    shared: Arc<Shared>,
    connections: usize,
}

impl Open {
    fn count(shared: &Arc<Shared>) -> Self {
        let connections = shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
        Self { shared: Arc::clone(shared), connections }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
