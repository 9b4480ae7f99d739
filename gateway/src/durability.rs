//! Replies that wait until their record is durable. One gate per worker, used by its thread alone.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use proto::Lsn;
use tokio::sync::{oneshot, watch};

use crate::shipper::{LogHealth, LogStatus};

/// The server cannot say whether the write became durable.
#[derive(Debug, thiserror::Error)]
#[error("the log failed before the write was known to be durable")]
pub(crate) struct OutcomeUnknown;

/// The worker's view of the log, and who waits for it.
#[derive(Debug)]
pub(crate) struct DurableGate {
    status: Cell<LogStatus>,
    /// Sorted by lsn, because the worker's thread executes one operation after the other.
    waiting: RefCell<VecDeque<(Lsn, oneshot::Sender<()>)>>,
}

impl DurableGate {
    pub(crate) fn new(status: LogStatus) -> Self {
        Self { status: Cell::new(status), waiting: RefCell::default() }
    }

    pub(crate) fn health(&self) -> LogHealth {
        self.status.get().health
    }

    /// Waits until `lsn` is durable. To be called right after the operation, before anything is awaited; what it returns may be
    /// awaited later.
    pub(crate) fn wait(&self, lsn: Lsn) -> impl Future<Output = Result<(), OutcomeUnknown>> + use<> {
        let waiting = self.register(lsn);
        async move {
            match waiting? {
                None => Ok(()),
                Some(receiver) => receiver.await.map_err(|_| OutcomeUnknown),
            }
        }
    }

    fn register(&self, lsn: Lsn) -> Result<Option<oneshot::Receiver<()>>, OutcomeUnknown> {
        let status = self.status.get();
        if status.durable >= lsn {
            return Ok(None);
        }
        if status.health == LogHealth::Failed {
            return Err(OutcomeUnknown);
        }
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.borrow_mut();
        debug_assert!(waiting.back().is_none_or(|(last, _)| *last <= lsn));
        waiting.push_back((lsn, sender));
        Ok(Some(receiver))
    }

    /// Lets go who need not wait any longer, whenever the status changes. Ends when the shipper is gone.
    pub(crate) async fn follow(&self, mut status: watch::Receiver<LogStatus>) {
        loop {
            let now = *status.borrow_and_update();
            self.status.set(now);
            self.let_go(now);
            if status.changed().await.is_err() {
                // The shipper is gone. Unless it was in order, after the last session, nobody must wait for it.
                let gone = LogStatus { health: LogHealth::Failed, ..now };
                self.status.set(gone);
                return self.let_go(gone);
            }
        }
    }

    fn let_go(&self, now: LogStatus) {
        let mut waiting = self.waiting.borrow_mut();
        while let Some((_, sender)) = waiting.pop_front_if(|(lsn, _)| *lsn <= now.durable) {
            // Nobody listens any more when the client has hung up.
            let _ = sender.send(());
        }
        if now.health == LogHealth::Failed {
            waiting.clear();
        }
    }
}
