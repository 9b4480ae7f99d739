//! What the engine refuses, and what goes on while it refuses.

mod oracle;
mod shipping;

use std::sync::Arc;

use engine::{Engine, LogBuffer, Options, Outcome, RecordMode};
use oracle::{Oracle, contents};
use proptest::collection::vec;
use proptest::prelude::*;
use proto::limits::{BATCH_TARGET_BYTES, MAX_RECORD_BYTES, MAX_VALUE_BYTES};
use proto::record_bytes;
use proto::{CounterType, Op, OpKind, Refusal, Reply, StringsBuf, Value, ValueRef, ValueType};
use shipping::{Shipped, quiet_log};
use testkit::arbitrary::{OwnedOp, any_op, as_key, cases};

fn engine_with(options: Options, log: &Arc<LogBuffer>) -> Engine {
    let mut engine = Engine::new(options);
    engine.attach_log(Arc::clone(log));
    engine
}

/// Options with a memory limit. Keys always hash alike, so that a failure can be repeated and shrunk.
fn bounded(shards: usize, max_memory: usize) -> Options {
    Options { shards, max_memory: Some(max_memory), hash_seeds: Some([1, 2, 3, 4]), ..Options::default() }
}

fn key_number(number: u32) -> String {
    format!("a key that lies on the heap: {number}")
}

fn put_int(key: &str) -> Op<'_> {
    Op::Put { key: as_key(key), value: ValueRef::Int(1) }
}

fn get_int(key: &str) -> Op<'_> {
    Op::Get { ty: ValueType::Int, key: as_key(key) }
}

fn reply(engine: &Engine, op: &Op<'_>) -> Result<Reply, Refusal> {
    engine.execute(op, 0).map(|outcome| outcome.reply)
}

/// Puts integers until one is refused; returns how many were stored and the refusal.
fn fill(engine: &Engine) -> (u32, Refusal) {
    let refused = (0..).find_map(|n| engine.execute(&put_int(&key_number(n)), 0).err().map(|refusal| (n, refusal)));
    refused.expect("some put is refused")
}

fn is_deletion(kind: OpKind) -> bool {
    matches!(kind, OpKind::Del | OpKind::DelAll | OpKind::SetRem | OpKind::MapDel)
}

mod memory {
    use super::*;

    fn crowding_op() -> BoxedStrategy<OwnedOp> {
        let key = prop_oneof!["[a-z]{1,2}", "[a-z]{25,60}"].boxed();
        any_op(key, prop_oneof!["[a-z]{0,4}", "[a-z]{20,300}"].boxed())
    }

    proptest! {
        #![proptest_config(cases(200))]

        #[test]
        fn one_writer_never_gets_past_the_limit(
            ops in vec(crowding_op(), 0..400),
            limit in 0usize..100_000,
            shards in 1usize..=4,
        ) {
            let engine = Engine::new(bounded(shards, limit));
            for op in &ops {
                let _ = engine.execute(&op.as_op(), 0);
                prop_assert!(engine.meter().used() <= limit, "{} of {limit} bytes after {op:?}", engine.meter().used());
            }
        }

        #[test]
        fn a_refusal_changes_nothing_and_hits_only_what_needs_memory(
            ops in vec(crowding_op(), 0..400),
            limit in 0usize..100_000,
            shards in 1usize..=4,
        ) {
            let log = quiet_log(usize::MAX);
            let engine = engine_with(bounded(shards, limit), &log);
            let (mut oracle, mut keys) = (Oracle::default(), Vec::new());
            for op in &ops {
                let result = reply(&engine, &op.as_op());
                if let Err(Refusal::Memory { .. }) = result {
                    let kind = op.as_op().kind();
                    prop_assert!(kind.writes() && !is_deletion(kind), "{op:?} was refused");
                } else {
                    prop_assert_eq!(result, oracle.execute(&op.as_op()).result);
                }
                keys.push(op.as_op().key());
            }
            prop_assert_eq!(contents(&engine), oracle.contents());
            prop_assert_eq!(contents(&Shipped::all_of(&log).recovered()), oracle.contents());
            for key in keys {
                reply(&engine, &Op::DelAll { key }).unwrap();
            }
            prop_assert_eq!(engine.meter().used(), 0);
        }
    }

