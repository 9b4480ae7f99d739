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

/// A long value every so many writes.
const LONG_EVERY: u32 = 50;

fn cycles() -> u64 {
    std::env::var("KVS_CRASH_CYCLES").ok().and_then(|cycles| cycles.parse().ok()).unwrap_or(8)
}

/// What one connection has written, as far as it knows. Round `n` writes `n` into every entry it touches, and each entry's
/// value tells `n`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Written {
    /// All writes up to this round were acknowledged.
    acknowledged: u32,
    /// Writes of this round may have been carried out.
    attempted: u32,
}

/// The six writes of a round for one writer; the round's number is in each value.
fn write_round(client: &mut Client, writer: usize, round: u32) -> std::io::Result<()> {
    let long = if round.is_multiple_of(LONG_EVERY) { 1 << 20 } else { (round as usize * 7) % 60 };
    let text = format!("{round}:{}", "x".repeat(long));
    let requests: [(String, String); 7] = [
        (format!("int-put/i{writer}"), round.to_string()),
        (format!("uint-incr/u{writer}"), String::new()),
        (format!("float-put/f{writer}"), round.to_string()),
        (format!("str-put/s{writer}"), text),
        (format!("map-set/m{writer}/round"), round.to_string()),
        (format!("set-put/e{writer}"), format!(r#"["{round}",""]"#)),
        (format!("int-put/last{writer}"), round.to_string()),
    ];
    for (path, body) in requests {
        let answer = client.try_request("PUT", &path, body)?;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    Ok(())
}

/// The rounds that the writer's entries tell, in the order in which a round writes them.
fn read_rounds(client: &mut Client, writer: usize) -> [u32; 7] {
    let mut number = |path: String, parse: &dyn Fn(&str) -> u32| {
        let answer = client.get(&path);
        if answer.status == 404 { 0 } else { parse(answer.text()) }
    };
    let plain = |text: &str| text.parse::<u32>().expect("a round");
    [
        number(format!("int-get/i{writer}"), &plain),
        number(format!("uint-get/u{writer}"), &plain),
        number(format!("float-get/f{writer}"), &|text| text.parse::<f32>().expect("a number") as u32),
        number(format!("str-get/s{writer}"), &|text| {
            let (round, rest) = text.split_once(':').expect("a round and its filling");
            assert!(rest.bytes().all(|byte| byte == b'x'), "a torn value");
            plain(round)
        }),
        number(format!("map-get/m{writer}/round"), &plain),
        number(format!("set-get/e{writer}"), &|text| {
            plain(text.strip_prefix(r#"["",""#).and_then(|t| t.strip_suffix(r#""]"#)).expect("both members"))
        }),
        number(format!("int-get/last{writer}"), &plain),
    ]
}

/// Writes round after round until the connection breaks, which only the kill may cause.
fn write_rounds(mut client: Client, writer: usize, mut written: Written, killed: &AtomicBool) -> Written {
    loop {
        written.attempted = written.acknowledged + 1;
        match write_round(&mut client, writer, written.attempted) {
            Ok(()) => written.acknowledged = written.attempted,
            Err(e) => {
                assert!(killed.load(Ordering::SeqCst), "the connection broke before the kill: {e}");
                return written;
            }
        }
    }
}

/// Writes from all connections until the server dies under them; returns what each has written.
fn write_until_killed(kvs: Kvs, after: Duration, before: &[Written]) -> Vec<Written> {
    let killed = AtomicBool::new(false);
    let killed = &killed;
    std::thread::scope(|scope| {
        let write = |(writer, written): (usize, &Written)| {
            let (client, written) = (kvs.connect(), *written);
            scope.spawn(move || write_rounds(client, writer, written, killed))
        };
        let writers: Vec<_> = before.iter().enumerate().map(write).collect();
        // The load has to run for a while; which instant the kill hits is random by design.
        std::thread::sleep(after);
        killed.store(true, Ordering::SeqCst);
        kvs.kill();
        writers.into_iter().map(|writer| writer.join().expect("a writer")).collect()
    })
}

/// In a round's order of writes, what survived must be a prefix: rounds never rise from one entry to the next, and differ
/// by one at most.
fn assert_prefix(rounds: &[u32; 7], context: &str) {
    assert!(rounds.is_sorted_by(|a, b| a >= b), "a hole: {rounds:?} {context}");
    assert!(rounds[0] - rounds[6] <= 1, "a hole: {rounds:?} {context}");
}

fn crash_cycles(durability: &str, check: impl Fn(&Written, &[u32; 7], &str)) {
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let folder = folder();
    let mut written = [Written::default(); WRITERS].to_vec();
    for cycle in 0..cycles() {
        let kvs = Kvs::start(folder.path(), &["--durability", durability, "--segment-size", "4MiB"]);
        let mut client = kvs.connect();
        for (writer, written) in written.iter_mut().enumerate() {
            let rounds = read_rounds(&mut client, writer);
            let context = format!("writer {writer} {written:?} {durability} cycle {cycle} KVS_SEED={seed}");
            assert_prefix(&rounds, &context);
            check(written, &rounds, &context);
            // Start the next cycle from a whole round.
            let whole = rounds[0];
            if rounds[6] != whole {
                let repaired =
                    (rounds[1]..whole).all(|_| client.put(&format!("uint-incr/u{writer}"), "").status == 200);
                assert!(repaired);
                client.put(&format!("float-put/f{writer}"), whole.to_string());
                client.put(&format!("str-put/s{writer}"), format!("{whole}:"));
                client.put(&format!("map-set/m{writer}/round"), whole.to_string());
                client.put(&format!("set-put/e{writer}"), format!(r#"["{whole}",""]"#));
                client.put(&format!("int-put/last{writer}"), whole.to_string());
            }
            *written = Written { acknowledged: whole, attempted: whole };
        }
        let after = Duration::from_millis(rng.random_range(20..300));
        written = write_until_killed(kvs, after, &written);
    }
    let rounds: u32 = written.iter().map(|written| written.acknowledged).sum();
    println!("{durability}: {} kills, {rounds} rounds of 7 writes acknowledged", cycles());
    assert!(rounds > 0, "the load wrote nothing");
}

#[test]
fn sync_keeps_every_acknowledged_write_exactly_once() {
    crash_cycles("sync", |written, rounds, context| {
        for (entry, round) in rounds.iter().enumerate() {
            assert!(*round >= written.acknowledged, "lost: entry {entry} is at {round} {context}");
            // The counter would show a write that was applied twice.
            assert!(*round <= written.attempted, "twice or out of nothing: entry {entry} is at {round} {context}");
        }
    });
}

#[test]
fn async_keeps_a_prefix() {
    crash_cycles("async", |written, rounds, context| {
        assert!(rounds[0] <= written.attempted, "out of nothing: {rounds:?} {context}");
    });
}
