//! How the log is, as everybody else sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proto::Lsn;
use tokio::sync::watch;
use tracing::{info, warn};

/// How far the log is, and whether it takes records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogStatus {
    /// Everything up to here is durable.
    pub(crate) durable: Lsn,
    pub(crate) health: LogHealth,
}

/// Whether the log takes records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogHealth {
    Up,
    /// It is being tried again.
    Down,
    /// It will not come back in this process.
    Failed,
    /// It belongs to another writer now.
    Fenced,
}

impl LogHealth {
    /// Whether it stays so for as long as this process lives.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Failed | Self::Fenced)
    }
}

/// A view of the log's status. Clones see the same log.
#[derive(Clone, Debug)]
pub(crate) struct LogWatch {
    status: watch::Receiver<LogStatus>,
    /// The last lsn that somebody has waited for in vain; until it is durable, the log counts as down. 0: none.
    overdue: Arc<AtomicU64>,
}

impl LogWatch {
    pub(crate) fn new(status: watch::Receiver<LogStatus>) -> Self {
        Self { status, overdue: Arc::default() }
    }

    /// The status, and what follows it.
    pub(crate) fn status(&self) -> watch::Receiver<LogStatus> {
        self.status.clone()
    }

    /// How the log is for somebody who knows that it is durable up to `status.durable`.
    pub(crate) fn health(&self, status: LogStatus) -> LogHealth {
        match status.health {
            LogHealth::Up if self.overdue.load(Ordering::Relaxed) > status.durable => LogHealth::Down,
            health => health,
        }
    }

    /// A write has waited in vain for `lsn`: a log that hangs says nothing by itself.
    pub(crate) fn note_overdue(&self, lsn: Lsn) {
        if self.overdue.fetch_max(lsn, Ordering::Relaxed) == 0 {
            warn!(lsn, "the log does not confirm what was written; durable writes are refused until it does");
        }
    }

    /// Everything up to `durable` is durable.
    pub(crate) fn note_durable(&self, durable: Lsn) {
        let overdue = self.overdue.load(Ordering::Relaxed);
        if overdue == 0 || overdue > durable {
            return;
        }
        // One of the workers says so.
        if self.overdue.compare_exchange(overdue, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            info!(durable, "the log confirms again what is written");
        }
    }

    /// Waits until the log has ended for good; returns how. Never returns if it ends in order.
    pub(crate) async fn lost(&self) -> LogHealth {
        let mut status = self.status();
        let health = status.wait_for(|status| status.health.is_final()).await.map(|status| status.health);
        match health {
            Ok(health) => health,
            Err(_) => std::future::pending().await,
        }
    }

    /// How the log has ended for good, if it has.
    pub(crate) fn is_lost(&self) -> Option<LogHealth> {
        Some(self.status.borrow().health).filter(|health| health.is_final())
    }
}
