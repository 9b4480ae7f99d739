//! What goes wrong: connections, programs and storage fail at random moments, and come back at others.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use turmoil::Sim;

use super::storage::Storage;
use super::txnd::{HOST, PROXY};

/// Longest pause between two faults, in milliseconds.
const PAUSE: u64 = 150;

/// The links that may fail.
const LINKS: [(&str, &str); 3] = [("kvs-a", PROXY), (PROXY, HOST), ("kvs-b", HOST)];

const PROGRAMS: [&str; 4] = ["kvs-a", "kvs-b", HOST, PROXY];

pub(super) struct Faults<S> {
    chance: StdRng,
    storage: S,
    next: Duration,
    count: u64,
}

impl<S: Storage> Faults<S> {
    pub(super) fn new(seed: u64, storage: S) -> Self {
        Self { chance: StdRng::seed_from_u64(!seed), storage, next: Duration::from_millis(200), count: 0 }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Lets something fail or come back, if it is time.
    pub(super) fn strike(&mut self, sim: &mut Sim<'_>) {
        if sim.elapsed() < self.next {
            return;
        }
        self.next = sim.elapsed() + Duration::from_millis(self.chance.random_range(1..PAUSE));
        self.count += 1;
        let (a, b) = LINKS[self.chance.random_range(0..LINKS.len())];
        match self.chance.random_range(0..14) {
            // Every connection through it is cut.
            0..3 => sim.bounce(PROXY),
            3 => sim.bounce("kvs-a"),
            4 => sim.bounce("kvs-b"),
            5 | 6 => sim.bounce(HOST),
            7 => {
                sim.crash(HOST);
                self.storage.cut_power();
                sim.bounce(HOST);
            }
            // Down for a while.
            8 => sim.crash(PROGRAMS[self.chance.random_range(0..PROGRAMS.len())]),
            9 => self.restart(sim),
            // Nothing arrives, and is told of.
            10 => sim.partition(a, b),
            11 => sim.partition_oneway(b, a),
            // It arrives later.
            12 => sim.hold(a, b),
            _ => {
                self.storage.disturb(&mut self.chance);
                return;
            }
        }
        // Some link works again, which may be this one.
        let (a, b) = LINKS[self.chance.random_range(0..LINKS.len())];
        sim.release(a, b);
        sim.repair(a, b);
    }

    fn restart(&mut self, sim: &mut Sim<'_>) {
        for program in PROGRAMS {
            if !sim.is_host_running(program) {
                sim.bounce(program);
            }
        }
    }

    /// From now on, everything works.
    pub(super) fn heal(&mut self, sim: &mut Sim<'_>) {
        for (a, b) in LINKS {
            sim.release(a, b);
            sim.repair(a, b);
        }
        self.storage.calm();
        self.restart(sim);
    }
}
