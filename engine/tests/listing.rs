//! Listings beside threads that write: each entry that stays is listed exactly once, and none twice.

#![cfg(not(loom))]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::{Engine, Options, Wanted};
use proto::{Op, Value, ValueType};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use testkit::arbitrary::as_key;

const WRITERS: u64 = 2;

/// One entry of these many that stay is a str, the others are ints.
const STRS: u64 = 4;

/// Entries that come and go have numbers up to this many times that of those that stay.
const COME_AND_GO: u64 = 2;

/// Pause of a listing that waits for writers.
const A_MOMENT: Duration = Duration::from_micros(50);

/// A number from the environment.
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

fn put(engine: &Engine, key: &str, value: &Value) {
    engine.execute(&Op::Put { key: as_key(key), value: value.as_value_ref() }, 0).expect("there is room");
}

/// The entry that stays with this number.
fn stays(engine: &Engine, number: u64) {
    let value = match number % STRS {
        0 => Value::Str(number.to_string().as_str().into()),
        _ => Value::Int(number as i32),
    };
    put(engine, &format!("s{number}"), &value);
}

/// Inserts and deletes runs of entries, so that tables grow and empty, and writes those that stay again.
fn write(engine: &Engine, entries: u64, seed: u64, written: &AtomicU64, stop: &AtomicBool) {
    let mut chance = StdRng::seed_from_u64(seed);
    while !stop.load(Ordering::Relaxed) {
        let (grows, first) = (chance.random_bool(0.7), chance.random_range(0..entries * COME_AND_GO));
        for number in first..first + chance.random_range(1..=entries / 4) {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let key = format!("g{}", number % (entries * COME_AND_GO));
            match grows {
                true => put(engine, &key, &Value::Int(0)),
                false => drop(engine.execute(&Op::Del { ty: ValueType::Int, key: as_key(&key) }, 0)),
            }
            if number % 16 == 0 {
                stays(engine, chance.random_range(0..entries));
            }
            written.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What was listed, by number.
struct Seen {
    stay: Vec<bool>,
    go: Vec<bool>,
}

impl Seen {
    fn add(&mut self, key: &str, context: &str) {
        let number: usize = key[1..].parse().expect("a number");
        let seen = if key.starts_with('s') { &mut self.stay[number] } else { &mut self.go[number] };
        assert!(!std::mem::replace(seen, true), "{key} was listed twice, {context}");
    }
}

/// `KVS_LISTINGS` and `KVS_LISTING_ENTRIES` set other numbers of seeds and of entries, for a long run.
#[test]
fn every_entry_that_stays_is_listed_once_while_tables_grow() {
    let listings = variable("KVS_LISTINGS").unwrap_or(6);
    let entries = variable("KVS_LISTING_ENTRIES").unwrap_or(20_000);
    let first = variable("KVS_SEED").unwrap_or_else(rand::random);
    println!("KVS_SEED={first} KVS_LISTINGS={listings} KVS_LISTING_ENTRIES={entries}");
    let (began, mut all_written, mut all_slices, mut growths) = (Instant::now(), 0, 0, 0);
    for seed in (0..listings).map(|run| first.wrapping_add(run)) {
        let context = format!("KVS_SEED={seed} KVS_LISTINGS=1 KVS_LISTING_ENTRIES={entries}");
        let mut chance = StdRng::seed_from_u64(seed);
        let shards = 1 << chance.random_range(0..7);
        let hash_seeds = Some([chance.random(), 1, 2, 3]);
        let engine = Engine::new(Options { shards, hash_seeds, ..Options::default() });
        (0..entries).for_each(|number| stays(&engine, number));
        let (written, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let mut seen = Seen { stay: vec![false; entries as usize], go: vec![false; (entries * COME_AND_GO) as usize] };
        let (before, mut largest, mut slices) = (engine.meter().used(), 0, 0);
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (engine, written, stop) = (&engine, &written, &stop);
                scope.spawn(move || write(engine, entries, seed.wrapping_mul(31).wrapping_add(writer), written, stop));
            }
            // Also ends the writers if this thread panics.
            let _stops = Stops(&stop);
            let wanted = Wanted { ty: None, prefix: "", values: chance.random_bool(0.3) };
            let mut place = Some(wanted.begin());
            while let Some(from) = place {
                let slice = engine.list(&wanted, from, chance.random_range(1..2_000), 0);
                slice.entries.iter().for_each(|listed| seen.add(&listed.key, &context));
                place = slice.next;
                slices += 1;
                largest = largest.max(engine.meter().used());
                // As slow as a client: writes come between any two slices.
                let more = written.load(Ordering::Relaxed) + chance.random_range(0..2_000);
                while written.load(Ordering::Relaxed) < more {
                    std::thread::sleep(A_MOMENT);
                }
            }
        });
        let missing = seen.stay.iter().filter(|seen| !**seen).count();
        assert_eq!(missing, 0, "entries that stay were not listed, {context}");
        all_written += written.into_inner();
        all_slices += slices;
        growths += u32::from(largest > before + before / 10);
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{listings} listings of {entries} entries that stay, each listed once, in {all_slices} slices, beside {all_written} writes; the \
         memory of {growths} engines grew by more than a tenth meanwhile; {seconds:.1} s"
    );
    assert!(growths > 0, "no table grew");
}

/// Stops the writers when it is dropped.
struct Stops<'s>(&'s AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
