//! Waiting for a log that cannot be reached yet.

use std::time::{Duration, Instant};

use tracing::warn;

use super::tracing::Throttle;
use crate::SinkError;

/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(250);

/// Time between two lines of diagnostics.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// How long a start tries again what fails for now.
#[derive(Debug)]
pub struct StartRetry {
    deadline: Instant,
    lines: Throttle,
}

impl StartRetry {
    /// Tries for this long, from now on.
    pub fn new(within: Duration) -> Self {
        Self { deadline: Instant::now() + within, lines: Throttle::new(REPORT_INTERVAL) }
    }

    /// Pauses after an attempt that failed for now. The error comes back if it is for good, or if there is no time left.
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
