//! What is counted while a load runs.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Longest latency that is told apart from longer ones.
const MAX_LATENCY: Duration = Duration::from_secs(100);

/// Decimal digits to which latencies are kept.
const DIGITS: u8 = 3;

/// Requests that did not end as they should.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Errors {
    /// Requests that were refused.
    pub(crate) refused: u64,
    /// Responses of the wrong kind.
    pub(crate) wrong: u64,
    /// Requests whose connection ended before the response.
    pub(crate) lost: u64,
    /// What the first one said.
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
    /// Latencies of all requests that were answered as they should, in nanoseconds.
    pub(crate) latencies: Histogram<u64>,
    /// Requests that were not.
    pub(crate) errors: Errors,
    /// Reads of entries that were not there; answered as they should be, unless all entries were stored ahead.
    pub(crate) misses: u64,
    /// Connections that were made anew.
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

    /// Counts `count` requests that were answered after `latency` nanoseconds.
    pub(crate) fn answered(&mut self, latency: u64, count: u64) {
        self.latencies.saturating_record_n(latency, count);
    }

    /// Requests that were answered as they should.
    pub(crate) fn answers(&self) -> u64 {
        self.latencies.len()
    }

    /// Adds what `other` has counted, and resets that.
    pub(crate) fn take_from(&mut self, other: &mut Self) {
        self.latencies.add(&other.latencies).expect("all tallies have the same bounds");
        self.errors.add(std::mem::take(&mut other.errors));
        self.misses += std::mem::take(&mut other.misses);
        self.reconnects += std::mem::take(&mut other.reconnects);
        other.latencies.reset();
    }
}
