//! A worker: one thread, pinned to a core, with its own runtime, its own listeners and its own sessions.

use std::io::Error;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{debug, error, warn};

use crate::access::Caller;
use crate::context::{Shared, Worker};
use crate::listener::{Acceptor, Admission, Sockets};
use crate::protocol::Protocol;
use crate::ring::RingStream;
use crate::socket::{Socket, Stop};
use crate::{connection, frames, http};

/// Time, at the end of a shutdown, to send the responses to writes that the log has not confirmed.
const LAST_RESPONSES: Duration = Duration::from_secs(1);

/// Starts the worker's thread. Returns when the worker can accept connections. `with_ring`: over io_uring.
pub(crate) fn spawn(
    number: usize,
    sockets: Sockets,
    shared: Arc<Shared>,
    with_ring: bool,
    stop: watch::Receiver<bool>,
) -> std::io::Result<JoinHandle<()>> {
    let (set_up, is_set_up) = mpsc::channel();
    // Started here, it is not bound to the worker's core.
    let helper = Worker::start_helper(number, Arc::clone(&shared))?;
    let run = move || {
        pin(number);
        let runtime = match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
            Ok(runtime) => runtime,
            Err(e) => return drop(set_up.send(Err(e))),
        };
        runtime.block_on(async {
            let worker = Worker::new(number, shared, helper, with_ring);
            match Acceptor::new(sockets).and_then(|acceptor| Ok((acceptor, worker?))) {
                Ok((acceptor, worker)) => {
                    drop(set_up.send(Ok(())));
                    serve(number, acceptor, Rc::new(worker), stop).await;
                }
                Err(e) => drop(set_up.send(Err(e))),
            }
        });
    };
    let thread = std::thread::Builder::new().name(format!("kvs-worker-{number}")).spawn(run)?;
    is_set_up.recv().map_err(Error::other)??;
    Ok(thread)
}

/// Pins the thread to its own core, if there are enough cores.
fn pin(number: usize) {
    if let Some(core) = core_affinity::get_core_ids().and_then(|cores| cores.get(number).copied()) {
        core_affinity::set_for_current(core);
    }
}

async fn serve(number: usize, mut acceptor: Acceptor, worker: Rc<Worker>, mut stop: watch::Receiver<bool>) {
    let drain_timeout = worker.shared.config.drain_timeout;
    let for_sessions = Stop::of_server(stop.clone());
    let _tasks = spawn_tasks(number, &worker);
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            (protocol, stream) = acceptor.accept() => {
                open_session(&worker, &mut sessions, protocol, stream, &for_sessions);
            }
            Some(_) = sessions.join_next(), if !sessions.is_empty() => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    drop(acceptor);
    if !end_within(&mut sessions, drain_timeout).await {
        // So that the client of a write that still waits gets a response (outcome unknown) instead of none.
        worker.service.give_up_waiting();
        if let Some(helper) = &worker.helper {
            helper.hand_over(async |worker: &Worker| worker.service.give_up_waiting());
        }
        if !end_within(&mut sessions, LAST_RESPONSES).await {
            warn!(connections = sessions.len(), "cut off requests that did not finish within {drain_timeout:?}");
        }
    }
}

/// Waits for all sessions to end. Returns whether they ended within `time`.
async fn end_within(sessions: &mut JoinSet<()>, time: Duration) -> bool {
    tokio::time::timeout(time, async { while sessions.join_next().await.is_some() {} }).await.is_ok()
}

/// Starts the worker's background tasks, which end when the set is dropped.
fn spawn_tasks(number: usize, worker: &Rc<Worker>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    if let Some(ring) = worker.ring.clone() {
        tasks.spawn_local(async move {
            let Err(e) = ring.run().await;
            // As if epoll failed: nothing can be sent any more.
            error!(error = %e, "io_uring has failed, and kvs is useless without it; with --io epoll it does not use it");
            std::process::abort();
        });
    }
    worker.follow_and_tick(&mut tasks);
    let beating = Rc::clone(worker);
    tasks.spawn_local(async move { beating.shared.pulses[number].run().await });
    tasks
}

/// Counts a connection as open until it is dropped.
struct Open {
    worker: Rc<Worker>,
    protocol: Protocol,
}

impl Open {
    fn new(worker: Rc<Worker>, protocol: Protocol) -> Self {
        worker.service.meters().of(protocol).open_connections.add(1);
        Self { worker, protocol }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.worker.service.meters().of(self.protocol).open_connections.sub(1);
    }
}

/// A client that may begin its session.
struct Entered {
    socket: Socket,
    /// DNS names of its certificate.
    names: Vec<String>,
    stop: Stop,
}

/// Carries out the handshake, if clients use TLS. The time limit is that of the first request.
async fn enter(
    worker: &Worker,
    protocol: Protocol,
    stream: TcpStream,
    address: SocketAddr,
    stop: Stop,
) -> Option<Entered> {
    let Some(door) = &worker.shared.door else {
        let socket = match &worker.ring {
            Some(ring) => Socket::Ring(RingStream::new(Rc::clone(ring), stream.into_std().ok()?)),
            None => Socket::Plain(stream),
        };
        return Some(Entered { socket, names: Vec::new(), stop });
    };
    match door.enter(stream, protocol as usize).await {
        Ok(entered) => Some(Entered {
            socket: Socket::Tls(Box::new(entered.stream)),
            names: entered.names,
            stop: stop.or(entered.over),
        }),
        Err(why) => {
            debug!(from = %address, "refused a client: {why}");
            None
        }
    }
}

fn open_session(worker: &Rc<Worker>, sessions: &mut JoinSet<()>, protocol: Protocol, stream: TcpStream, stop: &Stop) {
    let meters = worker.service.meters().of(protocol);
    let admission = worker.shared.connections.admit();
    match admission {
        Admission::Admitted(_) => meters.accepted_connections.add(1),
        Admission::Refused(_) | Admission::Dropped => meters.rejected_connections.add(1),
    }
    let counted = match admission {
        Admission::Admitted(counted) => counted,
        // Without a handshake, which would cost more than the connection.
        Admission::Refused(_) if worker.shared.door.is_some() => return,
        Admission::Refused(counted) => {
            let reply = match protocol {
                Protocol::Rest => http::too_many_connections(worker),
                Protocol::Frames => frames::too_many_connections(worker).to_vec(),
            };
            sessions.spawn_local(async move {
                connection::refuse(stream, reply).await;
                drop(counted);
            });
            return;
        }
        Admission::Dropped => return,
    };
    // The client has gone if its socket has no address.
    let Ok(address) = stream.peer_addr() else { return };
    let activity = worker.reaper.watch();
    let (worker, stop, of_session) = (Rc::clone(worker), stop.clone(), Rc::clone(&activity));
    let task = sessions.spawn_local(async move {
        let _open = Open::new(Rc::clone(&worker), protocol);
        let Some(Entered { socket, names, stop }) = enter(&worker, protocol, stream, address, stop).await else {
            worker.service.meters().of(protocol).failed_handshakes.add(1);
            return;
        };
        let caller = Caller::new(Arc::clone(&worker.shared.access), address.ip(), names);
        match protocol {
            Protocol::Rest => http::serve(worker, socket, of_session, caller, stop).await,
            Protocol::Frames => frames::serve(worker, socket, of_session, caller, stop).await,
        }
        drop(counted);
    });
    activity.set_task(task);
}
