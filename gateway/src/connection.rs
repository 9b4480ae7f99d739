//! A client's connection: its state, its deadlines, and closing it.
//!
//! There is one coarse clock per worker instead of a timer per request. A connection stores in plain cells what it is
//! doing and since when. The reaper checks all connections every [`TICK`] and cuts off those that are overdue.
//!
//! ```text
//!   phase         entered at             limit
//!   Idle          response made          idle timeout (request timeout until the first request)
//!   Receiving     first byte of a head   request timeout
//!   Transferring  head complete          minimum rate
//!   Working       request complete       MAX_WORKING_TIME
//!   Aside         handed to the helper   none: others may be before it
//!   Streaming     response begun         none: the response has no end
//!   Closing       close begins           request timeout
//!
//!   In any phase, while output is blocked: minimum rate
//! ```
//!
//! To end a connection early, use [`close`]: if a socket is dropped with unread input, the kernel resets the
//! connection, and the client may lose what was sent last.

use std::cell::{Cell, OnceCell, RefCell};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
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
use crate::ring::HELD_BYTES;
use crate::socket::Socket;

/// How often the reaper checks; the precision of every deadline.
const TICK: Duration = Duration::from_millis(250);

/// Parts of a response of at most this many bytes in total are joined before they are written: one buffer costs the
/// kernel less than two.
const JOINED_BYTES: usize = 1024;

/// Maximum number of unsent bytes that are buffered for a connection, in the kernel and on the way to it. The kernel reports
/// the socket as writable again when half of them are sent, so this also sets how precisely the progress of a slow client
/// can be measured. Without a limit the kernel buffers megabytes, and reports nothing until a third is sent.
const UNSENT_BYTES: u32 = 64 << 10;

const _: () = assert!(HELD_BYTES < UNSENT_BYTES as usize);

/// Bytes after which a connection that could go on at once lets others go first. A worker moves so many in about 0.1 ms.
const TURN_BYTES: usize = 256 << 10;

/// Maximum number of bytes that are received and discarded before a connection is closed.
const MAX_DRAINED_BYTES: u64 = 64 << 20;

/// Bytes that are discarded at a time.
const DRAINED_AT_A_TIME: usize = 16 << 10;

/// During shutdown, a client that sends nothing for this long is assumed to be finished.
pub(crate) const QUIET: Duration = Duration::from_millis(200);

/// Time limit to send the reply when the connection limit is reached, and for the client to close its side.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(2);

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Waiting for a request.
    Idle,
    /// Receiving the head of a request.
    Receiving,
    /// Receiving a body or frame, which may be large.
    Transferring,
    /// Executing a request.
    Working,
    /// Waiting for the helper, which executes the request.
    Aside,
    /// Sending a response as it is made.
    Streaming,
    /// Closing the connection; further input is discarded.
    Closing,
}

/// A point in a transfer from which its rate is measured.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Instant,
    /// Bytes transferred up to this point.
    bytes: u64,
}

/// What a connection is doing and since when.
#[derive(Debug)]
pub(crate) struct Activity {
    clock: Rc<CoarseClock>,
    opened: Instant,
    /// Whether the client has made a request that it is authorized to make.
    established: Cell<bool>,
    phase: Cell<(Phase, Instant)>,
    received_bytes: Cell<u64>,
    sent_bytes: Cell<u64>,
    /// For the input, while transferring.
    input: Cell<Mark>,
    /// For the output, while it is blocked because the client does not receive it.
    output: Cell<Option<Mark>>,
    /// The task to notify when the client sends too slowly, instead of aborting it.
    slow_input_waker: RefCell<Option<Waker>>,
    too_slow: Cell<bool>,
    task: OnceCell<AbortHandle>,
}

impl Activity {
    fn enter(&self, phase: Phase) {
        self.phase.set((phase, self.clock.instant()));
    }

    /// Sets the task that is aborted when the connection is overdue.
    pub(crate) fn set_task(&self, task: AbortHandle) {
        // Set only once, right after the task was spawned.
        let _ = self.task.set(task);
    }

    /// Bytes have arrived, or are left over from the previous request and belong to the next one.
    pub(crate) fn received(&self) {
        if self.phase.get().0 == Phase::Idle {
            self.enter(Phase::Receiving);
        }
    }

    /// The input that follows may be large, and may take any time as long as it keeps to the minimum rate.
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

    /// The helper executes the request, when it has done what it got before.
    pub(crate) fn aside(&self) {
        self.enter(Phase::Aside);
    }

    /// The response is complete and only has to be sent.
    pub(crate) fn answered(&self) {
        self.enter(Phase::Idle);
    }

    /// The response is made while it is sent. Call [`Self::answered`] at its end.
    pub(crate) fn streaming(&self) {
        self.enter(Phase::Streaming);
    }

    /// Whether a request is being executed.
    pub(crate) fn is_working(&self) -> bool {
        matches!(self.phase.get().0, Phase::Working | Phase::Aside)
    }

    /// Whether output waits for the client.
    pub(crate) fn is_sending(&self) -> bool {
        self.output.get().is_some()
    }

    /// The client has made a request that it is authorized to make.
    pub(crate) fn established(&self) {
        self.established.set(true);
    }

    /// The connection is being closed; further input is discarded.
    pub(crate) fn closing(&self) {
        self.enter(Phase::Closing);
    }

