//! A worker's end of the queue. Nothing here waits: lines for which there is no room are dropped, and counted.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;
use txnd::cli::tracing::Throttle;

use super::line::{Line, Lines};
use super::writer::{AccessLog, Outcome};

/// Minimum time between two warnings of a worker that lines are dropped.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

/// Hands a worker's lines over.
pub(crate) struct Scribe {
    log: Arc<AccessLog>,
    warnings: RefCell<Throttle>,
}

impl Scribe {
    pub(crate) fn new(log: Arc<AccessLog>) -> Self {
        Self { log, warnings: RefCell::new(Throttle::new(WARN_INTERVAL)) }
    }

    pub(crate) fn write(&self, line: &Line<'_>) {
        let mut lines = Lines::default();
        lines.push(line);
        self.hand_over(lines);
    }

    pub(crate) fn hand_over(&self, lines: Lines) {
        if self.log.queue(lines).is_err()
            && let Some(held_back) = self.warnings.borrow_mut().pass()
        {
            let dropped = self.log.lines(Outcome::Dropped);
            warn!(dropped, held_back, "the access log is written too slowly: lines are dropped");
        }
    }
}
