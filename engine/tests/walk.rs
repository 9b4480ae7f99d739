//! Walks over an engine that is being written to, and the states that are recovered from them.

#![cfg(not(loom))]

mod oracle;
mod shipping;

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use engine::{Engine, Expires, Facts, Options, Step, Walk};
use oracle::contents;
use proptest::collection::vec;
use proptest::prelude::*;
use proto::options::RecordOptions;
use proto::{BatchBuffer, Chain, Effect, Lsn, Op, Value, ValueType};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use shipping::{Shipped, recorded};
use testkit::arbitrary::{OwnedOp, any_logged_op, as_key, cases};

/// What a walk has visited, as the records of a checkpoint.
struct Walked {
    buffer: BatchBuffer,
    begin: Lsn,
    visited: Vec<(ValueType, String)>,
}

impl Walked {
    fn new(walk: &Walk<'_>) -> Self {
        Self { buffer: BatchBuffer::new(1, Vec::new()), begin: walk.begin(), visited: Vec::new() }
    }

    fn next(&mut self, walk: &mut Walk<'_>) -> bool {
        walk.next(&mut |key, value, facts| {
            let op = Op::Put { key, value: value.as_value_ref() };
            let options = RecordOptions { stamp: Some(facts.stamp.low_bits()), expires: facts.expires, following: 0 };
            self.buffer.push_with(&op, Effect::None, &options, 0).expect("all of the same time");
            self.visited.push((value.value_type(), key.as_str().into()));
        })
    }

    /// What was walked over, and the records after that up to `end`, give the same as all records up to `end`.
    fn assert_recovers(self, shipped: &Shipped, end: Lsn) {
        let expected = Engine::new(Options::default());
        replay(&expected, shipped, 1, end);
        let recovered = Engine::new(Options::default());
        let checkpoint = self.buffer.seal(&Chain::start(2), 0, 0);
        recovered.replay_batch(&checkpoint).expect("the records of a checkpoint can be read");
        replay(&recovered, shipped, self.begin + 1, end);
        assert_eq!(contents(&recovered), contents(&expected));
        assert_eq!(facts(&recovered), facts(&expected));
    }
}

fn facts(engine: &Engine) -> BTreeMap<(u8, String), Facts> {
    let mut keys = Vec::new();
    engine.for_each(|ty, key, _| keys.push((ty, key.to_owned())));
    let facts = |(ty, key): (ValueType, String)| {
        let facts = engine.facts(ty, as_key(&key)).expect("nobody else writes");
        ((ty as u8, key), facts)
    };
    keys.into_iter().map(facts).collect()
}

/// The records with these lsns, applied to `engine`.
fn replay(engine: &Engine, shipped: &Shipped, from: Lsn, upto: Lsn) {
    shipped.records().filter(|record| (from..=upto).contains(&record.lsn)).for_each(|record| engine.replay(&record));
}

fn one_shard(seed: u64) -> Options {
    Options { shards: 1, hash_seeds: Some([seed, 1, 2, 3]), ..Options::default() }
}

fn few_keys() -> BoxedStrategy<String> {
    (0..12u32).prop_map(|number| if number % 3 == 0 { format!("{number:030}") } else { format!("k{number}") }).boxed()
}

fn texts() -> BoxedStrategy<String> {
    prop_oneof![4 => "[a-c]?", 1 => "[a-z]{29,31}"].boxed()
}

/// An operation, and when its entry expires after it.
fn any_write() -> impl Strategy<Value = (OwnedOp, Expires)> {
    let expires =
        prop_oneof![2 => Just(Expires::AsUsual), 1 => Just(Expires::Never), 2 => (1..9i64).prop_map(Expires::At)];
    (any_logged_op(few_keys(), texts()), expires)
}

proptest! {
    #![proptest_config(cases(if cfg!(debug_assertions) { 400 } else { 4000 }))]

    /// Wherever the walk is interrupted by writes, and wherever the log ends after it.
    #[test]
    fn a_walk_and_the_log_after_it_give_the_state(
        before in vec(any_write(), 0..60),
        during in vec((0..20u8, any_write()), 0..120),
        after in vec(any_write(), 0..40),
        shards in 1..4usize,
        seed: u64,
        cut: prop::sample::Index,
    ) {
        let options = || Options { shards, hash_seeds: Some([seed, 1, 2, 3]), ..Options::default() };
        let (engine, log) = recorded(options());
        let run = |(op, expires): &(OwnedOp, Expires)| {
            drop(engine.transact(&[], &[Step { expires: *expires, ..op.as_op().into() }], 0));
        };
        before.iter().for_each(run);
        let mut walk = engine.walk();
        let mut walked = Walked::new(&walk);
        for (steps, op) in &during {
            for _ in 0..steps.saturating_sub(14) {
                walked.next(&mut walk);
            }
            run(op);
        }
        while walked.next(&mut walk) {}
        let end = engine.last_lsn();
        after.iter().for_each(run);
        let shipped = Shipped::all_of(&log);
        let cut = end + cut.index((shipped.last_lsn() - end) as usize + 1) as Lsn;

        walked.assert_recovers(&shipped, cut);
    }
}