    #[test]
    fn a_full_engine_reads_and_deletes_and_then_writes_again() {
        const LIMIT: usize = 1 << 20;
        let engine = Engine::new(bounded(4, LIMIT));
        let (stored, refusal) = fill(&engine);
        let used = engine.meter().used();
        assert_eq!(refusal, Refusal::Memory { used, limit: LIMIT });
        assert!(used > LIMIT / 2, "{stored} entries fill {used} bytes");
        assert_eq!(engine.len(), stored as usize);

        assert_eq!(reply(&engine, &get_int(&key_number(0))), Ok(Reply::Value(Value::Int(1))));
        assert_eq!(reply(&engine, &put_int(&key_number(0))), Ok(Reply::Stored), "a write that needs no more memory");
        // The refused key fits once another of its shard is gone.
        for n in 0..stored / 2 {
            assert_eq!(reply(&engine, &Op::DelAll { key: as_key(&key_number(n)) }), Ok(Reply::Deleted(true)));
        }
        assert_eq!(reply(&engine, &put_int(&key_number(stored))), Ok(Reply::Stored));
    }

    /// Puts entries of this value until one is refused; returns how many were stored.
    fn fill_with(engine: &Engine, key: impl Fn(u32) -> String, value: ValueRef<'_>) -> u32 {
        let put = |n: &u32| engine.execute(&Op::Put { key: as_key(&key(*n)), value }, 0).is_err();
        (0..).find(put).expect("some put is refused")
    }

    #[test]
    fn what_deletions_free_is_there_for_every_type() {
        const LIMIT: usize = 32 << 20;
        let text = "a text of fifty bytes, which lies outside of a slot";
        let empty = Engine::new(bounded(64, LIMIT));
        let room = fill_with(&empty, |n| format!("text {n}"), ValueRef::Str(text));
        let engine = Engine::new(bounded(64, LIMIT));
        let stored = fill_with(&engine, |n| format!("int {n}"), ValueRef::Int(1));
        for n in (0..stored).filter(|n| n % 1000 != 0) {
            let key = format!("int {n}");
            assert_eq!(reply(&engine, &Op::Del { ty: ValueType::Int, key: as_key(&key) }), Ok(Reply::Deleted(true)));
        }
        let texts = fill_with(&engine, |n| format!("text {n}"), ValueRef::Str(text));
        assert!(texts > room / 10 * 9, "{texts} texts after {stored} ints, {room} in an empty engine");
    }

    #[test]
    fn replay_knows_no_limit() {
        let log = quiet_log(usize::MAX);
        let engine = engine_with(Options::default(), &log);
        for n in 0..1000 {
            engine.execute(&put_int(&key_number(n)), 0).unwrap();
        }
        let recovered = Engine::new(bounded(1, 0));
        Shipped::all_of(&log).replay_into(&recovered);
        assert_eq!(contents(&recovered), contents(&engine));
        let text = ValueRef::Str("a text that is longer than what a slot holds");
        let more = Op::Put { key: as_key("one more"), value: text };
        assert!(matches!(reply(&recovered, &more), Err(Refusal::Memory { .. })));
        assert_eq!(reply(&recovered, &put_int(&key_number(0))), Ok(Reply::Stored), "a write that needs no more memory");
    }
}

mod log_budget {
    use super::*;

    #[test]
    fn a_log_that_lags_refuses_writes_before_they_are_applied_and_lets_reads_go_on() {
        const BUDGET: usize = 10_000;
        let log = quiet_log(BUDGET);
        let engine = engine_with(Options::default(), &log);
        let (stored, refusal) = fill(&engine);
        assert_eq!(refusal, Refusal::LogBehind { pending: log.pending(), budget: BUDGET });
        assert!(log.pending() <= BUDGET);

        let (present, refused) = (key_number(0), key_number(stored));
        let before = contents(&engine);
        let writes = [
            Op::Incr { ty: CounterType::Uint, key: as_key(&refused) },
            Op::Del { ty: ValueType::Int, key: as_key(&present) },
            Op::DelAll { key: as_key(&present) },
            Op::MapSet { key: as_key(&refused), field: "f", value: "v" },
        ];
        for write in &writes {
            assert!(matches!(reply(&engine, write), Err(Refusal::LogBehind { .. })), "{write:?}");
        }
        assert_eq!(contents(&engine), before);
        assert_eq!(log.next_lsn(), u64::from(stored) + 1, "refused operations get no lsn");
        assert_eq!(reply(&engine, &get_int(&refused)), Ok(Reply::NoEntry));
        assert_eq!(reply(&engine, &get_int(&key_number(0))), Ok(Reply::Value(Value::Int(1))));
        assert_eq!(
            reply(&engine, &Op::DelAll { key: as_key(&refused) }),
            Ok(Reply::Deleted(false)),
            "no effect, no record"
        );
    }

