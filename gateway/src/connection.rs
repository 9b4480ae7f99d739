//! One client's connection: its deadlines, and its end.
//!
//! Instead of a timer for every request there is one coarse clock per worker. A connection notes in plain cells what it
//! is doing and since when; the reaper looks at all of them every [`TICK`] and cuts off what is overdue.
//!
//! ```text
//!   Idle ── first byte ──> Receiving ── head complete ──> Transferring ── body complete ──> Working ── response made ──> Idle
//!    idle timeout           request timeout                minimum rate                      MAX_WORKING_TIME
//!    (request timeout until the first request)
//!
//!   any, output blocked: minimum rate                      Closing: request timeout
//! ```
//!
//! Whoever ends a connection early does so with [`close`]: a socket that is dropped with input unread is reset, and what was
//! sent last is lost on its way.

use std::cell::{Cell, OnceCell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use arrayvec::ArrayVec;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::debug;

use crate::clock::CoarseClock;
use crate::config::{Config, MAX_WORKING_TIME};

/// How often the reaper looks: the precision of every deadline.
const TICK: Duration = Duration::from_millis(250);

/// Parts of a response that have at most this many bytes together are joined before they are written: one piece costs the kernel
/// less than two.
const JOINED_BYTES: usize = 1024;

/// Unsent bytes that the kernel takes from us for a connection. It asks for more when half of them are sent, so this also is how
/// finely the progress of a slow client can be seen. Without a limit it takes megabytes, and is silent until a third is sent.
const UNSENT_BYTES: u32 = 64 << 10;

/// Bytes of a client that are received only to be dropped before its connection is closed.
const MAX_DRAINED_BYTES: u64 = 64 << 20;

/// Bytes that are dropped at a time.
const DRAINED_AT_A_TIME: usize = 16 << 10;

/// Longest time for the reply when the connection limit is reached, until the client has closed its side.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(2);

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing: between two requests.
    Idle,
    /// The head of a request is coming in.
    Receiving,
    /// What may be large is coming in.
    Transferring,
    /// A request is being carried out.
    Working,
    /// The connection is being closed; what still comes in is dropped.
    Closing,
}

/// A point in a transfer from which its rate is measured.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Instant,
    /// Bytes up to here.
    bytes: u64,
}

/// What a connection is doing and since when.
#[derive(Debug)]
pub(crate) struct Activity {
    clock: Rc<CoarseClock>,
    opened: Instant,
    /// Whether the client has made a request that it is allowed to make.
    established: Cell<bool>,
    phase: Cell<(Phase, Instant)>,
    received_bytes: Cell<u64>,
    sent_bytes: Cell<u64>,
    /// Of the input, while transferring.
    input: Cell<Mark>,
    /// Of the output, while the client does not take all of it.
    output: Cell<Option<Mark>>,
    /// Whoever wants to be told that the client is too slow, instead of being cut off.
    to_be_told: RefCell<Option<Waker>>,
    too_slow: Cell<bool>,
    task: OnceCell<AbortHandle>,
}

