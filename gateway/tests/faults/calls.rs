//! System calls that fail, do a part of what they are asked for, or take long, at a start and in service.

use std::path::Path;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use testkit::forgetful_disk::ForgetfulDisk;

use crate::deployment::{self, Deployment};
use crate::harness::{Kvs, has_strace, injected, kill_traced, seed};
use crate::ledger::{Ledger, WRITES};
use crate::times;

/// The calls that a log consists of, and how many of each there are in a life, more or less.
const CALLS: [(&str, u32); 9] = [
    ("pwrite64", 120),
    ("fdatasync", 60),
    ("fsync", 24),
    ("write", 120),
    ("rename", 12),
    ("unlink", 12),
    ("fallocate", 6),
    ("openat", 60),
    ("ftruncate", 4),
];

/// What happens to them. `EINTR` is an error of which the standard library, and we, try again.
const WHAT: [&str; 5] = ["error=EIO", "error=ENOSPC", "error=EDQUOT", "error=EINTR", "error=EACCES"];

/// Flags of a kvs whose waits end soon.
const FLAGS: [&str; 6] = ["--checkpoint-after", "4KiB", "--checkpoint-rate", "1GiB", "--log-timeout", "3s"];

/// What is tried: each kind of call with each fault, at a random one of its calls, or at each of the first `upto`.
fn plan(chance: &mut StdRng, upto: u32) -> Vec<(&'static str, &'static str, u32)> {
    let mut plan = Vec::new();
    for (call, calls) in CALLS {
        for what in WHAT {
            match upto {
                1 => plan.push((call, what, chance.random_range(1..=calls))),
                _ => plan.extend((1..=upto.min(calls)).map(|when| (call, what, when))),
            }
        }
    }
    plan
}

#[test]
fn whatever_call_of_kvs_fails_what_was_acknowledged_is_there() {
    if !has_strace() {
        return;
    }
    let mut chance = StdRng::seed_from_u64(seed());
    let (mut acknowledged, mut started) = (0, 0);
    let plan = plan(&mut chance, times(1));
    let (deployment, mut ledger) = (deployment::file(), Ledger::default());
    for (call, what, when) in &plan {
        let command = deployment.command(&FLAGS);
        if let Ok(kvs) = Kvs::try_start(&mut injected(call, &format!("{what}:when={when}"), &command)) {
            started += 1;
            acknowledged += ledger.write(&kvs);
            kill_traced(kvs.pid());
            kvs.wait();
        }
        let kvs = deployment.start(&[]);
        println!("{call} {what} {when}");
        ledger.check(&kvs);
        kvs.kill();
    }
    println!("{} faults, {started} starts, {acknowledged} writes", plan.len());
    assert!(started as usize > plan.len() / 4 && acknowledged > 20 * started, "hardly anything worked");
}

#[test]
fn whatever_call_of_txnd_fails_what_was_acknowledged_is_there() {
    if !has_strace() {
        return;
    }
    let mut chance = StdRng::seed_from_u64(seed());
    let mut acknowledged = 0;
    let mut plan = plan(&mut chance, times(1));
    if times(1) == 1 {
        // A third of them, another one each time.
        let skip = chance.random_range(0..3);
        plan = plan.into_iter().skip(skip).step_by(3).collect();
    }
    let (mut deployment, mut ledger) = (deployment::txnd_file(), Ledger::default());
    deployment.kill_txnd();
    for (call, what, when) in &plan {
        if deployment.start_txnd_injected(call, what, *when)
            && let Ok(kvs) = deployment.try_start(&FLAGS)
        {
            acknowledged += ledger.write(&kvs);
            kvs.kill();
        }
        deployment.kill_traced_txnd();
        deployment.start_txnd();
        let kvs = deployment.start(&[]);
        println!("{call} {what} {when}");
        ledger.check(&kvs);
        kvs.kill();
        deployment.kill_txnd();
    }
    println!("{} faults, {acknowledged} writes", plan.len());
    assert!(acknowledged as usize > 10 * plan.len(), "hardly anything worked");
}

/// Lives on a slow disk that takes a part of each write.
fn in_parts(deployment: impl Fn(&Path) -> Deployment) {
    let Some(disk) = ForgetfulDisk::new() else { return };
    disk.write_in_parts();
    disk.delay_opens(Duration::from_millis(5));
    disk.delay_syncs(Duration::from_millis(5));
    let (deployment, mut ledger) = (deployment(&disk.log()), Ledger::default());
    for _ in 0..3 {
        let kvs = deployment.start(&FLAGS);
        ledger.check(&kvs);
        assert_eq!(ledger.write(&kvs), WRITES, "a write was refused");
        kvs.kill();
    }
    assert!(disk.parts() > u64::from(3 * WRITES), "a part of {} writes", disk.parts());
}

#[test]
fn a_disk_that_takes_a_part_of_each_write() {
    in_parts(deployment::file_in);
}

#[test]
fn a_disk_that_takes_a_part_of_each_write_of_txnd() {
    in_parts(deployment::txnd_file_in);
}