    #[test]
    fn writes_work_again_once_records_are_released() {
        let log = quiet_log(10_000);
        let engine = engine_with(Options::default(), &log);
        let (stored, _) = fill(&engine);
        let buffer = log.take().unwrap();
        assert_eq!(buffer.body_bytes(), log.pending());
        assert!(engine.execute(&put_int("still refused, as nothing is released"), 0).is_err());
        log.release(buffer.body_bytes(), Some(Vec::new()));
        assert_eq!(log.pending(), 0);
        let executed = engine.execute(&put_int("k"), 0);
        assert_eq!(executed, Ok(Outcome { reply: Reply::Stored, lsn: Some(u64::from(stored) + 1) }));
    }

    #[test]
    fn a_record_larger_than_the_budget_is_taken_when_nothing_else_is_pending() {
        let log = quiet_log(100);
        let engine = engine_with(Options::default(), &log);
        let long = "x".repeat(1000);
        let put = Op::Put { key: as_key("k"), value: ValueRef::Str(&long) };
        assert!(engine.execute(&put, 0).is_ok());
        assert!(engine.execute(&put_int("k"), 0).is_err());
        Shipped::nothing().ship_one(&log);
        assert!(engine.execute(&put, 0).is_ok());
    }

    #[test]
    fn reads_that_the_log_had_no_room_for_are_counted() {
        let log = quiet_log(1000);
        let engine = engine_with(Options { record: RecordMode::All, ..Options::default() }, &log);
        fill(&engine);
        let room = 1000 - log.pending();
        let long = "k".repeat(room);
        let read = Op::SetHas { key: as_key(&long), member: "m" };
        assert!(record_bytes(&read) > room);
        assert_eq!(log.unrecorded_reads(), 0);
        assert_eq!(reply(&engine, &read), Ok(Reply::NoEntry));
        assert_eq!(log.unrecorded_reads(), 1);
        let idle = Op::Del { ty: ValueType::Set, key: as_key(&long) };
        assert!(engine.execute(&idle, 0).is_err(), "a write is refused even when it would change nothing");
    }

    #[test]
    fn a_closed_log_refuses_writes_with_its_first_reason_and_still_gives_out_its_records() {
        let log = quiet_log(usize::MAX);
        let engine = engine_with(Options::default(), &log);
        engine.execute(&put_int("k"), 0).unwrap();
        log.close("the disk is full");
        log.close("the server stops");
        assert_eq!(reply(&engine, &put_int("other")), Err(Refusal::LogClosed("the disk is full".into())));
        assert_eq!(reply(&engine, &get_int("other")), Ok(Reply::NoEntry));
        assert_eq!(reply(&engine, &get_int("k")), Ok(Reply::Value(Value::Int(1))));
        assert_eq!(Shipped::all_of(&log).records().count(), 1);
    }

    #[test]
    fn buffers_close_once_they_reach_the_target_size() {
        let log = quiet_log(usize::MAX);
        let engine = engine_with(Options::default(), &log);
        let text = "x".repeat(10_000);
        let put = Op::Put { key: as_key("k"), value: ValueRef::Str(&text) };
        for _ in 0..3 * BATCH_TARGET_BYTES / record_bytes(&put) {
            engine.execute(&put, 0).unwrap();
        }
        let shipped = Shipped::all_of(&log);
        let sizes: Vec<usize> = shipped.batches().iter().map(|batch| batch.body_bytes()).collect();
        let target = BATCH_TARGET_BYTES..BATCH_TARGET_BYTES + record_bytes(&put);
        let (last, full) = sizes.split_last().unwrap();
        assert!(full.len() == 2 && full.iter().all(|size| target.contains(size)), "{sizes:?}");
        assert!(*last < target.end);
    }
}

