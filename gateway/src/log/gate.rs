//! Replies that wait until their record is durable. One gate per worker, used by its thread alone.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use proto::{Lsn, Refusal};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::status::{LogHealth, LogStatus, LogWatch};

/// Without a log everything counts as durable.
const NO_LOG: LogStatus = LogStatus { durable: Lsn::MAX, health: LogHealth::Up };

/// The worker's view of the log, and who waits for it.
#[derive(Debug)]
pub(crate) struct DurableGate {
    log: Option<LogWatch>,
    status: Cell<LogStatus>,
    /// Longest wait; what is not durable then has an unknown outcome.
    timeout: Duration,
    /// Sorted by lsn, because the worker's thread executes one operation after the other, and so by deadline, because all wait
    /// for equally long.
    waiting: RefCell<VecDeque<Waiting>>,
    /// Nobody is waited for any more.
    closed: Cell<bool>,
}

/// A reply that waits. Dropping the sender says that its outcome is unknown.
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

    /// Everything up to here is durable, as far as this worker knows.
    pub(crate) fn durable(&self) -> Lsn {
        self.status.get().durable
    }

    /// Waits until `lsn` is durable; the error is [`Refusal::OutcomeUnknown`]. To be called right after the operation, before
    /// anything is awaited; what it returns may be awaited later.
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

    /// Wakes who need not wait any longer, whenever the log's status changes or a wait has taken too long. Ends when the log's
    /// thread is gone.
    pub(crate) async fn follow(&self) {
        let Some(log) = &self.log else { return };
        let mut status = log.status();
        loop {
            let now = *status.borrow_and_update();
            self.note(now, log);
            tokio::select! {
                changed = status.changed() => if changed.is_err() {
                    // Unless it has ended in order, after the last session, nobody must wait for it.
                    let health = if now.health.is_final() { now.health } else { LogHealth::Failed };
                    return self.note(LogStatus { health, ..now }, log);
                },
                () = sleep_until(self.next_deadline()) => self.give_up_overdue(log),
            }
        }
    }

    /// Nobody waits any longer: what is not durable by now has an unknown outcome.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.waiting.borrow_mut().clear();
    }

    fn note(&self, now: LogStatus, log: &LogWatch) {
        self.status.set(now);
        log.note_durable(now.durable);
        let mut waiting = self.waiting.borrow_mut();
        while let Some(waiting) = waiting.pop_front_if(|waiting| waiting.lsn <= now.durable) {
            // Nobody listens any more when the client has hung up.
            let _ = waiting.durable.send(());
        }
        if now.health.is_final() {
            waiting.clear();
        }
    }

    /// When to look for waits that have taken too long. Who comes after now is not due before.
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
