//! `kill -9` under mixed load, again and again: of kvs, of txnd, of a PostgreSQL backend and of its postmaster.
//!
//! Fault model: a process dies at any instant, or several do at about the same time; the kernel and the disk live on. Power
//! cuts are modelled where segments are damaged byte by byte, in txnd's tests; cut connections in those of the remote sink.
//!
//! What is promised, over every log that kvs can have:
//!
//! - When kvs dies: in `sync` every acknowledged write is there after the next start; in `async` what is there is a prefix of
//!   what was written.
//! - When what is beneath kvs dies: nothing that was acknowledged is lost, in `async` either. Reads go on; writes are answered,
//!   refused or wait; when the log is back, so is kvs.
//! - Always: no write is carried out twice, and none that was refused; the log has neither holes nor duplicates, and exactly
//!   the records that the entries tell of.
//!
//! `KVS_CRASH_CYCLES` sets how often each victim is killed in each deployment; `cargo xtask crash` makes the long run.
//!
//! ```text
//!   load.rs     connections that write, and what is found of it
//!   probe.rs    a client that counts while the log is down
//!   victim.rs   what can die beneath kvs
//!   lsns.rs     what the log holds, asked of the log itself
//! ```

#[path = "../deployment/mod.rs"]
mod deployment;
#[path = "../harness/mod.rs"]
mod harness;
mod load;
mod lsns;
mod probe;
#[path = "../txnd_server/mod.rs"]
mod txnd_server;
mod victim;

use std::time::Duration;

use deployment::Deployment;
use harness::{Kvs, request_bytes, seed};
use load::{Load, Rounds, Written, read_group, records};
use probe::{Probe, read_count};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use testkit::postgres_server::PostgresServer;
use victim::Victim;

fn cycles() -> u32 {
    std::env::var("KVS_CRASH_CYCLES").ok().and_then(|cycles| cycles.parse().ok()).unwrap_or(4)
}

/// A kvs with a small budget, so that in `async` it is used up now and then as well.
fn start(deployment: &Deployment, durability: &str) -> Kvs {
    deployment.start(&["--durability", durability, "--log-budget", "2MiB"])
}

/// Lets the load run for a while. Which instant the kill hits is random by design.
fn run_a_while(rng: &mut StdRng) {
    std::thread::sleep(Duration::from_millis(rng.random_range(20..300)));
}

/// One write that is durable when it is answered, and with it everything before it: a busy machine may take longer for its
/// first commit than a kvs lives here.
fn write_durably(kvs: &Kvs) {
    let durably = request_bytes("PUT", "str-put/durable", &[("Kvs-Durability", "sync")], b"1");
    assert_eq!(kvs.connect().exchange(&durably).status, 200);
}

/// Stops in order what is left of a deployment, and checks that its log holds exactly this many records.
fn check_log(kvs: Kvs, mut deployment: Deployment, records: u64, context: &str) {
    let (status, diagnostics) = kvs.stop();
    assert!(status.success(), "{status}: {diagnostics} {context}");
    deployment.stop();
    assert_eq!(lsns::last_lsn(&deployment), records, "records in the log: {context}");
}

/// Kills kvs again and again, and with it, at about the same time, what else is to die. Lists `beneath` in the order in which
/// they can be started again. After each restart the entries of the killed run must be what `durability` promises, and
/// those of an earlier run as they were found then.
fn kill_kvs(mut deployment: Deployment, durability: &str, beneath: &[Victim]) {
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let context = format!("{}, {durability}, kvs and {beneath:?}, KVS_SEED={seed}", deployment.name);
    let mut found: Vec<Vec<Rounds>> = Vec::new();
    let mut acknowledged = 0;
    let mut kvs = start(&deployment, durability);
    for cycle in 0..cycles() {
        let load = Load::start(&kvs, cycle);
        run_a_while(&mut rng);
        if cycle == 0 {
            write_durably(&kvs);
        }
        load.expect_the_end();
        let kvs_first = rng.random();
        if kvs_first {
            kvs.kill();
            beneath.iter().for_each(|victim| victim.kill(&mut deployment));
        } else {
            beneath.iter().for_each(|victim| victim.kill(&mut deployment));
            kvs.kill();
        }
        let written = load.join();
        beneath.iter().for_each(|victim| victim.start_again(&mut deployment));

        kvs = start(&deployment, durability);
        let mut client = kvs.connect();
        let rounds = read_group(&mut client, cycle);
        for (written, rounds) in written.iter().zip(&rounds) {
            check_promise(durability, written, rounds, &format!("cycle {cycle}, {context}"));
            acknowledged += written.acknowledged;
        }
        found.push(rounds);
        let earlier = rng.random_range(0..=cycle);
        assert_eq!(read_group(&mut client, earlier), found[earlier as usize], "{earlier} after {cycle}, {context}");
    }
    let records = found.iter().flatten().map(records).sum::<u64>() + 1;
    println!("{} kills, {acknowledged} rounds of 9 writes acknowledged, {records} records: {context}", cycles());
    assert!(records > 1, "the load wrote nothing");
    check_log(kvs, deployment, records, &context);
}