impl Activity {
    fn enter(&self, phase: Phase) {
        self.phase.set((phase, self.clock.instant()));
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

    /// What comes in may be large; it may take its time as long as it keeps to the minimum rate.
    pub(crate) fn transferring(&self) {
        if self.phase.get().0 != Phase::Transferring {
            self.enter(Phase::Transferring);
            self.input.set(Mark { at: self.clock.instant(), bytes: self.received_bytes.get() });
        }
    }

    /// The request is complete.
    pub(crate) fn working(&self) {
        self.enter(Phase::Working);
    }

    /// The response is made; what remains is to send it.
    pub(crate) fn answered(&self) {
        self.enter(Phase::Idle);
    }

    /// The client has made a request that it is allowed to make.
    pub(crate) fn established(&self) {
        self.established.set(true);
    }

    /// The connection is being closed; what still comes in is dropped.
    pub(crate) fn closing(&self) {
        self.enter(Phase::Closing);
    }

    /// Whether the client transfers too slowly. Wakes the task when that becomes so; then it is not cut off, but
    /// has to close the connection itself.
    pub(crate) fn poll_too_slow(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.too_slow.get() {
            return Poll::Ready(());
        }
        let mut to_be_told = self.to_be_told.borrow_mut();
        if !to_be_told.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *to_be_told = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    fn cut_off(&self, slow_input: bool) {
        debug!(phase = ?self.phase.get().0, "cut off a client that was too slow");
        match self.to_be_told.borrow_mut().take() {
            Some(waker) if slow_input => {
                self.too_slow.set(true);
                self.closing();
                waker.wake();
            }
            _ => {
                if let Some(task) = self.task.get() {
                    task.abort();
                }
            }
        }
    }
}

/// Why a connection is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overdue {
    /// It sends slower than the minimum rate.
    SlowInput,
    /// Anything else.
    Late,
}

/// Cuts off connections that are overdue.
pub(crate) struct Reaper {
    clock: Rc<CoarseClock>,
    request_timeout: Duration,
    idle_timeout: Duration,
    /// Bytes a second.
    min_rate: u64,
    /// A connection's end is noticed at the next look.
    connections: RefCell<Vec<Weak<Activity>>>,
}

impl Reaper {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            clock: Rc::new(CoarseClock::new()),
            request_timeout: config.request_timeout,
            idle_timeout: config.idle_timeout,
            min_rate: config.min_rate.as_u64(),
            connections: RefCell::default(),
        }
    }

    /// The clock of the worker.
    pub(crate) fn clock(&self) -> &CoarseClock {
        &self.clock
    }

    /// A new connection's activity. It is looked at for as long as it is held.
    pub(crate) fn watch(&self) -> Rc<Activity> {
        let now = self.clock.instant();
        let activity = Rc::new(Activity {
            clock: Rc::clone(&self.clock),
            opened: now,
            established: Cell::new(false),
            phase: Cell::new((Phase::Idle, now)),
            received_bytes: Cell::new(0),
            sent_bytes: Cell::new(0),
            input: Cell::new(Mark { at: now, bytes: 0 }),
            output: Cell::new(None),
            to_be_told: RefCell::default(),
            too_slow: Cell::new(false),
            task: OnceCell::new(),
        });
        self.connections.borrow_mut().push(Rc::downgrade(&activity));
        activity
    }

    /// The mark to measure from at the next look, when `bytes` have been transferred by now; `None` if they are too few.
    fn next_mark(&self, mark: Mark, bytes: u64, now: Instant) -> Option<Mark> {
        let elapsed = now.saturating_duration_since(mark.at);
        if elapsed < self.request_timeout {
            return Some(mark);
        }
        let least = self.min_rate as f64 * elapsed.as_secs_f64();
        (bytes.saturating_sub(mark.bytes) as f64 >= least).then_some(Mark { at: now, bytes })
    }

    fn overdue(&self, activity: &Activity, now: Instant) -> Option<Overdue> {
        let blocked = activity.output.get();
        if let Some(mark) = blocked {
            match self.next_mark(mark, activity.sent_bytes.get(), now) {
                Some(mark) => activity.output.set(Some(mark)),
                None => return Some(Overdue::Late),
            }
        }
        let (phase, since) = activity.phase.get();
        let (since, limit) = match phase {
            // The response is still being taken.
            Phase::Idle if blocked.is_some() => return None,
            Phase::Idle if activity.established.get() => (since, self.idle_timeout),
            Phase::Idle => (activity.opened, self.request_timeout.min(self.idle_timeout)),
            Phase::Receiving | Phase::Closing => (since, self.request_timeout),
            Phase::Working => (since, MAX_WORKING_TIME),
            Phase::Transferring => {
                let Some(mark) = self.next_mark(activity.input.get(), activity.received_bytes.get(), now) else {
                    return Some(Overdue::SlowInput);
                };
                activity.input.set(mark);
                return None;
            }
        };
        (now.saturating_duration_since(since) >= limit).then_some(Overdue::Late)
    }

    /// Looks at every connection, again and again.
    pub(crate) async fn run(&self) {
        let mut ticks = tokio::time::interval(TICK);
        loop {
            let now = ticks.tick().await;
            self.clock.set(now);
            self.connections.borrow_mut().retain(|connection| {
                let Some(activity) = connection.upgrade() else { return false };
                if let Some(overdue) = self.overdue(&activity, now) {
                    activity.cut_off(overdue == Overdue::SlowInput);
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
        // Responses are written whole; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        // Where that cannot be set, slow clients only seem slower than they are.
        let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES);
        Self { stream, activity }
    }

    /// Waits until there may be something to read.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_read_ready(cx)
    }

    /// Notes what came of writing `wanted` bytes.
    fn note_write(&self, wanted: usize, written: &Poll<io::Result<usize>>) {
        let Activity { output, sent_bytes, clock, phase, .. } = &*self.activity;
        let taken = match written {
            Poll::Pending => 0,
            Poll::Ready(Ok(taken)) => *taken,
            Poll::Ready(Err(_)) => return,
        };
        sent_bytes.set(sent_bytes.get() + taken as u64);
        match output.get() {
            None if taken < wanted => output.set(Some(Mark { at: clock.instant(), bytes: sent_bytes.get() })),
            Some(_) if taken == wanted => {
                output.set(None);
                if phase.get().0 == Phase::Idle {
                    self.activity.answered();
                }
            }
            _ => {}
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let received = buf.filled().len() - before;
        if received > 0 {
            self.activity.received();
            self.activity.received_bytes.set(self.activity.received_bytes.get() + received as u64);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note_write(buf.len(), &written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut joined = ArrayVec::<u8, JOINED_BYTES>::new();
        let fits = bufs.iter().all(|part| joined.try_extend_from_slice(part).is_ok());
        let stream = Pin::new(&mut self.stream);
        let written = if fits { stream.poll_write(cx, &joined) } else { stream.poll_write_vectored(cx, bufs) };
        self.note_write(bufs.iter().map(|part| part.len()).sum(), &written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Ends a connection so that the client can read all that was sent: sends nothing more, which the client learns after the last
/// byte, and drops what still comes in until the client closes its side or is quiet for this long.
pub(crate) async fn close(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), quiet: Duration) -> io::Result<()> {
    stream.shutdown().await?;
    let mut rest = stream.take(MAX_DRAINED_BYTES);
    // On the heap: within the future it would be there for each connection all the time.
    let mut dropped = vec![0; DRAINED_AT_A_TIME];
    while let Ok(read) = tokio::time::timeout(quiet, rest.read(&mut dropped)).await {
        if read? == 0 {
            break;
        }
    }
    Ok(())
}

/// Sends the reply for when the connection limit is reached, and closes the connection.
pub(crate) async fn refuse(mut stream: TcpStream, reply: Vec<u8>) {
    let refused = async {
        stream.write_all(&reply).await?;
        close(&mut stream, REFUSAL_TIMEOUT).await
    };
    // The reply is a courtesy; the client may be gone already.
    let _ = tokio::time::timeout(REFUSAL_TIMEOUT, refused).await;
}
