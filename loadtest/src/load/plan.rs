//! A load as data, what came of it, and how to look on.

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
    /// When the replies to the ones before have come.
    Closed,
    /// So many a second.
    Open(f64),
}

/// Which entries are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Choice {
    /// At random, until the time is over.
    Random(Distribution),
    /// Each once, in order; the run ends with the last one.
    Each,
}

/// A load on one server.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The server.
    pub(crate) target: Target,
    /// Number of entries.
    pub(crate) keys: u64,
    /// Which of them are asked for.
    pub(crate) choice: Choice,
    /// Of a hundred requests so many are reads.
    pub(crate) gets: u8,
    /// Type of the values.
    pub(crate) value: ValueKind,
    /// Length of texts.
    pub(crate) value_bytes: usize,
    /// Whether kvs is asked to make each write durable before it answers.
    pub(crate) durable: bool,
    /// Connections, over all threads.
    pub(crate) connections: usize,
    /// Threads of the load.
    pub(crate) threads: usize,
    /// Requests on one connection without reply.
    pub(crate) depth: usize,
    /// When requests are sent.
    pub(crate) pace: Pace,
    /// Time before the measurement.
    pub(crate) warmup: Duration,
    /// Time of the measurement.
    pub(crate) duration: Duration,
    /// Where chance comes from.
    pub(crate) seed: u64,
    /// Cores for the load, in turn. None: wherever.
    pub(crate) cores: Vec<usize>,
    /// The server's processes, if they are known.
    pub(crate) server: Vec<u32>,
}

/// A span of the measurement.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Point {
    /// End of the span, in seconds since the measurement began.
    pub(crate) at: f64,
    /// Responses a second.
    pub(crate) rate: f64,
    /// Latencies, in microseconds.
    pub(crate) p50: f64,
    #[allow(missing_docs)]
    pub(crate) p99: f64,
    #[allow(missing_docs)]
    pub(crate) max: f64,
}

/// What came of a plan.
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
    /// Responses a second.
    pub(crate) fn throughput(&self) -> f64 {
        self.tally.answers() as f64 / self.seconds
    }

    /// Responses for each second of the server's CPU time.
    pub(crate) fn per_cpu_second(&self) -> Option<f64> {
        self.server_cpu.filter(|cpu| *cpu > 0.0).map(|cpu| self.tally.answers() as f64 / cpu)
    }
}

/// Something to look at while a load runs.
pub(crate) trait Progress {
    /// Called every now and then: how much of the run is over (0 to 1), and responses a second.
    fn update(&self, share: f64, rate: f64);
}

/// Nobody looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silent;

impl Progress for Silent {
    fn update(&self, _share: f64, _rate: f64) {}
}
