//! Work in the background that keeps to a rate.

use std::time::{Duration, Instant};

/// Pauses, so that no more than `rate` bytes are handled in a second.
#[derive(Debug)]
pub struct Pace {
    began: Instant,
    bytes: u64,
    rate: u64,
}

impl Pace {
    /// Begins now, with a rate in bytes per second.
    pub fn new(rate: u64) -> Self {
        Self { began: Instant::now(), bytes: 0, rate }
    }

    /// Waits until so many bytes more are due. Yields in any case, so that a stop is noticed.
    pub async fn keep(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        let due = Duration::from_secs_f64(self.bytes as f64 / self.rate as f64);
        match due.saturating_sub(self.began.elapsed()) {
            Duration::ZERO => tokio::task::yield_now().await,
            early => tokio::time::sleep(early).await,
        }
    }
}
