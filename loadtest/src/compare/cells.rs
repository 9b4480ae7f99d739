//! What is compared: each cell has a workload, a kvs setup, a peer and a goal.

use serde::{Deserialize, Serialize};

use super::ratio::Goal;
use crate::distribution::Distribution;
use crate::keys::ValueKind;
use crate::server::kvs::{Log, Setup};
use crate::server::peers::Peer;

const MILLION: u64 = 1_000_000;

/// One comparison.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// The name in tables and filters.
    pub(crate) name: String,
    /// What is measured.
    pub(crate) measure: Measure,
    /// The workload, the same for both sides.
    pub(crate) work: Work,
    /// How kvs is started.
    pub(crate) kvs: Setup,
    /// The peer. Without one, only kvs is measured.
    pub(crate) peer: Option<Peer>,
    /// The goal for the ratio of kvs to peer.
    pub(crate) goal: Option<Goal>,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Measure {
    /// Responses per second of server CPU time.
    PerCpuSecond,
    /// Growth of the resident memory per stored entry, in bytes.
    BytesPerEntry,
}

/// A closed loop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub(crate) struct Work {
    pub(crate) keys: u64,
    pub(crate) distribution: Distribution,
    pub(crate) value: ValueKind,
    pub(crate) value_bytes: usize,
    pub(crate) gets: u8,
    pub(crate) depth: usize,
    pub(crate) connections: usize,
}

impl Work {
    fn ints(gets: u8, depth: usize) -> Self {
        let connections = connections(depth);
        let (value, value_bytes) = (ValueKind::Int, 0);
        Self { keys: MILLION, distribution: Distribution::Uniform, value, value_bytes, gets, depth, connections }
    }

    fn texts(gets: u8, depth: usize, bytes: usize) -> Self {
        Self { value: ValueKind::Str, value_bytes: bytes, ..Self::ints(gets, depth) }
    }
}

/// Many clients with one request each, or few with many: the same for both sides. In total some hundred requests are in
/// flight, which keeps a server busy without measuring its queues.
fn connections(depth: usize) -> usize {
    match depth {
        1 => 32,
        2..=16 => 16,
        _ => 4,
    }
}

fn one_worker() -> Setup {
    Setup { workers: 1, log: Log::Off, rest: false }
}

/// All cells in execution order: cells with the same servers and entries are adjacent.
pub(crate) fn all() -> Vec<Cell> {
    let mut cells = Vec::new();
    let both = [("GET", 100), ("SET", 0)];
    for (depth, goal) in [(1, 1.2), (16, 2.5), (128, 5.0)] {
        for (verb, gets) in both {
            let work = Work::ints(gets, depth);
            cells.push(beside_redis(format!("frames {verb}, depth {depth}"), work, Some(goal)));
        }
    }
    // Deep pipelines of gets are unfair to memcached: it sends each reply with a separate write.
    for (verb, gets, depth) in [("GET", 100, 1), ("SET", 0, 1), ("SET", 0, 16), ("SET", 0, 128)] {
        let cell = beside_redis(format!("frames {verb}, depth {depth}, memcached"), Work::ints(gets, depth), None);
        cells.push(Cell { peer: Some(Peer::Memcached), ..cell });
    }
    for (verb, gets) in both {
        let work = Work { distribution: Distribution::Zipf, ..Work::ints(gets, 16) };
        cells.push(beside_redis(format!("frames {verb}, depth 16, zipf"), work, None));
    }
    for bytes in [64, 512] {
        for (verb, gets) in both {
            let work = Work::texts(gets, 16, bytes);
            cells.push(beside_redis(format!("frames {verb}, depth 16, str of {bytes} bytes"), work, None));
        }
    }
    for (verb, gets) in both {
        let work = Work { keys: 10 * MILLION, ..Work::ints(gets, 16) };
        cells.push(beside_redis(format!("frames {verb}, depth 16, 10 M keys"), work, None));
    }
    cells.extend(rest());
    cells.extend(memory());
    cells.extend(alone());
    cells
}

fn beside_redis(name: String, work: Work, goal: Option<f64>) -> Cell {
    let goal = goal.map(Goal::AtLeast);
    Cell { name, measure: Measure::PerCpuSecond, work, kvs: one_worker(), peer: Some(Peer::Redis), goal }
}

fn rest() -> Vec<Cell> {
    let cell = |name: &str, gets: u8, peer: Peer, goal: Option<f64>| Cell {
        name: name.into(),
        measure: Measure::PerCpuSecond,
        work: Work::ints(gets, 1),
        kvs: Setup { rest: true, ..one_worker() },
        peer: Some(peer),
        goal: goal.map(Goal::AtLeast),
    };
    vec![
        cell("REST GET, nginx return 200", 100, Peer::Nginx, Some(1.0)),
        cell("REST PUT, nginx return 200", 0, Peer::Nginx, None),
        cell("REST GET, Webdis and Redis", 100, Peer::Webdis, Some(4.0)),
        cell("REST PUT, Webdis and Redis", 0, Peer::Webdis, None),
    ]
}

fn memory() -> Vec<Cell> {
    let cell = |name: &str, work: Work, peer: Peer, goal: Option<Goal>| Cell {
        name: name.into(),
        measure: Measure::BytesPerEntry,
        work,
        kvs: one_worker(),
        peer: Some(peer),
        goal,
    };
    vec![
        cell("memory of an int", Work::ints(0, 128), Peer::Redis, Some(Goal::AtMost(0.5))),
        cell("memory of an int, memcached", Work::ints(0, 128), Peer::Memcached, None),
        cell("memory of a str of 64 bytes", Work::texts(0, 128, 64), Peer::Redis, None),
        cell("memory of a str of 64 bytes, memcached", Work::texts(0, 128, 64), Peer::Memcached, None),
    ]
}

/// Workloads that no peer can match.
fn alone() -> Vec<Cell> {
    let cell = |name: &str, gets: u8, depth: usize, kvs: Setup| Cell {
        name: name.into(),
        measure: Measure::PerCpuSecond,
        work: Work::ints(gets, depth),
        kvs,
        peer: None,
        goal: None,
    };
    let two = Setup { workers: 2, ..one_worker() };
    let logged = |log: Log, rest: bool| Setup { workers: 1, log, rest };
    vec![
        cell("kvs alone: frames GET, depth 16, 2 workers", 100, 16, two.clone()),
        cell("kvs alone: frames SET, depth 16, 2 workers", 0, 16, two),
        cell("kvs alone: frames SET, depth 16, file log async", 0, 16, logged(Log::FileAsync, false)),
        cell("kvs alone: REST PUT, file log async", 0, 1, logged(Log::FileAsync, true)),
        cell("kvs alone: frames SET, depth 16, file log sync", 0, 16, logged(Log::FileSync, false)),
        cell("kvs alone: REST PUT, file log sync", 0, 1, logged(Log::FileSync, true)),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_differ_and_goals_need_peers() {
        let cells = all();
        let names: HashSet<&str> = cells.iter().map(|cell| cell.name.as_str()).collect();
        assert_eq!(names.len(), cells.len());
        assert!(cells.iter().all(|cell| cell.goal.is_none() || cell.peer.is_some()));
    }
}
