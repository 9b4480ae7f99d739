//! Requests with idempotency keys: however often one comes, it is carried out once, also after a recovery.

#![cfg(not(loom))]

mod oracle;
mod shipping;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::{Engine, NotTransacted, Once, Options, OutcomeLimits, Step, Transacted};
use oracle::contents;
use proptest::collection::vec;
use proptest::prelude::*;
use proto::options::RecordOptions;
use proto::{
    BatchBuffer, Chain, CounterType, Effect, Fingerprint, Lsn, Micros, Op, OpKind, Refusal, Reply, Value, ValueRef,
    ValueType,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use shipping::{Shipped, quiet_log, recorded};
use testkit::arbitrary::{OwnedOp, any_op, as_key, cases};

const WINDOW: Micros = 100;

fn options() -> Options {
    Options { outcomes: OutcomeLimits { window: WINDOW, ..OutcomeLimits::default() }, ..Options::default() }
}

fn ask(engine: &Engine, key: &str, request: u8, ops: &[Op<'_>], at: Micros) -> Result<Transacted, NotTransacted> {
    let steps: Vec<Step<'_>> = ops.iter().map(|op| (*op).into()).collect();
    let once = Once { key: as_key(key), fingerprint: &[request; 16] };
    engine.transact_once(&[], &steps, &once, at)
}

fn incr(key: &str) -> Op<'_> {
    Op::Incr { ty: CounterType::Int, key: as_key(key) }
}

fn refusal(result: Result<Transacted, NotTransacted>) -> Refusal {
    match result {
        Err(NotTransacted::Refused { refusal, .. }) => refusal,
        other => panic!("{other:?}"),
    }
}

/// What of an outcome does not depend on when it is told.
fn told(transacted: &Transacted) -> (Vec<engine::StepDone>, Option<Lsn>) {
    (transacted.steps.clone(), transacted.lsn)
}

/// An engine that is filled with a checkpoint of this one.
fn by_checkpoint(engine: &Engine) -> Engine {
    let (mut walk, mut buffer) = (engine.walk(), BatchBuffer::new(1, Vec::new()));
    let stamped = |facts: engine::Facts| RecordOptions {
        stamp: Some(facts.stamp.low_bits()),
        expires: facts.expires,
        following: 0,
    };
    let mut more = true;
    while more {
        more = walk.next(&mut |key, value, facts| {
            let op = Op::Put { key, value: value.as_value_ref() };
            buffer.push_with(&op, Effect::None, &stamped(facts), 0).expect("all of the same time");
        });
    }
    while walk.next_outcomes(&mut |Once { key, fingerprint }, outcome, facts| {
        let op = Op::Outcome { key, fingerprint, outcome };
        buffer.push_with(&op, Effect::None, &stamped(facts), 0).expect("all of the same time");
    }) {}
    let recovered = Engine::new(options());
    recovered.replay_batch(&buffer.seal(&Chain::start(2), 0, 0)).expect("the records of a checkpoint can be read");
    recovered
}

/// A request: its number, which is also that of its fingerprint, its key, and what it does.
type Planned = (u8, Vec<OwnedOp>, Micros);

fn planned() -> impl Strategy<Value = Vec<Planned>> {
    let keys = (0..4u32).prop_map(|n| format!("k{n}")).boxed();
    let ops = vec(any_op(keys, "[a-c]{0,30}".boxed()), 1..4);
    (vec(ops, 1..5), vec((any::<prop::sample::Index>(), 0..WINDOW / 4), 0..40)).prop_map(|(requests, order)| {
        let planned = order.into_iter().map(|(index, pause)| {
            let number = index.index(requests.len());
            (number as u8, requests[number].clone(), pause)
        });
        planned.collect()
    })
}

fn writes(ops: &[Op<'_>]) -> bool {
    ops.iter().any(|op| op.kind().writes())
}

proptest! {
    #![proptest_config(cases(200))]

    /// Beside an engine that knows no keys and gets only what is to be carried out.
    #[test]
    fn what_comes_again_does_nothing_and_gets_the_same(planned in planned()) {
        let (mut engine, log) = (Engine::new(options()), quiet_log(usize::MAX));
        engine.attach_log(Arc::clone(&log));
        let plain = Engine::new(options());
        let (mut now, mut kept): (Micros, HashMap<u8, (Transacted, Micros)>) = (1, HashMap::new());
        let mut requests = HashMap::new();
        for (number, ops, pause) in &planned {
            now += pause;
            let ops: Vec<Op<'_>> = ops.iter().map(OwnedOp::as_op).collect();
            if !writes(&ops) {
                continue;
            }
            kept.retain(|_, (_, expires)| *expires > now);
            requests.insert(*number, ops.clone());
            let result = ask(&engine, &format!("key {number}"), *number, &ops, now);
            match kept.get(number) {
                Some((first, _)) => {
                    let again = result.expect("it has succeeded before");
                    prop_assert!(again.replayed);
                    prop_assert_eq!(told(&again), told(first));
                }
                None => {
                    let steps: Vec<Step<'_>> = ops.iter().map(|op| (*op).into()).collect();
                    let expected = plain.transact(&[], &steps, now);
                    prop_assert_eq!(result.is_ok(), expected.is_ok());
                    if let (Ok(result), Ok(expected)) = (result, expected) {
                        prop_assert!(!result.replayed);
                        let replies = |done: &Transacted| -> Vec<Reply> { done.steps.iter().map(|step| step.reply.clone()).collect() };
                        prop_assert_eq!(replies(&result), replies(&expected));
                        kept.insert(*number, (result, now + WINDOW));
                    }
                }
            }
            prop_assert_eq!(contents(&engine), contents(&plain));
        }
        kept.retain(|_, (_, expires)| *expires > now);
        engine.sweep(now).expect("the log takes it");
        prop_assert_eq!(engine.outcome_usage().keys, kept.len());
        // After a recovery, from the log and from a checkpoint, in an engine whose log goes on.
        let shipped = Shipped::all_of(&log);
        let last = shipped.last_lsn();
        let mut from_log = Engine::new(options());
        for _ in 0..2 {
            shipped.batches().iter().for_each(|batch| from_log.replay_batch(batch).expect("it can be read"));
        }
        for recovered in [&mut by_checkpoint(&engine), &mut from_log] {
            recovered.attach_log(Arc::new(engine::LogBuffer::new(last + 1, usize::MAX, Box::new(|| {}))));
            for (number, (first, _)) in &kept {
                let again = ask(recovered, &format!("key {number}"), *number, &requests[number], now).expect("it is kept");
                prop_assert!(again.replayed);
                prop_assert_eq!(told(&again), told(first));
                let other = ask(recovered, &format!("key {number}"), 99, &requests[number], now);
                prop_assert_eq!(refusal(other), Refusal::KeyReused);
            }
            prop_assert_eq!(recovered.last_lsn(), last, "nothing was done");
            prop_assert_eq!(contents(recovered), contents(&plain));
            // Nothing of it is left after the window.
            recovered.sweep(now + WINDOW).expect("the log takes it");
            prop_assert_eq!(recovered.outcome_usage().keys, 0);
            prop_assert_eq!(recovered.outcome_usage().bytes, 0);
        }
    }
}

#[test]
fn the_outcome_comes_before_the_writes_in_the_same_batch() {
    let (engine, log) = recorded(options());
    let ops = [incr("a"), Op::Get { ty: ValueType::Int, key: as_key("a") }, incr("b")];
    let done = ask(&engine, "key", 1, &ops, 5).unwrap();
    assert_eq!(done.lsn, Some(3));
    // Nothing changes, and that is kept, too.
    let idle = ask(&engine, "idle", 2, &[Op::Del { ty: ValueType::Int, key: as_key("none") }], 5).unwrap();
    assert_eq!((idle.lsn, &idle.steps[0].reply), (Some(4), &Reply::Deleted(false)));
    let shipped = Shipped::all_of(&log);
    let kinds: Vec<_> = shipped.records().map(|record| (record.op.kind(), record.options.expires)).collect();
    let outcome = (OpKind::Outcome, Some(5 + WINDOW));
    assert_eq!(kinds, [outcome, (OpKind::Incr, None), (OpKind::Incr, None), outcome]);
    // Others write meanwhile: states are told as they were.
    engine.execute(&incr("a"), 6).unwrap();
    let again = ask(&engine, "key", 1, &ops, 6).unwrap();
    assert_eq!((again.replayed, told(&again)), (true, told(&done)));
}

#[test]
fn what_is_refused_leaves_no_trace_of_its_key() {
    let (engine, log) = recorded(options());
    let max = Op::Put { key: as_key("n"), value: ValueRef::Int(i32::MAX) };
    engine.execute(&max, 0).unwrap();
    let before = contents(&engine);
    let overflow = ask(&engine, "key", 1, &[incr("other"), incr("n")], 0);
    assert!(matches!(refusal(overflow), Refusal::Overflow { .. }));
    // Too large to be kept: undone, too.
    let text = "x".repeat(1_100_000);
    let put = Op::Put { key: as_key("long"), value: ValueRef::Str(&text) };
    let get = Op::Get { ty: ValueType::Str, key: as_key("long") };
    let large = ask(&engine, "key", 2, &[put, get], 0);
    assert!(matches!(refusal(large), Refusal::OutcomeTooLarge(1_100_000..)));
    log.close("it is full");
    assert!(matches!(refusal(ask(&engine, "key", 3, &[incr("other")], 0)), Refusal::LogClosed(_)));
    assert_eq!((contents(&engine), engine.last_lsn()), (before, 1));
    assert_eq!(engine.outcome_usage(), engine::OutcomeUsage::default());
}

#[test]
fn keys_beyond_the_limit_are_refused_until_others_expire() {
    let of_keys = OutcomeLimits { window: WINDOW, keys: 3, bytes: usize::MAX };
    let of_bytes = OutcomeLimits { keys: usize::MAX, bytes: 3 * 250, ..of_keys };
    for outcomes in [of_keys, of_bytes] {
        let engine = Engine::new(Options { outcomes, ..Options::default() });
        for number in 0..3 {
            ask(&engine, &format!("key {number}"), 1, &[incr("n")], number).unwrap();
        }
        assert!(matches!(refusal(ask(&engine, "one more", 1, &[incr("n")], 9)), Refusal::TooManyKeys { keys: 3, .. }));
        assert!(ask(&engine, "key 0", 1, &[incr("n")], 9).unwrap().replayed);
        engine.execute(&incr("n"), 9).unwrap();
        assert_eq!(contents(&engine).into_values().collect::<Vec<_>>(), [Value::Int(4)]);
        // The first one expires, wherever it is.
        assert!(!ask(&engine, "one more", 1, &[incr("n")], WINDOW).unwrap().replayed);
        assert!(ask(&engine, "key 1", 1, &[incr("n")], WINDOW).unwrap().replayed);
        assert_eq!(engine.outcome_usage().keys, 3);
    }
}

/// A later outcome of the same key stays, in whatever order they come: a checkpoint may show what came after its base.
#[test]
fn an_earlier_outcome_does_not_replace_a_later_one() {
    let (engine, log) = recorded(options());
    let first = ask(&engine, "key", 1, &[incr("n")], 0).unwrap();
    let second = ask(&engine, "key", 2, &[incr("n")], WINDOW).unwrap();
    assert!(!first.replayed && !second.replayed);
    let recovered = by_checkpoint(&engine);
    Shipped::all_of(&log).batches().iter().for_each(|batch| recovered.replay_batch(batch).expect("it can be read"));
    assert!(ask(&recovered, "key", 2, &[incr("n")], WINDOW).unwrap().replayed);
    assert_eq!(recovered.outcome_usage().keys, 1);
}

/// Threads that send the same requests at the same time.
#[test]
fn of_many_at_a_time_one_is_carried_out() {
    const REQUESTS: u64 = 3_000;
    let (engine, _log) = recorded(Options { shards: 8, ..Options::default() });
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (engine, done) = (&engine, &done);
            scope.spawn(move || {
                let mut chance = StdRng::seed_from_u64(seed.wrapping_add(thread));
                for request in 0..REQUESTS {
                    let fingerprint: Fingerprint = [7; 16];
                    let near = (request + chance.random_range(0..8)).min(REQUESTS - 1);
                    for number in [near, request] {
                        let key = format!("key {number}");
                        let once = Once { key: as_key(&key), fingerprint: &fingerprint };
                        let steps = [incr("n").into(), incr(if number % 2 == 0 { "even" } else { "odd" }).into()];
                        let transacted = engine.transact_once(&[], &steps, &once, 0).expect("there is room");
                        done.fetch_add(u64::from(!transacted.replayed), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(done.into_inner(), REQUESTS);
    let count = |key: &str| match engine.execute(&Op::Get { ty: ValueType::Int, key: as_key(key) }, 0).unwrap().reply {
        Reply::Value(Value::Int(number)) => number as u64,
        other => panic!("{other:?}"),
    };
    assert_eq!([count("n"), count("even"), count("odd")], [REQUESTS, REQUESTS / 2, REQUESTS / 2]);
    assert_eq!(engine.outcome_usage().keys as u64, REQUESTS);
}
