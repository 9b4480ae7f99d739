//! The engine against its oracle: every answer, every record, and every state that recovery builds from the records.

mod oracle;
mod shipping;

use engine::{Engine, Executed, LogBuffer, Options, Outcome, RecordMode, Share, Stamp};
use oracle::{Oracle, contents};
use proptest::collection::vec;
use proptest::prelude::*;
use proto::options::RecordOptions;
use proto::{Batch, BatchBuffer, BatchError, Chain, Effect, Micros, Op, OpKind, Record, Value, ValueRef, ValueType};
use shipping::{Shipped, recorded};
use std::collections::HashMap;
use std::ops::ControlFlow;
use testkit::arbitrary::{self, OwnedOp, any_op, any_type, as_key, cases};

/// An operation and the time at which it is executed.
type Timed = (OwnedOp, Micros);

/// The key with this number. A slot holds 22 bytes of a key; every third key is longer.
fn numbered_key(number: u32) -> String {
    match number % 3 {
        0 => format!("k{number}"),
        1 => format!("{number:024}"),
        _ => format!("{number:025}é"),
    }
}

/// Few keys, so that operations meet.
fn few_keys() -> BoxedStrategy<String> {
    (0..8u32).prop_map(numbered_key).boxed()
}

/// Few short texts, so that members and fields meet, and texts around the inline limit of 30 bytes.
fn texts() -> BoxedStrategy<String> {
    prop_oneof![4 => "[a-c]?", 1 => "[a-z]{29,31}", 1 => "[é]{14,16}", 1 => "[a-z]{100,200}"].boxed()
}

/// Time goes on, stands still, or jumps by up to two hours either way.
fn timed(ops: Vec<OwnedOp>) -> impl Strategy<Value = Vec<Timed>> {
    const HOUR: Micros = 3_600_000_000;
    let steps = vec(prop_oneof![20 => 0..50i64, 1 => -2 * HOUR..2 * HOUR], ops.len());
    steps.prop_map(move |steps| {
        let times = steps.into_iter().scan(1_700_000_000_000_000, |now, step| {
            *now += step;
            Some(*now)
        });
        ops.iter().cloned().zip(times).collect()
    })
}

fn history() -> impl Strategy<Value = Vec<Timed>> {
    vec(any_op(few_keys(), texts()), 0..200).prop_flat_map(timed)
}

/// How an engine under test is built. The hash function is part of it, so that a failure can be repeated and shrunk.
#[derive(Clone, Copy, Debug)]
struct Setup {
    shards: usize,
    record: RecordMode,
    hash_seed: u64,
}

impl Setup {
    fn options(self) -> Options {
        let Self { shards, record, hash_seed } = self;
        Options { shards, record, hash_seeds: Some([hash_seed, 1, 2, 3]), ..Options::default() }
    }
}

fn setup() -> impl Strategy<Value = Setup> {
    let record = prop_oneof![Just(RecordMode::Writes), Just(RecordMode::All)];
    let shards = prop_oneof![Just(1usize), 1..=64usize];
    (shards, record, any::<u64>()).prop_map(|(shards, record, hash_seed)| Setup { shards, record, hash_seed })
}

/// A record that the log must hold.
#[derive(Debug)]
struct Expected<'a> {
    op: &'a OwnedOp,
    at: Micros,
    effect: Effect,
}

/// Executes `history` on `engine` and checks every answer against the oracle; returns the oracle and what must be in
/// the log.
fn execute_and_compare<'a>(engine: &Engine, history: &'a [Timed], record: RecordMode) -> (Oracle, Vec<Expected<'a>>) {
    let mut oracle = Oracle::default();
    let mut expected = Vec::new();
    for (op, at) in history {
        oracle.next_lsn = expected.len() as u64 + 1;
        let answer = oracle.execute(&op.as_op());
        let is_recorded = match record {
            RecordMode::Writes => answer.effect.is_some(),
            RecordMode::All => answer.result.is_ok(),
        };
        if is_recorded {
            expected.push(Expected { op, at: *at, effect: answer.effect.unwrap_or(answer.idle_effect) });
        }
        // A read's answer waits for nothing, even where the read is recorded.
        let lsn = (is_recorded && op.as_op().kind().writes()).then_some(expected.len() as u64);
        assert_eq!(engine.execute(&op.as_op(), *at), answer.result.map(|reply| Outcome { reply, lsn }), "{op:?}");
    }
    assert_same_state(engine, &oracle);
    (oracle, expected)
}

fn assert_same_state(engine: &Engine, oracle: &Oracle) {
    let expected = oracle.contents();
    assert_eq!(contents(engine), expected);
    assert_eq!((engine.len(), engine.is_empty()), (expected.len(), expected.is_empty()));
}

