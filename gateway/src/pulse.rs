//! Whether a worker still runs its tasks: one of them notes the time, again and again. Where a thread is stuck or has ended,
//! nothing does.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Time between two beats.
const BEAT: Duration = Duration::from_secs(1);

/// A worker without a beat for so long is stuck. Whatever a request costs, it lets others run long before.
pub(crate) const STUCK_AFTER: Duration = Duration::from_secs(10);

/// The last beat of a worker.
#[derive(Debug)]
pub(crate) struct Pulse {
    began: Instant,
    /// Milliseconds from then to the last beat.
    last: AtomicU64,
}

impl Pulse {
    /// It counts as a beat.
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), last: AtomicU64::new(0) }
    }

    /// Beats for ever. Runs on the worker.
    pub(crate) async fn run(&self) {
        loop {
            self.last.store(self.began.elapsed().as_millis() as u64, Relaxed);
            tokio::time::sleep(BEAT).await;
        }
    }

    /// Time since the last beat.
    pub(crate) fn silent_for(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.last.load(Relaxed)))
    }
}
