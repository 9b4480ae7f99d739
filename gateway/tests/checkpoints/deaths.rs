//! kvs, or the txnd that keeps its log, is killed at the calls that checkpoints, and the removal of what they make
//! superfluous, consist of. Nothing that was acknowledged is lost, and nothing is there twice.

use std::process::Command;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::deployment::{self, Deployment};
use crate::harness::{Kvs, folder, has_strace, kill_traced, killed_at, seed};
use crate::ledger::Ledger;
use crate::{NEVER, SMALL, start};

/// A checkpoint every few writes.
const OFTEN: [&str; 4] = ["--checkpoint-after", "4KiB", "--checkpoint-rate", "1GiB"];

/// Messages to clients are calls of their own, as those to the log.
const OVER_EPOLL: [&str; 2] = ["--io", "epoll"];

/// The calls that a checkpoint, the manifest and the removal of files consist of.
const CALLS: [&str; 3] = ["rename", "unlink", "fsync"];

/// The last message of a thread that is tried, to PostgreSQL: a start sends some, and each write some more.
const TO_POSTGRES: u32 = 500;

/// The same to a txnd, or to a client.
const TO_TXND: u32 = 120;

/// Lives that end at each kind of call. `KVS_SYSTEM_CALLS` sets another number.
fn call_numbers() -> u32 {
    std::env::var("KVS_SYSTEM_CALLS").ok().and_then(|calls| calls.parse().ok()).unwrap_or(8)
}

/// Runs a kvs that dies at a call, and writes. Returns whether it died.
fn life(command: &mut Command, ledger: &mut Ledger) -> bool {
    let Ok(kvs) = Kvs::try_start(command) else { return true };
    ledger.write(&kvs);
    let died = !kvs.answers();
    kill_traced(kvs.pid());
    kvs.wait();
    died
}

/// Goes through the calls of one kind, and begins again after the last one: which that is shows when nothing dies.
fn next_call(when: u32, died: bool) -> u32 {
    if died { when + 1 } else { 1 }
}

/// At each of the calls, one after the other, at a start and in service.
#[test]
fn a_death_at_any_system_call_of_a_checkpoint_loses_nothing() {
    if !has_strace() {
        return;
    }
    let folder = folder();
    let (mut ledger, mut deaths) = (Ledger::default(), 0);
    for call in CALLS {
        let mut when = 1;
        for _ in 0..call_numbers() {
            let mut command = Kvs::command(folder.path());
            command.args(SMALL).args(OFTEN);
            let died = life(&mut killed_at(call, when, &command), &mut ledger);
            when = next_call(when, died);
            deaths += u32::from(died);
            let kvs = start(folder.path(), &NEVER);
            ledger.check(&kvs);
            kvs.kill();
        }
    }
    println!("{deaths} deaths, {} counted", ledger.count());
    assert!(deaths > call_numbers(), "kvs was hardly ever hit");
}

fn count_in_view(deployment: &Deployment) -> Option<String> {
    let (url, server) = deployment.tables.as_ref().zip(deployment.server)?;
    Some(server.psql(url, "SELECT coalesce(max(value), 0) FROM current_int WHERE key = 'n'"))
}

/// At messages to PostgreSQL or to a txnd, all over what is sent for groups, checkpoints, partitions and their removal.
#[test]
fn a_death_at_any_message_of_a_checkpoint_loses_nothing() {
    if !has_strace() {
        return;
    }
    let mut random = StdRng::seed_from_u64(seed());
    let [postgres, txnd_postgres] = <[_; 2]>::try_from(deployment::small_partitions()).ok().expect("both ways");
    let logs = [(postgres, TO_POSTGRES), (txnd_postgres, TO_TXND), (deployment::txnd_file(), TO_TXND)];
    for (mut deployment, messages) in logs {
        let (mut ledger, mut deaths) = (Ledger::default(), 0);
        for _ in 0..call_numbers() {
            let command = deployment.command(&[&OFTEN[..], &OVER_EPOLL].concat());
            let died = life(&mut killed_at("sendto", random.random_range(1..messages), &command), &mut ledger);
            deaths += u32::from(died);
            let kvs = deployment.start(&NEVER);
            ledger.check(&kvs);
            kvs.kill();
            if let Some(shown) = count_in_view(&deployment) {
                assert_eq!(shown, ledger.count().to_string(), "{}", deployment.name);
            }
        }
        println!("{}: {deaths} deaths, {} counted", deployment.name, ledger.count());
        assert!(deaths > call_numbers() / 4, "{}: kvs was hardly ever hit", deployment.name);
        deployment.stop();
    }
}

/// The txnd dies, at its files or at its messages to PostgreSQL; kvs goes on with the next one.
#[test]
fn a_death_of_txnd_at_any_call_of_a_checkpoint_loses_nothing() {
    if !has_strace() {
        return;
    }
    let mut random = StdRng::seed_from_u64(seed());
    let tables = deployment::small_partitions().pop().expect("the one behind txnd");
    for (mut deployment, calls) in [(deployment::txnd_file(), &CALLS[..]), (tables, &["sendto"])] {
        let (mut ledger, mut deaths) = (Ledger::default(), 0);
        let mut whens = vec![1; calls.len()];
        deployment.kill_txnd();
        for round in 0..call_numbers() as usize {
            let (call, next) = (calls[round % calls.len()], &mut whens[round % calls.len()]);
            let when = if call == "sendto" { random.random_range(1..TO_POSTGRES) } else { *next };
            let began = deployment.start_txnd_killed_at(call, when);
            // A request that waits for the log of a dead txnd.
            let args = [&OFTEN[..], &["--log-timeout", "2s"]].concat();
            if began && let Ok(kvs) = deployment.try_start(&args) {
                ledger.write(&kvs);
                kvs.kill();
            }
            let died = deployment.kill_traced_txnd();
            *next = next_call(when, died);
            deaths += u32::from(died);
            deployment.start_txnd();
            let kvs = deployment.start(&NEVER);
            ledger.check(&kvs);
            kvs.kill();
            if let Some(shown) = count_in_view(&deployment) {
                assert_eq!(shown, ledger.count().to_string(), "{}", deployment.name);
            }
            deployment.kill_txnd();
        }
        println!("{}: {deaths} deaths, {} counted", deployment.name, ledger.count());
        assert!(deaths > call_numbers() / 4, "{}: txnd was hardly ever hit", deployment.name);
    }
}
