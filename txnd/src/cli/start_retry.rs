//! Waits at startup for a log that cannot be reached yet.

use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::tracing::Throttle;
use crate::SinkError;

/// Delay between two attempts.
const PAUSE: Duration = Duration::from_millis(250);

/// Interval between two log lines.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// How long a start retries after a temporary failure.
#[derive(Debug)]
pub struct StartRetry {
    deadline: Instant,
    lines: Throttle,
}

impl StartRetry {
    /// Retries for this long from now.
    pub fn new(within: Duration) -> Self {
        Self { deadline: Instant::now() + within, lines: Throttle::new(REPORT_INTERVAL) }
    }

    /// Pauses after an attempt that failed temporarily. Returns the error if it is permanent, or if no time is left.
    pub async fn pause(&mut self, error: SinkError) -> Result<(), SinkError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if !error.is_retryable() || left.is_zero() {
            return Err(error);
        }
        if self.lines.pass().is_some() {
            warn!(seconds_left = left.as_secs(), "waiting for the log: {error}");
        }
        tokio::time::sleep(PAUSE.min(left)).await;
        Ok(())
    }
}
