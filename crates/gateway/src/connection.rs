//! One client's connection, and the deadlines that keep slow clients from holding it.
//!
//! Instead of a timer for every request there is one coarse clock per worker. A connection notes in plain cells what it
//! is doing and since when; the reaper looks at all of them every [`TICK`] and cuts off what is overdue.
//!
//! ```text
//!   Idle ── first byte ──> Receiving ── request complete ──> Working ── answer made ──> Idle
//!    idle timeout           request timeout             MAX_WORKING_TIME   (any) output blocked: request timeout
//! ```

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::IoSlice;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tracing::debug;

use crate::config::{MAX_HEAD_BYTES, MAX_HEADERS, MAX_WORKING_TIME};
use crate::rest;
use crate::worker::Worker;

/// How often the reaper looks: the precision of every deadline.
const TICK: Duration = Duration::from_millis(250);

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing: between two requests.
    Idle,
    /// A request is coming in.
    Receiving,
    /// A request is being carried out.
    Working,
}

/// What a connection is doing and since when.
#[derive(Debug)]
pub(crate) struct Activity {
    clock: Rc<Cell<Instant>>,
    phase: Cell<(Phase, Instant)>,
    output_blocked: Cell<Option<Instant>>,
    overdue: Notify,
}

impl Activity {
    fn enter(&self, phase: Phase) {
        self.phase.set((phase, self.clock.get()));
    }

    /// Bytes have come in.
    fn received(&self) {
        if self.phase.get().0 == Phase::Idle {
            self.enter(Phase::Receiving);
        }
    }

    /// The request is complete.
    pub(crate) fn working(&self) {
        self.enter(Phase::Working);
    }

    /// The answer is made; what remains is to send it.
    pub(crate) fn answered(&self) {
        self.enter(Phase::Idle);
    }
}

/// Cuts off connections that are overdue.
pub(crate) struct Reaper {
    clock: Rc<Cell<Instant>>,
    request_timeout: Duration,
    idle_timeout: Duration,
    next_id: Cell<u64>,
    connections: RefCell<HashMap<u64, Rc<Activity>>>,
}

impl Reaper {
    pub(crate) fn new(request_timeout: Duration, idle_timeout: Duration) -> Self {
        let clock = Rc::new(Cell::new(Instant::now()));
        Self { clock, request_timeout, idle_timeout, next_id: Cell::new(0), connections: RefCell::default() }
    }

    fn watch(&self) -> (u64, Rc<Activity>) {
        let id = self.next_id.replace(self.next_id.get() + 1);
        let activity = Rc::new(Activity {
            clock: Rc::clone(&self.clock),
            phase: Cell::new((Phase::Idle, self.clock.get())),
            output_blocked: Cell::new(None),
            overdue: Notify::new(),
        });
        self.connections.borrow_mut().insert(id, Rc::clone(&activity));
        (id, activity)
    }

    fn forget(&self, id: u64) {
        self.connections.borrow_mut().remove(&id);
    }

    fn is_overdue(&self, activity: &Activity, now: Instant) -> bool {
        let (phase, since) = activity.phase.get();
        let limit = match phase {
            Phase::Idle => self.idle_timeout,
            Phase::Receiving => self.request_timeout,
            Phase::Working => MAX_WORKING_TIME,
        };
        let blocked = activity.output_blocked.get().is_some_and(|since| now - since >= self.request_timeout);
        blocked || now - since >= limit
    }

    /// Looks at every connection, again and again.
    pub(crate) async fn run(&self) {
        let mut ticks = tokio::time::interval(TICK);
        loop {
            let now = ticks.tick().await;
            self.clock.set(now);
            for activity in self.connections.borrow().values().filter(|activity| self.is_overdue(activity, now)) {
                activity.overdue.notify_one();
            }
        }
    }
}

/// Serves one client until it goes, is cut off, or the server stops.
pub(crate) async fn serve(worker: Rc<Worker>, stream: TcpStream, mut stop: watch::Receiver<bool>) {
    // Answers are written whole; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let (id, activity) = worker.reaper.watch();
    let io = TokioIo::new(Watched { stream, activity: Rc::clone(&activity) });
    let service = service_fn(|request| rest::answer(&worker, &activity, request));
    let mut http = http1::Builder::new();
    http.title_case_headers(true)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .half_close(true)
        .header_read_timeout(None);
    let mut serving = pin!(http.serve_connection(io, service));
    let mut stopping = false;
    loop {
        tokio::select! {
            served = &mut serving => {
                if let Err(e) = served {
                    debug!(error = %e, "connection ended");
                }
                break;
            }
            () = activity.overdue.notified() => {
                debug!(phase = ?activity.phase.get().0, "cut off a client that was too slow");
                break;
            }
            _ = stop.wait_for(|stop| *stop), if !stopping => {
                stopping = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
    worker.reaper.forget(id);
}

/// A stream that notes when bytes come in and when output is stuck.
struct Watched {
    stream: TcpStream,
    activity: Rc<Activity>,
}

impl Watched {
    fn note_write(&self, written: &Poll<std::io::Result<usize>>) {
        let blocked = &self.activity.output_blocked;
        match written {
            Poll::Pending if blocked.get().is_none() => blocked.set(Some(self.activity.clock.get())),
            Poll::Pending => {}
            Poll::Ready(_) => blocked.set(None),
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.activity.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note_write(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