/// An engine that is filled has what was put into it, and takes hardly more memory than one that has grown, also if it
/// expected something else: here one type comes after the other.
#[test]
fn a_filled_engine_fits_its_entries() {
    const ENTRIES: u64 = 200_000;
    const AT_A_TIME: u64 = 1_000;
    let all: [&[ValueType]; 3] =
        [&[ValueType::Int], &[ValueType::Str], &[ValueType::Int, ValueType::Str, ValueType::Float]];
    for types in all {
        let [filled, grown] = [(); 2].map(|()| Engine::new(Options { shards: 16, ..Options::default() }));
        let mut largest = 0;
        for n in 0..ENTRIES {
            if n % AT_A_TIME == 0 {
                filled.expect(n, ENTRIES);
                largest = largest.max(filled.meter().used());
            }
            let ty = types[n as usize * types.len() / ENTRIES as usize];
            let key = format!("key {n}");
            let value = match ty {
                ValueType::Str => Value::Str(key.as_str().into()),
                ValueType::Float => Value::Float(n as f32),
                _ => Value::Int(n as i32),
            };
            let put = OwnedOp::Put(key, value);
            filled.execute(&put.as_op(), 0).expect("there is no limit");
            grown.execute(&put.as_op(), 0).expect("there is no limit");
        }
        filled.fit();
        let (fitted, usual) = (filled.meter().used(), grown.meter().used());
        assert!(fitted * 4 < usual * 5, "{types:?}: {fitted} bytes instead of {usual}");
        assert!(largest < 4 * usual, "{types:?}: {largest} bytes meanwhile instead of {usual}");
        assert_eq!(contents(&filled), contents(&grown), "{types:?}");
        for ((ty, key), value) in contents(&filled) {
            let got = filled.execute(&Op::Get { ty, key: as_key(&key) }, 0).expect("a read").reply;
            assert_eq!(got, proto::Reply::Value(value));
        }
        filled.execute(&OwnedOp::Del(types[0], "key 0".into()).as_op(), 0).expect("it can be deleted");
        assert_eq!(filled.len() as u64, ENTRIES - 1);
    }
}

/// Tables grow, entries move, others come and go: each entry that stays is visited exactly once, as it is.
#[test]
fn every_entry_that_stays_is_visited_exactly_once() {
    const STAY: u32 = 6_000;
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for round in 0..20 {
        let engine = Engine::new(one_shard(random.random()));
        let put = |key: &str, value: i32| {
            engine
                .execute(&Op::Put { key: as_key(key), value: Value::Int(value).as_value_ref() }, 0)
                .expect("there is room");
        };
        (0..STAY).for_each(|number| put(&format!("stays {number}"), number as i32));
        let mut walk = engine.walk();
        let mut walked = Walked::new(&walk);
        let mut others = 0;
        let mut steps = 0;
        while walked.next(&mut walk) {
            steps += 1;
            for _ in 0..random.random_range(0..3_000) {
                let key = format!("passes {}", random.random_range(0..40_000));
                match random.random_bool(0.8) {
                    true => put(&key, 0),
                    false => drop(engine.execute(&Op::Del { ty: ValueType::Int, key: as_key(&key) }, 0)),
                }
                others += 1;
            }
        }
        let stayed: Vec<&str> =
            walked.visited.iter().map(|(_, key)| &**key).filter(|key| key.starts_with("stays")).collect();
        let different: HashSet<&str> = stayed.iter().copied().collect();
        assert_eq!(
            (stayed.len(), different.len()),
            (STAY as usize, STAY as usize),
            "round {round}, {steps} steps, {others} writes"
        );
        assert!(steps > 6 + 3, "the table is walked in several steps, not {steps}");
    }
}

/// Threads that increment counters and grow tables during walks: what is recovered from each walk is what the log says.
#[test]
fn walks_beside_writers_lead_to_the_same_state() {
    const WRITERS: u64 = 3;
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let (engine, log) = recorded(Options { shards: 4, ..Options::default() });
    let stop = AtomicBool::new(false);
    let walks = std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (engine, stop) = (&engine, &stop);
            scope.spawn(move || {
                let mut random = StdRng::seed_from_u64(seed + writer);
                while !stop.load(Ordering::Relaxed) {
                    let key = format!("{}", random.random_range(0..20_000));
                    let op = match random.random_range(0..10) {
                        0 => OwnedOp::Del(ValueType::Int, key),
                        1 => {
                            OwnedOp::SetAdd(key, testkit::arbitrary::packed([format!("{}", random.random_range(0..3))]))
                        }
                        2 => {
                            OwnedOp::SetRem(key, testkit::arbitrary::packed([format!("{}", random.random_range(0..3))]))
                        }
                        3 => OwnedOp::DelAll(key),
                        _ => OwnedOp::Incr(proto::CounterType::Int, key),
                    };
                    engine.execute(&op.as_op(), 0).expect("there is room");
                }
            });
        }
        let mut walks = Vec::new();
        for _ in 0..5 {
            let mut walk = engine.walk();
            let mut walked = Walked::new(&walk);
            while walked.next(&mut walk) {}
            walks.push((walked, engine.last_lsn()));
        }
        stop.store(true, Ordering::Relaxed);
        walks
    });
    let shipped = Shipped::all_of(&log);
    for (walked, end) in walks {
        walked.assert_recovers(&shipped, end);
    }
}