/// What must be there of a connection's writes when kvs has died.
fn check_promise(durability: &str, written: &Written, rounds: &Rounds, context: &str) {
    let context = format!("{rounds:?} {written:?} {context}");
    // Rounds never rise from one entry to the next in a round's order, and differ by one at most.
    assert!(rounds.is_sorted_by(|a, b| a >= b) && rounds[0] - rounds[8] <= 1, "a hole: {context}");
    // The counters would show a write that was carried out twice.
    assert!(rounds[0] <= written.attempted, "twice or out of nothing: {context}");
    if durability == "sync" {
        assert!(rounds[8] >= written.acknowledged, "an acknowledged write is lost: {context}");
    }
}

/// Kills what is beneath kvs again and again. Each time kvs must go on by itself, and at the end all that was acknowledged must
/// be there, and nothing else.
fn kill_beneath(mut deployment: Deployment, durability: &str, victim: Victim) {
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let context = format!("{}, {durability}, {victim:?}, KVS_SEED={seed}", deployment.name);
    let kvs = start(&deployment, durability);
    let load = Load::start(&kvs, 0);
    let mut probe = Probe::new(&kvs);
    for _ in 0..cycles() {
        run_a_while(&mut rng);
        victim.kill(&mut deployment);
        probe.try_to_count();
        victim.start_again(&mut deployment);
        probe.count_again();
    }
    let written = load.stop();
    let counted = probe.counted;
    let refused = probe.refused + written.iter().map(|written| written.refused).sum::<u32>();
    // No writer was cut short: every round is complete.
    let acknowledged: Vec<Rounds> = written.iter().map(|written| [written.acknowledged; 9]).collect();
    let rounds: u32 = written.iter().map(|written| written.acknowledged).sum();
    let check = |kvs: &Kvs, when: &str| {
        let mut client = kvs.connect();
        assert_eq!(read_group(&mut client, 0), acknowledged, "{when}: {context}");
        assert_eq!(read_count(&mut client), counted, "{when}: {context}");
    };
    check(&kvs, "as kvs says");
    let (status, diagnostics) = kvs.stop();
    assert!(status.success(), "{status}: {diagnostics} {context}");
    // One that is over at once refuses nobody, and is reported when it is.
    let interruptions = ["the log is down", "the log was lost for"].map(|words| diagnostics.matches(words).count());
    let interruptions: usize = interruptions.iter().sum();
    println!(
        "{} kills, {interruptions} interruptions, {rounds} rounds of 9 writes acknowledged, {refused} writes refused: {context}",
        cycles()
    );
    assert!(interruptions > 0, "nothing was hit: {diagnostics}");

    let kvs = start(&deployment, durability);
    check(&kvs, "as the next kvs says");
    check_log(kvs, deployment, acknowledged.iter().map(records).sum::<u64>() + u64::from(counted), &context);
}

/// A server that may be killed. It is there until the process of the tests ends, as the shared one is.
fn own_server() -> &'static PostgresServer {
    Box::leak(Box::new(PostgresServer::start()))
}

/// Runs a test in each durability, each time with deployments of its own.
fn in_each_durability(deployments: impl Fn() -> Vec<Deployment>, test: impl Fn(Deployment, &str)) {
    for durability in ["sync", "async"] {
        deployments().into_iter().for_each(|deployment| test(deployment, durability));
    }
}

#[test]
fn when_kvs_dies_sync_keeps_every_acknowledged_write_exactly_once() {
    deployment::all().into_iter().for_each(|deployment| kill_kvs(deployment, "sync", &[]));
}

#[test]
fn when_kvs_dies_async_keeps_a_prefix() {
    deployment::all().into_iter().for_each(|deployment| kill_kvs(deployment, "async", &[]));
}

#[test]
fn when_everything_dies_at_once_it_is_as_when_kvs_dies() {
    let server = own_server();
    for durability in ["sync", "async"] {
        kill_kvs(deployment::txnd_file(), durability, &[Victim::Txnd]);
        kill_kvs(deployment::postgres_on(server), durability, &[Victim::Postmaster]);
        kill_kvs(deployment::txnd_postgres_on(server), durability, &[Victim::Postmaster, Victim::Txnd]);
    }
}

#[test]
fn when_txnd_dies_kvs_goes_on_and_loses_nothing() {
    let deployments = || vec![deployment::txnd_file(), deployment::txnd_postgres()];
    in_each_durability(deployments, |deployment, durability| kill_beneath(deployment, durability, Victim::Txnd));
}

#[test]
fn when_a_backend_dies_kvs_goes_on_and_loses_nothing() {
    let server = own_server();
    let deployments = || vec![deployment::postgres_on(server), deployment::txnd_postgres_on(server)];
    in_each_durability(deployments, |deployment, durability| kill_beneath(deployment, durability, Victim::Backend));
}

#[test]
fn when_the_postmaster_dies_kvs_goes_on_and_loses_nothing() {
    let server = own_server();
    let deployments = || vec![deployment::postgres_on(server), deployment::txnd_postgres_on(server)];
    in_each_durability(deployments, |deployment, durability| kill_beneath(deployment, durability, Victim::Postmaster));
}
