//! What the log's thread measures of the log, the last start and the checkpoints. Whoever shows it reads it from here.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use proto::Lsn;
use txnd::{Checkpoint, Term};

use crate::meters::{Counter, Times};

/// The last start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recovery {
    /// Records that were replayed after a checkpoint.
    pub(crate) records: u64,
    pub(crate) took: Duration,
}

/// The latest checkpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latest {
    pub(crate) checkpoint: Checkpoint,
    /// How long it took to be written; `None` if an earlier process has written it.
    pub(crate) took: Option<Duration>,
}

/// What is known of the log.
#[derive(Debug)]
pub(crate) struct LogMeters {
    /// From here times are counted. The machine's clock may be set.
    began: Instant,
    epoch: AtomicU64,
    last_lsn: AtomicU64,
    /// When the oldest batch was sealed that is not durable yet, in microseconds after `began`, plus one; 0 if there is none.
    waiting_since: AtomicU64,
    /// From sealing a batch to its durability.
    pub(crate) durable_after: Times,
    pub(crate) reconnects: Counter,
    pub(crate) checkpoints_written: Counter,
    pub(crate) checkpoints_failed: Counter,
    /// Log that is still to come before the next checkpoint, in bytes, plus one; 0 if none is due.
    due: AtomicU64,
    recovery: Mutex<Option<Recovery>>,
    latest: Mutex<Option<Latest>>,
}

impl Default for LogMeters {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            epoch: AtomicU64::default(),
            last_lsn: AtomicU64::default(),
            waiting_since: AtomicU64::default(),
            durable_after: Times::default(),
            reconnects: Counter::default(),
            checkpoints_written: Counter::default(),
            checkpoints_failed: Counter::default(),
            due: AtomicU64::default(),
            recovery: Mutex::default(),
            latest: Mutex::default(),
        }
    }
}

fn set<T>(cell: &Mutex<Option<T>>, value: T) {
    *cell.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
}

fn get<T: Copy>(cell: &Mutex<Option<T>>) -> Option<T> {
    *cell.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LogMeters {
    /// The state was rebuilt, with `records` replayed after a checkpoint, and the term can go on.
    pub(super) fn recovered(&self, term: &Term, records: u64, took: Duration, checkpoint: Option<&Checkpoint>) {
        self.epoch.store(term.epoch, Relaxed);
        self.last_lsn.store(term.chain.lsn, Relaxed);
        set(&self.recovery, Recovery { records, took });
        if let Some(checkpoint) = checkpoint {
            set(&self.latest, Latest { checkpoint: *checkpoint, took: None });
        }
    }

    /// What the log was given, and since when the oldest batch waits. `due` is the log until the next checkpoint.
    pub(super) fn shipped(&self, last: Lsn, oldest: Option<Instant>, due: Option<u64>) {
        self.last_lsn.store(last, Relaxed);
        let since = oldest.map_or(0, |oldest| oldest.saturating_duration_since(self.began).as_micros() as u64 + 1);
        self.waiting_since.store(since, Relaxed);
        self.due.store(due.map_or(0, |due| due + 1), Relaxed);
    }

    pub(super) fn checkpoint_written(&self, checkpoint: &Checkpoint, took: Duration) {
        self.checkpoints_written.add(1);
        set(&self.latest, Latest { checkpoint: *checkpoint, took: Some(took) });
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Relaxed)
    }

    pub(crate) fn last_lsn(&self) -> Lsn {
        self.last_lsn.load(Relaxed)
    }

    /// How long the oldest batch has waited that is not durable yet.
    pub(crate) fn lag(&self) -> Duration {
        match self.waiting_since.load(Relaxed).checked_sub(1) {
            None => Duration::ZERO,
            Some(since) => self.began.elapsed().saturating_sub(Duration::from_micros(since)),
        }
    }

    /// Log that is still to come before the next checkpoint, in bytes.
    pub(crate) fn due(&self) -> Option<u64> {
        self.due.load(Relaxed).checked_sub(1)
    }

    pub(crate) fn recovery(&self) -> Option<Recovery> {
        get(&self.recovery)
    }

    pub(crate) fn latest_checkpoint(&self) -> Option<Latest> {
        get(&self.latest)
    }
}
