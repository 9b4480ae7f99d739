//! The driver of one worker: a task that speaks with the kernel for all sessions.
//!
//! A turn: sessions that were woken run, and leave requests here. The first one wakes the driver, which runs after them. It
//! enters the kernel once, for all of them: this carries out what they left, and whatever else has become possible. Then
//! it wakes those whose input has arrived. When nobody has anything to do, the runtime sleeps in epoll, as ever, where an
//! event of the ring is one descriptor of several.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::channel::Channel;
use super::queues::{Completion, Queues};

/// Requests after which the kernel is entered in the middle of a turn. Otherwise the first response of a long turn would wait
/// for the last one.
const LONG_TURN: usize = 128;

/// So many sessions in a turn send by themselves. One after the other, their clients go on while the next session works; at the
/// end of the turn, all would be sent to clients that sleep, and waking those costs more than the system calls (4 to 8 percent
/// of the CPU time with 4 connections at depth 128). From 16 connections on, it is the other way round.
pub(super) const FEW_SESSIONS: usize = 4;

/// The driver of one worker. Never leaves its thread.
pub(crate) struct Driver {
    queues: RefCell<Queues>,
    /// Wakes the task that runs this.
    task: RefCell<Waker>,
    /// Whether that was woken and has not run yet.
    is_woken: Cell<bool>,
    /// Sessions that the last turn has woken.
    sessions: Cell<usize>,
    /// Memory of a turn.
    turn: RefCell<(Vec<Completion>, Vec<Waker>)>,
}

impl Driver {
    /// Sets up a ring for this thread.
    pub(crate) fn new() -> io::Result<Rc<Self>> {
        let task = RefCell::new(Waker::noop().clone());
        let queues = RefCell::new(Queues::new()?);
        Ok(Rc::new(Self { queues, task, is_woken: Cell::new(false), sessions: Cell::new(0), turn: RefCell::default() }))
    }

    /// Runs until the kernel refuses. Must be a task of its own, so that it runs after the sessions that have woken it.
    #[allow(unsafe_code)]
    pub(crate) async fn run(self: Rc<Self>) -> io::Result<Infallible> {
        let event = self.queues.borrow().event();
        // SAFETY: it is open as long as this future has it.
        let ready = unsafe { AsyncFd::register_with_interest(event, Interest::READABLE)? };
        poll_fn(|cx| self.poll(&ready, cx)).await
    }

    fn poll(&self, ready: &AsyncFd<Rc<OwnedFd>>, cx: &mut Context<'_>) -> Poll<io::Result<Infallible>> {
        self.task.borrow_mut().clone_from(cx.waker());
        self.is_woken.set(false);
        // Before the kernel is entered: what becomes possible after that wakes this task again.
        while let Poll::Ready(mut readiness) = ready.poll_read_ready(cx)? {
            readiness.clear_ready();
        }
        if self.turn()? {
            self.wake();
        }
        Poll::Pending
    }

    /// Makes the driver run after the sessions that are to run already.
    fn wake(&self) {
        if !self.is_woken.replace(true) {
            self.task.borrow().wake_by_ref();
        }
    }

    /// Returns whether there is more to do.
    pub(super) fn turn(&self) -> io::Result<bool> {
        let (completions, wakers) = &mut *self.turn.borrow_mut();
        let mut queues = self.queues.borrow_mut();
        if !queues.is_behind() {
            // The event was of what the last turn has done itself.
            return Ok(false);
        }
        queues.enter()?;
        queues.drain(completions);
        for completion in completions.drain(..) {
            match completion {
                Completion::Received { channel, result, more } => {
                    wakers.extend(channel.input.borrow_mut().done(result, more));
                }
                Completion::Readable(channel) => wakers.extend(channel.input.borrow_mut().readable()),
                Completion::Again(channel) => queues.receive(channel, false),
                Completion::Sent { channel, result } => {
                    if result.is_err() {
                        // Its session waits for input, and would hear of it nowhere else.
                        wakers.extend(channel.input.borrow().reader());
                    }
                    let (waker, next) = channel.output.borrow_mut().progress(result);
                    wakers.extend(waker);
                    if let Some(bytes) = next {
                        queues.send(channel, bytes);
                    }
                }
            }
        }
        let is_behind = queues.is_behind();
        drop(queues);
        self.sessions.set(wakers.len());
        // A waker may do anything, such as to end a session.
        wakers.drain(..).for_each(Waker::wake);
        Ok(is_behind)
    }

    /// Whether few sessions run in this turn, as far as can be seen.
    pub(super) fn is_quiet(&self) -> bool {
        self.sessions.get() <= FEW_SESSIONS && self.queues.borrow().waiting() < FEW_SESSIONS
    }

    /// Receives once, see [`Queues::receive`].
    pub(super) fn receive(&self, channel: &Rc<Channel>, poll_first: bool) {
        self.leave(|queues| queues.receive(Rc::clone(channel), poll_first));
    }

    /// Waits for input, see [`Queues::watch`].
    pub(super) fn watch(&self, channel: &Rc<Channel>) {
        self.leave(|queues| queues.watch(Rc::clone(channel)));
    }

    /// Sends `bytes`. Must not be called while others of this connection are sent.
    pub(super) fn send(&self, channel: &Rc<Channel>, bytes: Vec<u8>) {
        self.leave(|queues| queues.send(Rc::clone(channel), bytes));
    }

    fn leave(&self, request: impl FnOnce(&mut Queues)) {
        let mut queues = self.queues.borrow_mut();
        request(&mut queues);
        if queues.waiting() >= LONG_TURN {
            // The driver hears of a failure in its own turn, which follows.
            let _ = queues.submit();
        }
        drop(queues);
        self.wake();
    }
}
