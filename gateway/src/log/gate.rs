//! Replies that wait until their record is durable. One gate per worker, used only by the worker's thread.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use proto::{Lsn, Refusal};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::status::{LogHealth, LogStatus, LogWatch};

/// The status without a log: everything counts as durable.
const NO_LOG: LogStatus = LogStatus { durable: Lsn::MAX, health: LogHealth::Up };

/// A worker's view of the log, and the replies that wait for it.
#[derive(Debug)]
pub(crate) struct DurableGate {
    log: Option<LogWatch>,
    status: Cell<LogStatus>,
    /// Longest wait. The outcome of a write that is not durable by then is unknown.
    timeout: Duration,
    /// Sorted by LSN, because the worker executes operations one after the other. So also sorted by deadline, because
    /// the timeout is the same for all.
    waiting: RefCell<VecDeque<Waiting>>,
    /// Set when nothing may wait any more.
    closed: Cell<bool>,
}

/// A reply that waits. Dropping the sender means that the outcome is unknown.
#[derive(Debug)]
struct Waiting {
    lsn: Lsn,
    deadline: Instant,
    durable: oneshot::Sender<()>,
}

impl DurableGate {
    pub(crate) fn new(log: Option<LogWatch>, timeout: Duration) -> Self {
        let status = log.as_ref().map_or(NO_LOG, |log| *log.status().borrow());
        Self { log, status: Cell::new(status), timeout, waiting: RefCell::default(), closed: Cell::new(false) }
    }

    pub(crate) fn health(&self) -> LogHealth {
        let status = self.status.get();
        self.log.as_ref().map_or(status.health, |log| log.health(status))
    }

    /// The last durable LSN, as far as this worker knows.
    pub(crate) fn durable(&self) -> Lsn {
        self.status.get().durable
    }

    /// Waits until `lsn` is durable; the error is [`Refusal::OutcomeUnknown`]. Must be called right after the
    /// operation, before any `await`, so that the LSNs of the waiting replies ascend; the future it returns may be
    /// awaited later.
    pub(crate) fn wait(&self, lsn: Lsn) -> impl Future<Output = Result<(), Refusal>> + use<> {
        let waiting = self.register(lsn);
        async move {
            match waiting? {
                None => Ok(()),
                Some(durable) => durable.await.map_err(|_| Refusal::OutcomeUnknown),
            }
        }
    }

    fn register(&self, lsn: Lsn) -> Result<Option<oneshot::Receiver<()>>, Refusal> {
        let status = self.status.get();
        if status.durable >= lsn {
            return Ok(None);
        }
        if status.health.is_final() || self.closed.get() {
            return Err(Refusal::OutcomeUnknown);
        }
        let (durable, receiver) = oneshot::channel();
        let mut waiting = self.waiting.borrow_mut();
        debug_assert!(waiting.back().is_none_or(|last| last.lsn <= lsn));
        waiting.push_back(Waiting { lsn, deadline: Instant::now() + self.timeout, durable });
        Ok(Some(receiver))
    }

    /// Completes waits whenever the log's status changes or a wait times out. Ends when the log thread has ended.
    pub(crate) async fn follow(&self) {
        let Some(log) = &self.log else { return };
        let mut status = log.status();
        loop {
            let now = *status.borrow_and_update();
            self.note(now, log);
            tokio::select! {
                biased;
                changed = status.changed() => if changed.is_err() {
                    // A clean end comes after the last session. Any other end is a failure, and nothing may wait for
                    // it.
                    let health = if now.health.is_final() { now.health } else { LogHealth::Failed };
                    return self.note(LogStatus { health, ..now }, log);
                },
                () = sleep_until(self.next_deadline()) => self.give_up_overdue(log),
            }
        }
    }

    /// Ends all waits: the outcome of writes that are not durable by now is unknown.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.waiting.borrow_mut().clear();
    }

    fn note(&self, now: LogStatus, log: &LogWatch) {
        self.status.set(now);
        log.note_durable(now.durable);
        let mut waiting = self.waiting.borrow_mut();
        while let Some(waiting) = waiting.pop_front_if(|waiting| waiting.lsn <= now.durable) {
            // The receiver is gone if the client has disconnected.
            let _ = waiting.durable.send(());
        }
        if now.health.is_final() {
            waiting.clear();
        }
    }

    /// When to check for waits that have timed out. A wait that begins after now cannot time out earlier.
    fn next_deadline(&self) -> Instant {
        self.waiting.borrow().front().map_or_else(|| Instant::now() + self.timeout, |waiting| waiting.deadline)
    }

    fn give_up_overdue(&self, log: &LogWatch) {
        let now = Instant::now();
        let mut waiting = self.waiting.borrow_mut();
        while let Some(overdue) = waiting.pop_front_if(|waiting| waiting.deadline <= now) {
            log.note_overdue(overdue.lsn);
        }
    }
}
