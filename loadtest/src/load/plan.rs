//! A load as data, its results, and a way to watch it.

use std::time::Duration;

use serde::Serialize;

use super::tally::Tally;
use crate::distribution::Distribution;
use crate::keys::ValueKind;
use crate::target::Target;

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pace {
    /// When the replies to the previous ones have arrived.
    Closed,
    /// At this rate per second.
    Open(f64),
}

/// Which entries are requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Choice {
    /// At random, until the time is over.
    Random(Distribution),
    /// Each once, in order; the run ends after the last one.
    Each,
}

/// A load on one server.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The server.
    pub(crate) target: Target,
    /// Number of entries.
    pub(crate) keys: u64,
    /// Which of them are requested.
    pub(crate) choice: Choice,
    /// Percentage of requests that are reads.
    pub(crate) gets: u8,
    /// Type of the values.
    pub(crate) value: ValueKind,
    /// Length of texts.
    pub(crate) value_bytes: usize,
    /// Whether kvs must make each write durable before it replies.
    pub(crate) durable: bool,
    /// Connections, over all threads.
    pub(crate) connections: usize,
    /// Threads of the load.
    pub(crate) threads: usize,
    /// Requests in flight per connection.
    pub(crate) depth: usize,
    /// When requests are sent.
    pub(crate) pace: Pace,
    /// Duration of the warm-up.
    pub(crate) warmup: Duration,
    /// Duration of the measurement.
    pub(crate) duration: Duration,
    /// Random seed.
    pub(crate) seed: u64,
    /// Cores for the threads of the load, assigned in turn. None: not pinned.
    pub(crate) cores: Vec<usize>,
    /// The server's processes, if known.
    pub(crate) server: Vec<u32>,
}

/// A span of the measurement.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Point {
    /// End of the span, in seconds since the measurement began.
    pub(crate) at: f64,
    /// Responses per second.
    pub(crate) rate: f64,
    /// Latencies, in microseconds.
    pub(crate) p50: f64,
    #[allow(missing_docs)]
    pub(crate) p99: f64,
    #[allow(missing_docs)]
    pub(crate) max: f64,
}

/// The results of a plan.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// Length of the measurement, in seconds.
    pub(crate) seconds: f64,
    /// Latencies and errors.
    pub(crate) tally: Tally,
    /// The measurement in spans.
    pub(crate) timeline: Vec<Point>,
    /// CPU time of the server during the measurement, in seconds, if its processes are known.
    pub(crate) server_cpu: Option<f64>,
    /// CPU time of the load, in seconds.
    pub(crate) load_cpu: f64,
    /// Whether it was ended early.
    pub(crate) interrupted: bool,
}

impl Measured {
    /// Responses per second.
    pub(crate) fn throughput(&self) -> f64 {
        self.tally.answers() as f64 / self.seconds
    }

    /// Responses per second of server CPU time.
    pub(crate) fn per_cpu_second(&self) -> Option<f64> {
        self.server_cpu.filter(|cpu| *cpu > 0.0).map(|cpu| self.tally.answers() as f64 / cpu)
    }
}

/// An observer of a running load.
pub(crate) trait Progress {
    /// Called periodically: the completed fraction of the run (0 to 1), and responses per second.
    fn update(&self, share: f64, rate: f64);
}

/// No observer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silent;

impl Progress for Silent {
    fn update(&self, _share: f64, _rate: f64) {}
}
