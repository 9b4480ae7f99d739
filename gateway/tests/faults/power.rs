//! The power goes: every process dies, and the disk forgets what was not synced, or a part of it.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use testkit::forgetful_disk::ForgetfulDisk;

use crate::deployment::{self, Deployment};
use crate::harness::{Kvs, has_strace, kill_traced, killed_at, seed};
use crate::ledger::Ledger;
use crate::times;

/// The calls at which it goes, of those that a log consists of, with the last that is tried.
const CALLS: [(&str, u32); 6] =
    [("fdatasync", 60), ("fsync", 24), ("rename", 12), ("unlink", 12), ("pwrite64", 120), ("fallocate", 6)];

/// Checkpoints every few writes: of a life, and of what the next one finds.
const OFTEN: [&str; 4] = ["--checkpoint-after", "4KiB", "--checkpoint-rate", "1GiB"];

/// Runs kvs until it dies at a call, or has written everything. Returns whether it died.
fn life(deployment: &Deployment, chance: &mut StdRng, ledger: &mut Ledger) -> bool {
    let (call, last) = CALLS[chance.random_range(0..CALLS.len())];
    let command = deployment.command(&OFTEN);
    let Ok(kvs) = Kvs::try_start(&mut killed_at(call, chance.random_range(1..=last), &command)) else { return true };
    ledger.write(&kvs);
    let died = !kvs.answers();
    kill_traced(kvs.pid());
    kvs.wait();
    died
}

#[test]
fn kvs_loses_nothing_when_the_power_goes() {
    let Some(mut disk) = ForgetfulDisk::new().filter(|_| has_strace()) else { return };
    let mut chance = StdRng::seed_from_u64(seed());
    let (deployment, mut ledger) = (deployment::file_in(&disk.log()), Ledger::default());
    let (cuts, mut deaths) = (times(20), 0);
    for _ in 0..cuts {
        deaths += u32::from(life(&deployment, &mut chance, &mut ledger));
        disk.cut_power(&mut chance);
        let kvs = deployment.start(&[]);
        ledger.check(&kvs);
        kvs.kill();
        // What a start has served must stay, too.
        disk.cut_power(&mut chance);
        let kvs = deployment.start(&[]);
        ledger.check(&kvs);
        kvs.kill();
    }
    println!("{cuts} cuts, at a call of a log: {deaths}; {} counted", ledger.count());
    assert!(deaths > cuts / 4, "kvs was hardly ever hit");
}

#[test]
fn txnd_loses_nothing_when_the_power_goes() {
    let Some(mut disk) = ForgetfulDisk::new().filter(|_| has_strace()) else { return };
    let mut chance = StdRng::seed_from_u64(seed());
    let (mut deployment, mut ledger) = (deployment::txnd_file_in(&disk.log()), Ledger::default());
    deployment.kill_txnd();
    let (cuts, mut deaths) = (times(8), 0);
    for _ in 0..cuts {
        disk.cut_power(&mut chance);
        let (call, last) = CALLS[chance.random_range(0..CALLS.len())];
        let began = deployment.start_txnd_injected(call, "signal=KILL", chance.random_range(1..=last));
        if began && let Ok(kvs) = deployment.try_start(&[&OFTEN[..], &["--log-timeout", "2s"]].concat()) {
            ledger.write(&kvs);
            kvs.kill();
        }
        deaths += u32::from(deployment.kill_traced_txnd());
        disk.cut_power(&mut chance);
        deployment.start_txnd();
        let kvs = deployment.start(&[]);
        ledger.check(&kvs);
        kvs.kill();
        deployment.kill_txnd();
    }
    println!("{cuts} cuts, at a call of a log: {deaths}; {} counted", ledger.count());
    assert!(deaths > cuts / 8, "txnd was hardly ever hit");
}
