//! The feed: every change of entries, in the order of the log, told to those who follow. Independent of protocols.
//!
//! ```text
//!   shipper ── durable batches ──> tail.rs ─────────┐ whoever keeps up
//!                                                   ├──> follower.rs ──> http/v2/feed.rs, frames/follow.rs
//!   LogReader ── portions ──> source.rs ────────────┘ whoever does not
//!
//!   tail.rs       what has become durable lately, in memory
//!   source.rs     reads of the log for those who are behind, a bounded number at a time
//!   follower.rs   the place of one who follows, and the batch there
//!   steps.rs      which changes one wants and may see, and where a step of several changes ends
//! ```
//!
//! Nobody here holds up a writer: the shipper hands a batch to the tail and goes on; the tail drops the oldest beyond
//! `--feed-memory`; who needs what was dropped reads it from the log. A follower keeps its place, and between two turns at most
//! one portion of the log, which counts against `--response-memory`.

mod follower;
mod source;
mod steps;
mod tail;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proto::Lsn;

use crate::budget::Budget;
use crate::log::status::LogWatch;
use crate::log::thread::Records;
use crate::token::NotOurs;
pub(crate) use follower::{Ended, Follower};
pub(crate) use source::Source;
pub(crate) use steps::{Change, Teller, Wanted};
pub(crate) use tail::Tail;

/// A follower tells at least this often how far it is.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(10);

/// What all followers share.
#[derive(Debug)]
pub(crate) struct Feed {
    tail: Arc<Tail>,
    source: Source,
    log: LogWatch,
    /// Memory for what is read from the log.
    memory: Arc<Budget>,
    /// Changes that were told.
    told: AtomicU64,
    /// Portions of the log that were read.
    portions: AtomicU64,
}

/// Where one begins who asks for this place, or for none, in a log that has come to `last` and is durable up to `durable`. What is
/// not durable yet is told when it is: a place that a crash could take back would be none.
pub(crate) fn beginning(asked: Option<Result<Lsn, NotOurs>>, last: Lsn, durable: Lsn) -> Result<Lsn, NotOurs> {
    match asked {
        None => Ok(last.min(durable)),
        Some(Ok(lsn)) if lsn > last => Err(NotOurs::Lost),
        Some(place) => place,
    }
}

impl Feed {
    /// The feed of a log. What is read from it counts against `memory`.
    pub(crate) fn new(log: LogWatch, Records { tail, source }: Records, memory: Arc<Budget>) -> Arc<Self> {
        Arc::new(Self { tail, source, log, memory, told: AtomicU64::new(0), portions: AtomicU64::new(0) })
    }

    /// What has become durable lately.
    pub(crate) fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Counts changes that were told.
    pub(crate) fn count(&self, changes: u64) {
        self.told.fetch_add(changes, Ordering::Relaxed);
    }

    /// Changes that were told.
    pub(crate) fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }

    /// Portions of the log that were read for those who are behind.
    pub(crate) fn portions(&self) -> u64 {
        self.portions.load(Ordering::Relaxed)
    }
}
