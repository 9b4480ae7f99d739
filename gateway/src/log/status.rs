//! The status of the log, as the rest of the server sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proto::Lsn;
use tokio::sync::watch;
use tracing::{info, warn};
use txnd::Terms;

use crate::token::Tokens;

/// How far the log is durable, and whether it accepts records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogStatus {
    /// The last durable LSN.
    pub(crate) durable: Lsn,
    pub(crate) health: LogHealth,
}

/// Whether the log accepts records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogHealth {
    Up,
    /// It is unavailable; the shipper is retrying.
    Down,
    /// It has failed permanently, as far as this process is concerned.
    Failed,
    /// Another writer has taken it over.
    Fenced,
}

impl LogHealth {
    /// Whether it stays so until this process ends.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Failed | Self::Fenced)
    }
}

/// A view of the log's status. Clones see the same log.
#[derive(Clone, Debug)]
pub(crate) struct LogWatch {
    log_id: u64,
    terms: Arc<Terms>,
    status: watch::Receiver<LogStatus>,
    /// The highest LSN for which a wait has timed out; until it is durable, the log counts as down. 0: none.
    overdue: Arc<AtomicU64>,
}

impl LogWatch {
    pub(crate) fn new(log_id: u64, terms: Terms, status: watch::Receiver<LogStatus>) -> Self {
        Self { log_id, terms: Arc::new(terms), status, overdue: Arc::default() }
    }

    /// The tokens of the log, in the process with this id.
    pub(crate) fn tokens(&self, process: u64) -> Tokens {
        Tokens::new(self.log_id, Arc::clone(&self.terms), process)
    }

    /// The current status and its changes.
    pub(crate) fn status(&self) -> watch::Receiver<LogStatus> {
        self.status.clone()
    }

    /// The log's health for a reader whose latest view is `status`.
    pub(crate) fn health(&self, status: LogStatus) -> LogHealth {
        match status.health {
            LogHealth::Up if self.overdue.load(Ordering::Relaxed) > status.durable => LogHealth::Down,
            health => health,
        }
    }

    /// Records that a wait for `lsn` has timed out. This is how a sink that hangs is noticed: it reports no error.
    pub(crate) fn note_overdue(&self, lsn: Lsn) {
        if self.overdue.fetch_max(lsn, Ordering::Relaxed) == 0 {
            warn!(lsn, "the log does not confirm what was written; durable writes are rejected until it does");
        }
    }

    /// Records that the log is durable up to `durable`.
    pub(crate) fn note_durable(&self, durable: Lsn) {
        let overdue = self.overdue.load(Ordering::Relaxed);
        if overdue == 0 || overdue > durable {
            return;
        }
        // Exactly one of the workers logs it.
        if self.overdue.compare_exchange(overdue, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            info!(durable, "the log confirms again what is written");
        }
    }

    /// Waits until the log has ended permanently; returns how. Never returns if it is closed cleanly.
    pub(crate) async fn lost(&self) -> LogHealth {
        let mut status = self.status();
        let health = status.wait_for(|status| status.health.is_final()).await.map(|status| status.health);
        match health {
            Ok(health) => health,
            Err(_) => std::future::pending().await,
        }
    }
}
