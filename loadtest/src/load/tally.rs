//! Counters of a running load.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Longest latency that is recorded exactly; longer ones count as this.
const MAX_LATENCY: Duration = Duration::from_secs(100);

/// Significant decimal digits of latencies.
const DIGITS: u8 = 3;

/// Requests that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Errors {
    /// Requests that got an error.
    pub(crate) refused: u64,
    /// Responses of the wrong kind.
    pub(crate) wrong: u64,
    /// Requests whose connection ended before the response.
    pub(crate) lost: u64,
    /// The message of the first one.
    pub(crate) first: Option<String>,
}

impl Errors {
    /// All of them.
    pub(crate) fn count(&self) -> u64 {
        self.refused + self.wrong + self.lost
    }

    fn add(&mut self, other: Self) {
        self.refused += other.refused;
        self.wrong += other.wrong;
        self.lost += other.lost;
        self.first = self.first.take().or(other.first);
    }
}

/// Counts of a span of time.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// Latencies of all correct responses, in nanoseconds.
    pub(crate) latencies: Histogram<u64>,
    /// Requests that failed.
    pub(crate) errors: Errors,
    /// Reads of entries that did not exist; correct responses, unless all entries were stored before the run.
    pub(crate) misses: u64,
    /// Connections that were reopened.
    pub(crate) reconnects: u64,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        let latencies = Histogram::new_with_bounds(1, MAX_LATENCY.as_nanos() as u64, DIGITS);
        Self {
            latencies: latencies.expect("the bounds are in order"),
            errors: Errors::default(),
            misses: 0,
            reconnects: 0,
        }
    }

    /// Counts `count` correct responses with this `latency`, in nanoseconds.
    pub(crate) fn answered(&mut self, latency: u64, count: u64) {
        self.latencies.saturating_record_n(latency, count);
    }

    /// Number of correct responses.
    pub(crate) fn answers(&self) -> u64 {
        self.latencies.len()
    }

    /// Adds the counts of `other`, and resets `other`.
    pub(crate) fn take_from(&mut self, other: &mut Self) {
        self.latencies.add(&other.latencies).expect("all tallies have the same bounds");
        self.errors.add(std::mem::take(&mut other.errors));
        self.misses += std::mem::take(&mut other.misses);
        self.reconnects += std::mem::take(&mut other.reconnects);
        other.latencies.reset();
    }
}