mod value_size {
    use super::*;

    fn map_set<'a>(field: &'a str, value: &'a str) -> Op<'a> {
        Op::MapSet { key: as_key("k"), field, value }
    }

    /// Adds one member of `bytes` bytes in packed form.
    fn add(engine: &Engine, first: char, bytes: usize) -> Result<Reply, Refusal> {
        let member = format!("{first}{}", "x".repeat(bytes - 5));
        let members: StringsBuf = [member.as_str()].into_iter().collect();
        reply(engine, &Op::SetAdd { key: as_key("k"), members: members.as_strings() })
    }

    #[test]
    fn the_largest_value_can_be_put_and_no_larger_one() {
        let log = quiet_log(usize::MAX);
        let engine = engine_with(Options::default(), &log);
        let text = "x".repeat(MAX_VALUE_BYTES + 1);
        let put = |text| Op::Put { key: as_key("k"), value: ValueRef::Str(text) };
        assert_eq!(reply(&engine, &put(&text)), Err(Refusal::TooLarge(MAX_VALUE_BYTES + 1)));
        assert!(engine.is_empty() && log.pending() == 0);
        assert_eq!(reply(&engine, &put(&text[1..])), Ok(Reply::Stored));
    }

    #[test]
    fn a_map_grows_to_the_largest_value_and_no_further() {
        let engine = Engine::new(Options::default());
        let half = "x".repeat(MAX_VALUE_BYTES / 2 - 9);
        assert_eq!(reply(&engine, &map_set("a", &half)), Ok(Reply::Stored));
        assert_eq!(reply(&engine, &map_set("b", &half)), Ok(Reply::Stored));
        let before = contents(&engine);
        assert_eq!(reply(&engine, &map_set("c", "")), Err(Refusal::TooLarge(MAX_VALUE_BYTES + 9)));
        assert_eq!(reply(&engine, &map_set("b", &format!("{half}x"))), Err(Refusal::TooLarge(MAX_VALUE_BYTES + 1)));
        assert_eq!(contents(&engine), before);
        assert_eq!(reply(&engine, &map_set("b", "")), Ok(Reply::Stored), "a value may shrink");
        assert_eq!(reply(&engine, &map_set("c", "")), Ok(Reply::Stored));
    }

    #[test]
    fn a_first_field_that_is_too_large_creates_no_map() {
        let engine = Engine::new(Options::default());
        let value = "x".repeat(MAX_VALUE_BYTES);
        assert_eq!(reply(&engine, &map_set("f", &value)), Err(Refusal::TooLarge(MAX_VALUE_BYTES + 9)));
        assert!(engine.is_empty() && engine.meter().used() == 0);
    }

    #[test]
    fn a_set_grows_to_the_largest_value_and_no_further() {
        let engine = Engine::new(Options::default());
        assert_eq!(add(&engine, 'a', MAX_VALUE_BYTES + 1), Err(Refusal::TooLarge(MAX_VALUE_BYTES + 1)));
        assert!(engine.is_empty());
        assert_eq!(add(&engine, 'a', MAX_VALUE_BYTES / 2), Ok(Reply::Count(1)));
        assert_eq!(add(&engine, 'b', MAX_VALUE_BYTES / 2), Ok(Reply::Count(1)));
        assert_eq!(add(&engine, 'a', MAX_VALUE_BYTES / 2), Ok(Reply::Count(0)), "it is there already");
        assert_eq!(add(&engine, 'c', 5), Err(Refusal::TooLarge(MAX_VALUE_BYTES + 5)));
    }

    #[test]
    fn the_largest_element_operation_fits_into_a_record() {
        let value = "x".repeat(MAX_VALUE_BYTES);
        let key = "k".repeat(proto::limits::MAX_KEY_BYTES);
        let set = Op::MapSet { key: as_key(&key), field: &value, value: &value };
        assert!(record_bytes(&set) <= MAX_RECORD_BYTES);
    }
}
