//! One client's connection, and the deadlines that keep slow clients from holding it.
//!
//! Instead of a timer for every request there is one coarse clock per worker. A connection notes in plain cells what it
//! is doing and since when; the reaper looks at all of them every [`TICK`] and cuts off what is overdue.
//!
//! ```text
//!   Idle ── first byte ──> Receiving ── request complete ──> Working ── answer made ──> Idle
//!    idle timeout           request timeout             MAX_WORKING_TIME   (any) output blocked: request timeout
//! ```

use std::cell::{Cell, OnceCell, RefCell};
use std::io::IoSlice;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use arrayvec::ArrayVec;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::debug;

use crate::config::MAX_WORKING_TIME;

/// How often the reaper looks: the precision of every deadline.
const TICK: Duration = Duration::from_millis(250);

/// Parts of an answer that have at most this many bytes together are joined before they are written: one piece costs the kernel
/// less than two.
const JOINED_BYTES: usize = 1024;

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
    task: OnceCell<AbortHandle>,
}

impl Activity {
    fn enter(&self, phase: Phase) {
        self.phase.set((phase, self.clock.get()));
    }

    /// Names the task that is ended when the connection is overdue.
    pub(crate) fn set_task(&self, task: AbortHandle) {
        // Set once, right after the task was made.
        let _ = self.task.set(task);
    }

    /// Bytes have come in, or are left over that belong to the next request.
    pub(crate) fn received(&self) {
        if self.phase.get().0 == Phase::Idle {
            self.enter(Phase::Receiving);
        }
    }

    /// The connection is being closed; what still comes in is dropped.
    pub(crate) fn closing(&self) {
        self.enter(Phase::Receiving);
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
    /// A connection's end is noticed at the next look.
    connections: RefCell<Vec<Weak<Activity>>>,
}

impl Reaper {
    pub(crate) fn new(request_timeout: Duration, idle_timeout: Duration) -> Self {
        let clock = Rc::new(Cell::new(Instant::now()));
        Self { clock, request_timeout, idle_timeout, connections: RefCell::default() }
    }

    /// A new connection's activity. It is looked at for as long as it is held.
    pub(crate) fn watch(&self) -> Rc<Activity> {
        let activity = Rc::new(Activity {
            clock: Rc::clone(&self.clock),
            phase: Cell::new((Phase::Idle, self.clock.get())),
            output_blocked: Cell::new(None),
            task: OnceCell::new(),
        });
        self.connections.borrow_mut().push(Rc::downgrade(&activity));
        activity
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
            self.connections.borrow_mut().retain(|connection| {
                let Some(activity) = connection.upgrade() else { return false };
                if self.is_overdue(&activity, now)
                    && let Some(task) = activity.task.get()
                {
                    debug!(phase = ?activity.phase.get().0, "cut off a client that was too slow");
                    task.abort();
                }
                true
            });
        }
    }
}

/// A stream that notes when bytes come in and when output is stuck.
pub(crate) struct Watched {
    stream: TcpStream,
    activity: Rc<Activity>,
}

impl Watched {
    pub(crate) fn new(stream: TcpStream, activity: Rc<Activity>) -> Self {
        // Answers are written whole; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        Self { stream, activity }
    }

    /// Waits until there may be something to read.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.stream.poll_read_ready(cx)
    }

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
        let mut joined = ArrayVec::<u8, JOINED_BYTES>::new();
        let fits = bufs.iter().all(|part| joined.try_extend_from_slice(part).is_ok());
        let stream = Pin::new(&mut self.stream);
        let written = if fits { stream.poll_write(cx, &joined) } else { stream.poll_write_vectored(cx, bufs) };
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
