//! Entries that expire: against the oracle, at every moment and across the log.

mod oracle;
mod shipping;

use std::sync::Arc;

use engine::{Bounds, Check, Condition, Engine, Expires, NotTransacted, Options, RecordMode, Step, Wanted};
use oracle::{Oracle, contents};
use proptest::collection::vec;
use proptest::prelude::*;
use proto::{CounterType, Lsn, Micros, Op, Refusal, Reply, Value, ValueRef, ValueType};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use shipping::{Shipped, quiet_log, recorded};
use testkit::arbitrary::{OwnedOp, any_logged_op, as_key, cases};

const INT: ValueType = ValueType::Int;

fn put(key: &str, value: i32) -> Op<'_> {
    Op::Put { key: as_key(key), value: ValueRef::Int(value) }
}

fn expiring(op: Op<'_>, expires: Micros) -> Step<'_> {
    Step { expires: Expires::At(expires), ..op.into() }
}

fn get(engine: &Engine, key: &str, at: Micros) -> Reply {
    engine.execute(&Op::Get { ty: INT, key: as_key(key) }, at).expect("a read").reply
}

fn few_keys() -> BoxedStrategy<String> {
    (0..10u32).prop_map(|number| if number % 3 == 0 { format!("{number:030}") } else { format!("k{number}") }).boxed()
}

fn texts() -> BoxedStrategy<String> {
    prop_oneof![4 => "[a-c]?", 1 => "[a-z]{29,31}"].boxed()
}

/// How an operation is carried out.
#[derive(Clone, Copy, Debug)]
enum Way {
    Alone,
    InABatch,
    InATransaction,
    /// After a step that fails, so that nothing happens.
    Undone,
}

#[derive(Clone, Debug)]
struct Planned {
    /// Time since the one before.
    later: Micros,
    op: OwnedOp,
    way: Way,
    /// For how long the entry lives then.
    lives: Option<Option<Micros>>,
    sweeps: bool,
}

fn planned() -> impl Strategy<Value = Planned> {
    let way =
        prop::sample::select(vec![Way::Alone, Way::InABatch, Way::InATransaction, Way::InATransaction, Way::Undone]);
    let lives = proptest::option::of(proptest::option::of(0..12i64));
    (0..5i64, any_logged_op(few_keys(), texts()), way, lives, prop::bool::weighted(0.1))
        .prop_map(|(later, op, way, lives, sweeps)| Planned { later: later.max(2) - 2, op, way, lives, sweeps })
}

/// Carries out `planned` in an engine and in the oracle, and compares everything that a client can see.
fn compare(planned: &[Planned], record: RecordMode, seed: u64) {
    let (engine, log) = recorded(Options { record, hash_seeds: Some([seed, 1, 2, 3]), ..Options::default() });
    let (mut oracle, mut at, mut expired) = (Oracle::default(), 0, 0);
    for Planned { later, op: owned, way, lives, sweeps } in planned {
        at += later;
        let before = oracle.contents().len();
        oracle.expire(at);
        expired += before - oracle.contents().len();
        if *sweeps {
            engine.sweep(at).expect("the log takes it");
            assert_eq!(contents(&engine), oracle.contents(), "nothing that has expired is left");
        }
        let expires = match (lives, way) {
            (None, _) | (_, Way::Alone | Way::InABatch) => Expires::AsUsual,
            (Some(None), _) => Expires::Never,
            (Some(Some(lives)), _) => Expires::At(at + lives),
        };
        let op = owned.as_op();
        let step = Step { expires, ..op.into() };
        match way {
            Way::Undone => {
                // It cannot happen: the counter would go beyond its bounds.
                let key = as_key("counter");
                let by = Op::IncrBy { ty: CounterType::Int, key, by: 1 };
                let last = Step { bounds: Bounds { min: None, max: Some(0) }, ..by.into() };
                let failed = engine.transact(&[], &[step, step, last], at).unwrap_err();
                let overflows = matches!(failed, NotTransacted::Refused { refusal: Refusal::Overflow { .. }, .. });
                assert!(overflows || failed == NotTransacted::Bounds { step: 2, before: 0 }, "{failed:?}");
            }
            _ => {
                let expected = oracle.execute_at(&op, expires, at).result;
                let reply = match way {
                    Way::Alone => engine.execute(&op, at).map(|outcome| outcome.reply),
                    Way::InABatch => {
                        let mut replies = Vec::new();
                        engine.execute_batch(&[op], at, |executed| {
                            replies.push(executed.clone().map(|outcome| outcome.reply));
                            std::ops::ControlFlow::Continue(())
                        });
                        replies.remove(0)
                    }
                    _ => match engine.transact(&[], &[step], at) {
                        Ok(mut done) => Ok(done.steps.remove(0).reply),
                        Err(NotTransacted::Refused { refusal, .. }) => Err(refusal),
                        Err(other) => panic!("{other:?}"),
                    },
                };
                assert_eq!(reply, expected, "{owned:?} at {at}");
            }
        }
        for (ty, key, expires) in oracle.deadlines() {
            let facts = engine.facts(ty, as_key(key));
            assert_eq!(facts.map(|facts| facts.expires), Some(expires), "{ty:?} {key} after {owned:?} at {at}");
        }
    }
    // The log tells the same, as far as it goes.
    let shipped = Shipped::all_of(&log);
    let recovered = shipped.recovered();
    assert_eq!(contents(&recovered), contents(&engine));
    for (ty, key) in contents(&engine).keys() {
        assert_eq!(recovered.facts(*ty, as_key(key)), engine.facts(*ty, as_key(key)), "{ty:?} {key}");
    }
    // Each entry that has expired has one record that says so, but for those that a client says were expired.
    at += 1_000;
    let left = oracle.contents().len();
    oracle.expire(at);
    assert_eq!(engine.sweep(at), Ok(false), "the log takes it, and nothing is left");
    assert_eq!(engine.expired() as usize, expired + left - oracle.contents().len());
    assert_eq!(contents(&engine), oracle.contents());
    let usage = engine.usage();
    assert_eq!(usage.iter().map(|usage| usage.expiring).sum::<usize>(), 0);
    assert_eq!(engine.meter().used(), usage.iter().map(|usage| usage.bytes).sum::<usize>());
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn entries_with_deadlines_are_those_of_the_oracle(planned in vec(planned(), 1..80), seed: u64, all: bool) {
        compare(&planned, if all { RecordMode::All } else { RecordMode::Writes }, seed);
    }
}

#[test]
fn an_entry_ends_exactly_at_its_deadline() {
    let (engine, log) = recorded(Options::default());
    engine.transact(&[], &[expiring(put("k", 1), 100)], 0).unwrap();
    let wanted = Wanted { ty: Some(INT), prefix: "", values: false };
    let listed = |at| {
        let (mut place, mut count) = (Some(wanted.begin()), 0);
        while let Some(from) = place {
            let slice = engine.list(&wanted, from, 10, at);
            (place, count) = (slice.next, count + slice.entries.len());
        }
        count
    };
    let check = |condition| [Check { ty: INT, key: as_key("k"), condition }];
    let read = [Op::Get { ty: INT, key: as_key("k") }.into()];
    for (at, is_there) in [(0, true), (99, true), (100, false), (101, false), (Micros::MAX, false)] {
        let expected = if is_there { Reply::Value(Value::Int(1)) } else { Reply::NoEntry };
        assert_eq!(get(&engine, "k", at), expected, "{at}");
        assert_eq!(listed(at), usize::from(is_there), "{at}");
        assert_eq!(engine.transact(&check(Condition::Present), &read, at).is_ok(), is_there, "{at}");
        assert_eq!(engine.transact(&check(Condition::Absent), &read, at).is_ok(), !is_there, "{at}");
    }
    assert_eq!(log.last_lsn(), 1, "reads remove nothing");
    // A counter that has expired begins again, and does not expire.
    let incr = Op::Incr { ty: CounterType::Int, key: as_key("k") };
    assert_eq!(engine.execute(&incr, 100).unwrap().reply, Reply::Value(Value::Int(0)));
    assert_eq!(get(&engine, "k", Micros::MAX), Reply::Value(Value::Int(1)));
    let kinds: Vec<_> = Shipped::all_of(&log).records().map(|record| record.op.kind().name()).collect();
    assert_eq!(kinds, ["put", "expire", "incr"]);
}

#[test]
fn a_deadline_that_has_passed_leaves_an_entry_for_a_moment() {
    let engine = Engine::new(Options::default());
    let done = engine.transact(&[], &[expiring(put("k", 1), -5), Op::Get { ty: INT, key: as_key("k") }.into()], 7);
    assert_eq!(done.unwrap().steps[1].reply, Reply::Value(Value::Int(1)), "each step sees what was before it");
    assert_eq!((get(&engine, "k", 7), get(&engine, "k", 8)), (Reply::Value(Value::Int(1)), Reply::NoEntry));
}

#[test]
fn without_the_log_reads_go_on_and_nothing_is_removed() {
    let (engine, log) = recorded(Options::default());
    engine.transact(&[], &[expiring(put("k", 1), 100)], 0).unwrap();
    log.close("closed");
    assert_eq!(get(&engine, "k", 100), Reply::NoEntry);
    let closed = Refusal::LogClosed("closed".into());
    assert_eq!(engine.execute(&put("k", 2), 100), Err(closed.clone()));
    assert_eq!(engine.sweep(100), Err(closed));
    assert_eq!((engine.len(), engine.expired()), (1, 0));
    assert_eq!(get(&engine, "k", 99), Reply::Value(Value::Int(1)));
}

#[test]
fn a_sweep_leaves_room_in_the_log_for_writers() {
    const ENTRIES: usize = 3_000;
    let log = quiet_log(64 << 10);
    let mut engine = Engine::new(Options { shards: 4, ..Options::default() });
    for number in 0..ENTRIES {
        engine.transact(&[], &[expiring(put(&format!("key {number}"), 1), 100)], 0).unwrap();
    }
    engine.attach_log(Arc::clone(&log));
    let (mut shipped, mut sweeps) = (Shipped::nothing(), 0);
    while !engine.is_empty() {
        let before = engine.len();
        engine.sweep(100).expect("it stops before the log refuses anything");
        assert!(engine.len() < before && log.pending() < 32 << 10, "{} bytes pending", log.pending());
        engine.execute(&Op::DelAll { key: as_key("a writer") }, 100).expect("there is room");
        while shipped.ship_one(&log) {}
        sweeps += 1;
    }
    assert!(sweeps > 3, "{sweeps}");
    assert_eq!(shipped.last_lsn(), ENTRIES as Lsn);
    assert_eq!(engine.meter().used(), 0);
}

/// Entries that move to other slots when their table grows keep their deadlines.
#[test]
fn deadlines_survive_growth_and_deletions() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let engine = Engine::new(Options { shards: 2, ..Options::default() });
    let mut deadlines = std::collections::HashMap::new();
    for _ in 0..60_000 {
        let number = random.random_range(0..40_000u32);
        let key = format!("key {number}");
        match random.random_range(0..4) {
            0 => {
                engine.execute(&Op::Del { ty: INT, key: as_key(&key) }, 0).unwrap();
                deadlines.remove(&number);
            }
            1 => {
                engine.execute(&put(&key, 0), 0).unwrap();
                deadlines.insert(number, None);
            }
            _ => {
                let deadline = random.random_range(1..1_000);
                engine.transact(&[], &[expiring(put(&key, 0), deadline)], 0).unwrap();
                deadlines.insert(number, Some(deadline));
            }
        }
    }
    for at in [1, 250, 500, 999] {
        for number in 0..40_000 {
            let is_there = deadlines.get(&number).is_some_and(|deadline| deadline.is_none_or(|deadline| at < deadline));
            assert_eq!(get(&engine, &format!("key {number}"), at) != Reply::NoEntry, is_there, "key {number} at {at}");
        }
        while engine.sweep(at).unwrap() {}
        let left = deadlines.values().filter(|deadline| deadline.is_none_or(|deadline| at < deadline)).count();
        assert_eq!(engine.len(), left);
    }
}