fn assert_same_stamps(engine: &Engine, oracle: &Oracle) {
    for (ty, key, lsn) in oracle.stamps() {
        assert_eq!(engine.facts(ty, as_key(key)).map(|facts| facts.stamp), Some(Stamp::from(lsn)), "{ty:?} {key}");
    }
}

fn assert_recorded(shipped: &Shipped, expected: &[Expected<'_>]) {
    assert_eq!(shipped.last_lsn(), expected.len() as u64);
    for ((record, expected), lsn) in shipped.records().zip(expected).zip(1..) {
        let Expected { op, at, effect } = *expected;
        assert_eq!(record, Record { lsn, at, op: op.as_op(), effect, options: RecordOptions::default() });
    }
}

/// Recovery record by record, batch by batch, and of the whole run once more: always the state of `oracle`.
fn assert_recovers(shipped: &Shipped, setup: Setup, oracle: &Oracle) {
    let new_engine = || Engine::new(setup.options());

    let by_record = new_engine();
    shipped.records().for_each(|record| by_record.replay(&record));
    assert_same_state(&by_record, oracle);
    assert_same_stamps(&by_record, oracle);

    let by_batch = new_engine();
    shipped.replay_into(&by_batch);
    assert_same_state(&by_batch, oracle);
    assert_same_stamps(&by_batch, oracle);

    // Threads that each replay their share of the keys.
    let by_shares = new_engine();
    std::thread::scope(|scope| {
        for share in Share::all(3) {
            let by_shares = &by_shares;
            scope.spawn(move || {
                let replayed = shipped.batches().iter().try_for_each(|batch| by_shares.replay_share(batch, share));
                replayed.expect("the engine writes readable records");
            });
        }
    });
    assert_same_state(&by_shares, oracle);
    assert_same_stamps(&by_shares, oracle);

    // Once more over what is there.
    shipped.replay_into(&by_batch);
    assert_same_state(&by_batch, oracle);
    assert_same_stamps(&by_batch, oracle);
}

fn check_history(history: &[Timed], setup: Setup, recovery: Setup) {
    let (engine, log) = recorded(setup.options());
    let (oracle, expected) = execute_and_compare(&engine, history, setup.record);
    assert_same_stamps(&engine, &oracle);
    let shipped = Shipped::all_of(&log);
    assert_eq!((log.pending(), log.next_lsn()), (0, expected.len() as u64 + 1));
    assert_recorded(&shipped, &expected);
    assert_recovers(&shipped, recovery, &oracle);
}

/// Runs the same history operation by operation and in batches of `window` operations.
fn one_by_one_and_in_batches(history: &[Timed], window: usize, setup: Setup) -> [(Vec<Executed>, Vec<Batch>); 2] {
    let batches_of = |log: &LogBuffer| Shipped::all_of(log).batches().to_vec();
    let (single, single_log) = recorded(setup.options());
    let (batched, batched_log) = recorded(setup.options());
    let (mut answers, mut batched_answers) = (Vec::new(), Vec::new());
    for window in history.chunks(window) {
        // All operations of a batch have one time.
        let at = window[0].1;
        let ops: Vec<_> = window.iter().map(|(op, _)| op.as_op()).collect();
        answers.extend(ops.iter().map(|op| single.execute(op, at)));
        batched.execute_batch(&ops, at, |one| {
            batched_answers.push(one.clone());
            ControlFlow::Continue(())
        });
    }
    [(answers, batches_of(&single_log)), (batched_answers, batches_of(&batched_log))]
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn answers_records_and_recovery_follow_the_oracle(
        history in history(),
        setup in setup(),
        recovery in setup(),
    ) {
        check_history(&history, setup, recovery);
    }

    #[test]
    fn a_batch_comes_to_what_its_operations_come_to_one_by_one(
        history in history(),
        window in 1usize..50,
        setup in setup(),
    ) {
        let [(single, single_log), (batched, batched_log)] = one_by_one_and_in_batches(&history, window, setup);
        prop_assert_eq!(single, batched);
        prop_assert_eq!(single_log, batched_log);
    }

    #[test]
    fn memory_is_given_back_when_everything_is_deleted(history in history(), setup in setup(), one_by_one: bool) {
        let (engine, _log) = recorded(setup.options());
        let (oracle, _) = execute_and_compare(&engine, &history, setup.record);
        prop_assert_eq!(engine.meter().used() == 0, engine.is_empty());
        let usage = engine.usage();
        prop_assert_eq!(usage.iter().map(|usage| usage.bytes).sum::<usize>(), engine.meter().used());
        prop_assert_eq!(usage.iter().map(|usage| usage.entries).sum::<usize>(), engine.len());
        for (ty, key) in oracle.contents().into_keys() {
            let delete = if one_by_one { OwnedOp::Del(ty, key) } else { OwnedOp::DelAll(key) };
            engine.execute(&delete.as_op(), 0).unwrap();
        }
        prop_assert!(engine.is_empty());
        prop_assert_eq!(engine.meter().used(), 0);
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn without_a_log_stamps_grow_with_every_write(history in entry_history(), shards in 1usize..=4) {
        let engine = Engine::new(Options { shards, ..Options::default() });
        let mut last = HashMap::new();
        for op in &history {
            let before = ValueType::ALL.map(|ty| engine.facts(ty, as_key(&numbered_key(2))).map(|facts| facts.stamp));
            engine.execute(&op.as_op(), 0).ok();
            for (ty, before) in ValueType::ALL.into_iter().zip(before) {
                let after = engine.facts(ty, as_key(&numbered_key(2))).map(|facts| facts.stamp);
                if let Some(after) = after.filter(|after| Some(*after) != before) {
                    // Also beyond a deletion, after which the entry began anew.
                    let earlier = last.insert(ty, after.low_bits());
                    prop_assert!(earlier.is_none_or(|earlier| earlier < after.low_bits()), "{:?} after {:?}", after, op);
                }
            }
        }
    }
}

/// Operations on one key.
fn entry_history() -> impl Strategy<Value = Vec<OwnedOp>> {
    vec(any_op(Just(numbered_key(2)).boxed(), texts()), 0..100)
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn entries_take_the_memory_of_their_content_however_they_came_about(history in entry_history()) {
        let worked_on = Engine::new(Options::default());
        history.iter().for_each(|op| drop(worked_on.execute(&op.as_op(), 0)));
        let put_at_once = Engine::new(Options::default());
        for ((_, key), value) in contents(&worked_on) {
            put_at_once.execute(&OwnedOp::Put(key, value).as_op(), 0).unwrap();
        }
        prop_assert_eq!(worked_on.meter().used(), put_at_once.meter().used());
    }
}

/// Writes many keys of one type, works on them, and deletes them all.
fn growth_and_decline() -> impl Strategy<Value = Vec<Timed>> {
    (any_type(), 1000..5000u32).prop_flat_map(|(ty, keys)| {
        let key = (0..keys).prop_map(numbered_key).boxed();
        vec(any_op(key, texts()), 0..2000).prop_flat_map(move |work| {
            let growth = (0..keys).map(|n| OwnedOp::Put(numbered_key(n), numbered_value(ty, n)));
            let decline = (0..keys).map(|n| OwnedOp::DelAll(numbered_key(n)));
            timed(growth.chain(work).chain(decline).collect())
        })
    })
}

fn numbered_value(ty: ValueType, number: u32) -> Value {
    match ty {
        ValueType::Int => Value::Int(number.cast_signed()),
        ValueType::Uint => Value::Uint(number),
        ValueType::Float => Value::Float(number as f32),
        ValueType::Str => Value::Str(numbered_key(number).as_str().into()),
        ValueType::Map => Value::Map(arbitrary::packed(["a", &numbered_key(number)])),
        ValueType::Set => Value::Set(arbitrary::packed([numbered_key(number)])),
    }
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn thousands_of_entries_grow_and_vanish_as_the_oracle_says(
        history in growth_and_decline(),
        setup in setup(),
        recovery in setup(),
    ) {
        let (growing, declining) = history.split_at(history.iter().rposition(|(op, _)| !is_delete_all(op)).unwrap() + 1);
        check_history(growing, setup, recovery);
        check_history(&[growing, declining].concat(), setup, recovery);
    }
}

fn is_delete_all(op: &OwnedOp) -> bool {
    op.as_op().kind() == OpKind::DelAll
}

#[test]
fn replay_reports_the_record_that_it_cannot_read() {
    let key = as_key("k");
    let mut buffer = BatchBuffer::new(1, Vec::new());
    buffer.push(&Op::Put { key, value: ValueRef::Int(1) }, Effect::None, 0);
    // No boundary lets this value through; its record is one that the decoder refuses.
    buffer.push(&Op::Put { key, value: ValueRef::Str("\0") }, Effect::None, 0);
    let error = Engine::new(Options::default()).replay_batch(&buffer.seal(&Chain::start(1), 0, 0)).unwrap_err();
    assert!(matches!(error, BatchError::Record { index: 1, .. }), "{error}");
}

#[test]
fn a_batch_that_is_broken_off_carries_out_nothing_more() {
    let keys: Vec<String> = (0..40).map(|n| format!("key {n}")).collect();
    let ops: Vec<Op<'_>> = keys.iter().map(|key| Op::Put { key: as_key(key), value: ValueRef::Int(1) }).collect();
    for wanted in 1..=ops.len() {
        let engine = Engine::new(Options::default());
        let mut told = 0;
        let executed = engine.execute_batch(&ops, 0, |_| {
            told += 1;
            if told == wanted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!((executed, told, engine.len()), (wanted, wanted, wanted));
    }
}
