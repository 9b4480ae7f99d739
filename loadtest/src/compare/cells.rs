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
    /// The goal for kvs, or for its ratio to the peer.
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

    fn of(value: ValueKind, gets: u8, depth: usize, bytes: usize) -> Self {
        Self { value, value_bytes: bytes, ..Self::ints(gets, depth) }
    }

    fn texts(gets: u8, depth: usize, bytes: usize) -> Self {
        Self::of(ValueKind::Str, gets, depth, bytes)
    }

    /// Of so many clients.
    fn many(self) -> Self {
        Self { connections: MANY, ..self }
    }
}

/// Connections of the cells with many of them.
const MANY: usize = 256;

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
    for (depth, goal) in [(1, 1.2), (16, 3.0), (128, 7.0)] {
        for (verb, gets) in both {
            let work = Work::ints(gets, depth);
            cells.push(beside_redis(format!("frames {verb}, depth {depth}"), work, Some(goal)));
        }
    }
    for (verb, gets) in both {
        let work = Work::ints(gets, 1).many();
        cells.push(beside_redis(format!("frames {verb}, depth 1, {MANY} connections"), work, Some(1.35)));
    }
    for depth in [1, 16, 128] {
        for (verb, gets) in both {
            let cell = beside_redis(format!("frames {verb}, depth {depth}, Valkey"), Work::ints(gets, depth), None);
            cells.push(Cell { peer: Some(Peer::Valkey), ..cell });
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
    for (bytes, goal) in [(64, 2.5), (512, 2.0)] {
        for (verb, gets) in both {
            let (work, goal) = (Work::texts(gets, 16, bytes), (gets == 0).then_some(goal));
            cells.push(beside_redis(format!("frames {verb}, depth 16, str of {bytes} bytes"), work, goal));
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
    let cell = |name: &str, work: Work, peer: Peer, goal: Option<f64>| Cell {
        name: name.into(),
        measure: Measure::PerCpuSecond,
        work,
        kvs: Setup { rest: true, ..one_worker() },
        peer: Some(peer),
        goal: goal.map(Goal::AtLeast),
    };
    let (get, put) = (Work::ints(100, 1), Work::ints(0, 1));
    vec![
        cell("REST GET, nginx return 200", get.clone(), Peer::Nginx, Some(1.3)),
        cell("REST PUT, nginx return 200", put.clone(), Peer::Nginx, Some(1.2)),
        cell("REST GET, nginx return 200, 256 connections", get.clone().many(), Peer::Nginx, Some(1.2)),
        cell("REST PUT, nginx return 200, 256 connections", put.clone().many(), Peer::Nginx, Some(1.2)),
        cell("REST GET, Webdis and Redis", get.clone(), Peer::Webdis, Some(4.0)),
        cell("REST PUT, Webdis and Redis", put.clone(), Peer::Webdis, None),
        cell("REST GET, Webdis and Redis, 256 connections", get.many(), Peer::Webdis, Some(4.0)),
        cell("REST PUT, Webdis and Redis, 256 connections", put.many(), Peer::Webdis, None),
    ]
}

fn memory() -> Vec<Cell> {
    let cell = |name: &str, work: Work, peer: Peer, goal: Option<f64>| Cell {
        name: name.into(),
        measure: Measure::BytesPerEntry,
        work,
        kvs: one_worker(),
        peer: Some(peer),
        goal: goal.map(Goal::Bytes),
    };
    let text = |bytes| Work::texts(0, 128, bytes);
    let [map, set] = [ValueKind::Map, ValueKind::Set].map(|kind| Work::of(kind, 0, 128, 8));
    vec![
        cell("memory of an int", Work::ints(0, 128), Peer::Redis, Some(49.0)),
        cell("memory of an int, memcached", Work::ints(0, 128), Peer::Memcached, None),
        cell("memory of a str of 16 bytes", text(16), Peer::Redis, None),
        cell("memory of a str of 16 bytes, memcached", text(16), Peer::Memcached, None),
        cell("memory of a str of 64 bytes", text(64), Peer::Redis, Some(150.0)),
        cell("memory of a str of 64 bytes, memcached", text(64), Peer::Memcached, None),
        cell("memory of a str of 512 bytes", text(512), Peer::Redis, None),
        cell("memory of a str of 512 bytes, memcached", text(512), Peer::Memcached, None),
        cell("memory of a map of one field", map, Peer::Redis, Some(140.0)),
        cell("memory of a set of one member", set, Peer::Redis, Some(140.0)),
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
