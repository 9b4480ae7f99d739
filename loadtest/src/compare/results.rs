//! The results of a comparison, in the form of the JSON.

use serde::{Deserialize, Serialize};

use super::cells::Cell;
use super::ratio::Spread;
use crate::host::Host;
use crate::report::{Figures, Latency, Memory};

/// One side of a cell, over all rounds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Side {
    /// The compared figure of each round.
    pub(crate) rounds: Vec<f64>,
    /// Their median.
    pub(crate) spread: Option<Spread>,
    /// All results of each round, if throughput was measured.
    pub(crate) figures: Vec<Figures>,
    /// All results of each round, if memory was measured.
    pub(crate) memory: Vec<Memory>,
    /// Latencies of each round of an open loop at [`Row::rate`].
    #[serde(default)]
    pub(crate) latencies: Vec<Latency>,
    /// Requests that failed.
    pub(crate) errors: u64,
}

/// A cell with its results.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The cell.
    pub(crate) cell: Cell,
    /// Why it did not run, or did not finish.
    pub(crate) skipped: Option<String>,
    /// The results of kvs.
    pub(crate) kvs: Side,
    /// The results of the peer.
    pub(crate) peer: Side,
    /// Ratio of kvs to peer.
    pub(crate) ratio: Option<Spread>,
    /// Whether the goal is reached, if there is one and it could be measured.
    pub(crate) reached: Option<bool>,
    /// Requests per second of the open loop: half of the slower one's maximum.
    #[serde(default)]
    pub(crate) rate: Option<f64>,
}

/// A whole comparison.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub(crate) struct Comparison {
    /// Version of the program that measured.
    pub(crate) loadtest: String,
    pub(crate) at: String,
    pub(crate) host: Host,
    pub(crate) rounds: u32,
    pub(crate) seconds: f64,
    pub(crate) quick: bool,
    pub(crate) seed: u64,
    /// Names and versions of all servers.
    pub(crate) versions: Vec<String>,
    /// Where the servers and the load ran.
    pub(crate) cores: String,
    pub(crate) rows: Vec<Row>,
}
