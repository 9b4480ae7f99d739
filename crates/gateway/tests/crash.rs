//! kill -9 under mixed load, again and again.
//!
//! Fault model: the process dies at any instant; the kernel and the disk live on. Power cuts are modelled where
//! segments are damaged byte by byte, in txnd's tests.
//!
//! `sync`: every acknowledged write is there, exactly once. `async`: what is there is a prefix of what was written, without
//! holes. `KVS_CRASH_CYCLES` sets how often the server is killed; `cargo xtask crash` makes the long run.

mod harness;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::{Client, Kvs, folder, seed};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Connections that write, each its own keys of all types.
const WRITERS: usize = 8;

/// A long value every so many rounds.
const LONG_EVERY: u32 = 50;

fn cycles() -> u32 {
    std::env::var("KVS_CRASH_CYCLES").ok().and_then(|cycles| cycles.parse().ok()).unwrap_or(8)
}

/// What a connection has written before the server died, as far as it knows. Round `n` writes `n` into each of its entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Written {
    /// All writes up to this round were acknowledged.
    acknowledged: u32,
    /// Writes of this round may have been carried out.
    attempted: u32,
}

/// The rounds that a writer's entries tell after a crash, in the order in which a round writes them.
type Rounds = [u32; 8];

/// The writes of one round. `who` is part of every key.
fn write_round(client: &mut Client, who: &str, round: u32) -> std::io::Result<()> {
    let long = if round.is_multiple_of(LONG_EVERY) { 1 << 20 } else { (round as usize * 7) % 60 };
    let requests = [
        ("PUT", format!("int-put/i_{who}"), round.to_string()),
        ("PUT", format!("uint-incr/u_{who}"), String::new()),
        ("PUT", format!("float-put/f_{who}"), round.to_string()),
        ("PUT", format!("str-put/s_{who}"), format!("{round}:{}", "x".repeat(long))),
        ("PUT", format!("map-set/m_{who}/round"), round.to_string()),
        ("PUT", format!("set-put/e_{who}"), format!(r#"["{round}",""]"#)),
        // An empty value, and a deletion: of the keys with a round in their name the latest one is there.
        ("PUT", format!("str-put/d_{who}_{round}"), String::new()),
        ("DELETE", format!("str-del/d_{who}_{}", round - 1), String::new()),
        ("GET", format!("map-get/m_{who}"), String::new()),
        ("PUT", format!("int-incrby/last_{who}"), "1".into()),
    ];
    for (method, path, body) in requests {
        let answer = client.try_request(method, &path, body)?;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    Ok(())
}

fn read_rounds(client: &mut Client, who: &str) -> Rounds {
    let mut number = |path: String, parse: &dyn Fn(&str) -> u32| {
        let answer = client.get(&path);
        if answer.status == 404 { 0 } else { parse(answer.text()) }
    };
    let plain = |text: &str| text.parse::<u32>().expect("a round");
    let [i, u, f] = [format!("int-get/i_{who}"), format!("uint-get/u_{who}"), format!("float-get/f_{who}")];
    let mut rounds = [0; 8];
    rounds[0] = number(i, &plain);
    rounds[1] = number(u, &plain);
    rounds[2] = number(f, &|text| text.parse::<f32>().expect("a number") as u32);
    rounds[3] = number(format!("str-get/s_{who}"), &|text| {
        let (round, rest) = text.split_once(':').expect("a round and its filling");
        assert!(rest.bytes().all(|byte| byte == b'x'), "a torn value");
        plain(round)
    });
    rounds[4] = number(format!("map-get/m_{who}/round"), &plain);
    rounds[5] = number(format!("set-get/e_{who}"), &|text| {
        plain(text.strip_prefix(r#"["",""#).and_then(|t| t.strip_suffix(r#""]"#)).expect("both members"))
    });
    rounds[7] = number(format!("int-get/last_{who}"), &plain);
    // The empty value of the round before is deleted after that of this round is stored.
    let mut exists = |round: u32| {
        let answer = client.get(&format!("str-get/d_{who}_{round}"));
        assert!(answer.body.is_empty() || answer.status == 404, "an empty value has become {}", answer.text());
        answer.status == 200
    };
    rounds[6] = if exists(rounds[5]) { rounds[5] } else { rounds[7] };
    assert!(rounds[6] == 0 || exists(rounds[6]), "the value of round {} is lost: {rounds:?}", rounds[6]);
    assert!(rounds[7] == 0 || !exists(rounds[7] - 1), "a deleted value is back: {rounds:?}");
    rounds
}

/// Writes round after round until the connection breaks, which only the kill may cause.
fn write_rounds(mut client: Client, who: &str, killed: &AtomicBool) -> Written {
    let mut written = Written::default();
    loop {
        written.attempted = written.acknowledged + 1;
        match write_round(&mut client, who, written.attempted) {
            Ok(()) => written.acknowledged = written.attempted,
            Err(e) => {
                assert!(killed.load(Ordering::SeqCst), "the connection broke before the kill: {e}");
                return written;
            }
        }
    }
}

fn who(writer: usize, cycle: u32) -> String {
    format!("{writer}_{cycle}")
}

/// Writes from all connections until the server dies under them; returns what each has written.
fn write_until_killed(kvs: Kvs, cycle: u32, after: Duration) -> Vec<Written> {
    let killed = AtomicBool::new(false);
    let killed = &killed;
    std::thread::scope(|scope| {
        let write = |writer| {
            let (client, who) = (kvs.connect(), who(writer, cycle));
            scope.spawn(move || write_rounds(client, &who, killed))
        };
        let writers: Vec<_> = (0..WRITERS).map(write).collect();
        // The load has to run for a while; which instant the kill hits is random by design.
        std::thread::sleep(after);
        killed.store(true, Ordering::SeqCst);
        kvs.kill();
        writers.into_iter().map(|writer| writer.join().expect("a writer")).collect()
    })
}

/// Kills the server again and again. After each restart the entries of the killed run must be a prefix of what was written, must
/// pass `check`, and those of an earlier run must be as they were found then.
fn crash_cycles(durability: &str, check: impl Fn(Written, &Rounds, &str)) {
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let folder = folder();
    let mut found: Vec<Vec<Rounds>> = Vec::new();
    let mut acknowledged = 0;
    for cycle in 0..cycles() {
        let start = || Kvs::start(folder.path(), &["--durability", durability, "--segment-size", "4MiB"]);
        let written = write_until_killed(start(), cycle, Duration::from_millis(rng.random_range(20..300)));
        let kvs = start();
        let mut client = kvs.connect();
        let mut read_all =
            |cycle: u32| (0..WRITERS).map(|w| read_rounds(&mut client, &who(w, cycle))).collect::<Vec<_>>();
        let rounds = read_all(cycle);
        for (written, rounds) in written.iter().zip(&rounds) {
            let context = format!("{rounds:?} {written:?} {durability} cycle {cycle} KVS_SEED={seed}");
            // Rounds never rise from one entry to the next in a round's order, and differ by one at most.
            assert!(rounds.is_sorted_by(|a, b| a >= b) && rounds[0] - rounds[7] <= 1, "a hole: {context}");
            check(*written, rounds, &context);
            acknowledged += written.acknowledged;
        }
        found.push(rounds);
        let earlier = rng.random_range(0..=cycle);
        assert_eq!(read_all(earlier), found[earlier as usize], "cycle {earlier} after {cycle} KVS_SEED={seed}");
        kvs.kill();
    }
    println!("{durability}: {} kills under load, {acknowledged} rounds of 9 writes acknowledged", cycles());
    assert!(acknowledged > 0, "the load wrote nothing");
}

#[test]
fn sync_keeps_every_acknowledged_write_exactly_once() {
    crash_cycles("sync", |written, rounds, context| {
        assert!(rounds.iter().all(|round| *round >= written.acknowledged), "an acknowledged write is lost: {context}");
        // The counters would show a write that was applied twice.
        assert!(rounds.iter().all(|round| *round <= written.attempted), "twice or out of nothing: {context}");
    });
}

#[test]
fn async_keeps_a_prefix() {
    crash_cycles("async", |written, rounds, context| {
        assert!(rounds[0] <= written.attempted, "out of nothing: {context}");
    });
}