    /// Ready when the client sends too slowly. A task that has polled this is woken instead of aborted, and must close
    /// the connection itself.
    pub(crate) fn poll_too_slow(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.too_slow.get() {
            return Poll::Ready(());
        }
        let mut slow_input_waker = self.slow_input_waker.borrow_mut();
        if !slow_input_waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *slow_input_waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    fn cut_off(&self, slow_input: bool) {
        debug!(phase = ?self.phase.get().0, "cut off a client that was too slow");
        match self.slow_input_waker.borrow_mut().take() {
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
    /// The client sends more slowly than the minimum rate.
    SlowInput,
    /// Any other deadline has passed.
    Late,
}

/// Cuts off connections that are overdue.
pub(crate) struct Reaper {
    clock: Rc<CoarseClock>,
    request_timeout: Duration,
    idle_timeout: Duration,
    /// Bytes per second.
    min_rate: u64,
    /// Connections that have ended are removed at the next check.
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

    /// The activity of a new connection. It is checked until the last `Rc` is dropped.
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
            slow_input_waker: RefCell::default(),
            too_slow: Cell::new(false),
            task: OnceCell::new(),
        });
        self.connections.borrow_mut().push(Rc::downgrade(&activity));
        activity
    }

    /// The mark from which the next check measures, if `bytes` have been transferred by now; `None` if the transfer is
    /// too slow.
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
            // The client is still receiving the response.
            Phase::Idle if blocked.is_some() => return None,
            Phase::Streaming | Phase::Aside => return None,
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

    /// Checks every connection periodically. Never returns.
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

/// A stream that records when input arrives and when output is blocked.
pub(crate) struct Watched {
    stream: Socket,
    activity: Rc<Activity>,
    /// Bytes that were moved in a row.
    in_a_row: usize,
}

impl Watched {
    pub(crate) fn new(stream: Socket, activity: Rc<Activity>) -> Self {
        // Responses are written as a whole; Nagle's algorithm would only delay them.
        let _ = stream.tcp().set_tcp_nodelay(true);
        // If this fails, slow clients only appear slower than they are.
        let _ = stream.tcp().set_tcp_notsent_lowat(UNSENT_BYTES - stream.held_bytes() as u32);
        Self { stream, activity, in_a_row: 0 }
    }

    /// Ready when it is this connection's turn.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.in_a_row < TURN_BYTES {
            return Poll::Ready(());
        }
        self.in_a_row = 0;
        // Wakes the task after others, and after the runtime has looked for what has arrived.
        pin!(tokio::task::yield_now()).poll(cx)
    }

    /// Counts what was moved, or that the connection has to wait anyway.
    fn note_turn<T>(&mut self, done: &Poll<T>, moved: usize) {
        self.in_a_row = if done.is_ready() { self.in_a_row + moved } else { 0 };
    }

    /// Waits until there may be something to read.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_readable(cx)
    }

    /// Records the result of writing `wanted` bytes.
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
        ready!(self.poll_turn(cx));
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let received = buf.filled().len() - before;
        self.note_turn(&read, received);
        ready!(read)?;
        if received > 0 {
            self.activity.received();
            self.activity.received_bytes.set(self.activity.received_bytes.get() + received as u64);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn(cx));
        let part = &buf[..buf.len().min(TURN_BYTES)];
        let written = Pin::new(&mut self.stream).poll_write(cx, part);
        self.note_turn(&written, part.len());
        self.note_write(buf.len(), &written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(long) = bufs.iter().find(|part| part.len() > TURN_BYTES)
            && bufs.iter().take_while(|part| part.len() <= TURN_BYTES).all(|part| part.is_empty())
        {
            return self.poll_write(cx, long);
        }
        ready!(self.poll_turn(cx));
        let mut joined = ArrayVec::<u8, JOINED_BYTES>::new();
        let fits = !self.stream.joins() && bufs.iter().all(|part| joined.try_extend_from_slice(part).is_ok());
        let stream = Pin::new(&mut self.stream);
        let written = if fits { stream.poll_write(cx, &joined) } else { stream.poll_write_vectored(cx, bufs) };
        let wanted = bufs.iter().map(|part| part.len()).sum();
        self.note_turn(&written, wanted);
        self.note_write(wanted, &written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        // Only TLS holds anything back: it has taken all, and the client does not receive it.
        match flushed {
            Poll::Pending => self.note_write(1, &Poll::Pending),
            Poll::Ready(Ok(())) => self.note_write(0, &Poll::Ready(Ok(0))),
            Poll::Ready(Err(_)) => {}
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Closes a connection so that the client can read everything that was sent: shuts down the sending side, then discards
/// input until the client closes its side or sends nothing for `quiet`.
pub(crate) async fn close(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), quiet: Duration) -> io::Result<()> {
    stream.shutdown().await?;
    let mut rest = stream.take(MAX_DRAINED_BYTES);
    // On the heap, because within the future it would take up space in every connection all the time.
    let mut dropped = vec![0; DRAINED_AT_A_TIME];
    while let Ok(read) = tokio::time::timeout(quiet, rest.read(&mut dropped)).await {
        if read? == 0 {
            break;
        }
    }
    Ok(())
}

/// [`close`] for a server that runs, with `quiet`, until it is `stopping`, and then with [`QUIET`]: a shutdown does not wait
/// for a client that does not disconnect.
pub(crate) async fn close_until(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    quiet: Duration,
    stopping: impl Future,
) -> io::Result<()> {
    tokio::select! {
        biased;
        closed = close(stream, quiet) => return closed,
        _ = stopping => {}
    }
    close(stream, QUIET).await
}

/// Sends the reply of a connection limit that is reached, and closes the connection.
pub(crate) async fn refuse(mut stream: TcpStream, reply: Vec<u8>) {
    let refused = async {
        stream.write_all(&reply).await?;
        close(&mut stream, REFUSAL_TIMEOUT).await
    };
    // Best effort: the client may have disconnected already.
    let _ = tokio::time::timeout(REFUSAL_TIMEOUT, refused).await;
}
