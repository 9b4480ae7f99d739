//! How far the server is between its start and its end.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

/// What the server is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// It waits for the log, or opens it.
    Opening = 0,
    /// It rebuilds the state.
    Recovering = 1,
    /// Clients are served.
    Serving = 2,
    /// It stops: requests are finished, no connections are accepted.
    Draining = 3,
}

/// Shared by everything that takes part in a start, a stop, or tells of it.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    phase: AtomicU8,
    done: AtomicU64,
    total: AtomicU64,
}

impl Lifecycle {
    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            0 => Phase::Opening,
            1 => Phase::Recovering,
            2 => Phase::Serving,
            _ => Phase::Draining,
        }
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
    }

    /// So many parts of the state are rebuilt: entries of a checkpoint, or records.
    pub(crate) fn recovering(&self, done: u64, total: u64) {
        self.done.store(done, Relaxed);
        self.total.store(total, Relaxed);
        self.enter(Phase::Recovering);
    }

    /// How much is rebuilt, of how much.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.done.load(Relaxed), self.total.load(Relaxed))
    }
}
