//! Transactions: all or nothing, in memory, in the log and after a recovery; and nobody sees a part of one.

mod oracle;
mod shipping;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use engine::{
    Bounds, Check, Condition, Engine, Facts, Found, NotTransacted, Options, RecordMode, Stamp, Step, StepDone,
    Transacted,
};
use oracle::{Oracle, contents};
use proptest::collection::vec;
use proptest::prelude::*;
use proto::{CounterType, Effect, Lsn, Op, Refusal, Reply, Value, ValueRef, ValueType, record_bytes};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use shipping::{Shipped, quiet_log, recorded};
use testkit::arbitrary::{OwnedOp, any_op, any_type, as_key, cases};

/// A condition that can be made before the state is known.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    Present,
    Absent,
    /// One of the entry's present stamp and another one, or of another one alone.
    OneOf {
        present: bool,
    },
    /// None of them.
    NoneOf {
        present: bool,
    },
}

#[derive(Clone, Debug)]
struct Planned {
    checks: Vec<(ValueType, String, Wanted)>,
    steps: Vec<(OwnedOp, Bounds)>,
    /// Whether everything is shipped before.
    ships: bool,
}

/// Few keys, so that operations meet; some are longer than a slot has room for.
fn few_keys() -> BoxedStrategy<String> {
    (0..6u32).prop_map(|n| if n == 0 { format!("{n:030}") } else { format!("k{n}") }).boxed()
}

fn texts() -> BoxedStrategy<String> {
    prop_oneof![4 => "[a-c]?", 1 => "[a-z]{100,200}"].boxed()
}

fn wanted() -> impl Strategy<Value = Wanted> {
    prop_oneof![
        Just(Wanted::Present),
        Just(Wanted::Absent),
        any::<bool>().prop_map(|present| Wanted::OneOf { present }),
        any::<bool>().prop_map(|present| Wanted::NoneOf { present }),
    ]
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let end = || prop_oneof![2 => Just(None), 1 => (-3..3i64).prop_map(Some)];
    (end(), end()).prop_map(|(min, max)| Bounds { min, max })
}

fn planned() -> impl Strategy<Value = Planned> {
    let check = (any_type(), few_keys(), wanted());
    let step = (any_op(few_keys(), texts()), bounds());
    (vec(check, 0..2), vec(step, 1..8), any::<bool>()).prop_map(|(checks, steps, ships)| Planned {
        checks,
        steps,
        ships,
    })
}

fn stamp_of(oracle: &Oracle, ty: ValueType, key: &str) -> Option<Stamp> {
    oracle.stamps().find(|(of, at, _)| (*of, *at) == (ty, key)).map(|(_, _, lsn)| lsn.into())
}

/// A record that the log must have.
type Expected = (OwnedOp, Effect);

/// What a transaction comes to, with the records that it adds. The oracle changes only if it succeeds.
fn expected(
    oracle: &mut Oracle,
    checks: &[Check<'_>],
    steps: &[(OwnedOp, Bounds)],
    next: Lsn,
    record: RecordMode,
    mut has_room: impl FnMut(usize) -> Result<(), Refusal>,
) -> Result<(Transacted, Vec<Expected>), NotTransacted> {
    for (number, check) in checks.iter().enumerate() {
        let stamp = stamp_of(oracle, check.ty, check.key.as_str());
        let holds = match check.condition {
            Condition::Present => stamp.is_some(),
            Condition::Absent => stamp.is_none(),
            Condition::OneOf(some) => some.iter().any(|one| Some(*one) == stamp),
            Condition::NoneOf(some) => some.iter().all(|one| Some(*one) != stamp),
        };
        if !holds {
            let value = oracle.contents().remove(&(check.ty, check.key.as_str().to_owned()));
            let found = stamp.zip(value).map(|(stamp, value)| Found { stamp, value });
            return Err(NotTransacted::Condition { check: number, found });
        }
    }
    let (mut after, mut done, mut records, mut last) = (oracle.clone(), Vec::new(), Vec::new(), None);
    for (number, (owned, bounds)) in steps.iter().enumerate() {
        let op = owned.as_op();
        let stamp = |oracle: &Oracle| op.value_type().and_then(|ty| stamp_of(oracle, ty, op.key().as_str()));
        let before = stamp(&after);
        let by = match op {
            Op::Incr { ty, .. } => Some((ty, 1)),
            Op::IncrBy { ty, by, .. } => Some((ty, by)),
            _ => None,
        };
        if let Some((ty, by)) = by {
            let counter = after.contents().remove(&(ty.into(), op.key().as_str().to_owned()));
            let value = match counter {
                Some(Value::Int(number)) => number.into(),
                Some(Value::Uint(number)) => number.into(),
                _ => 0,
            };
            let result = i128::from(value) + i128::from(by);
            let beyond = bounds.min.is_some_and(|min| result < min.into());
            if beyond || bounds.max.is_some_and(|max| result > max.into()) {
                return Err(NotTransacted::Bounds { step: number, before: value });
            }
        }
        after.next_lsn = next + records.len() as Lsn;
        let answer = after.execute(&op);
        let reply = answer.result.map_err(|refusal| NotTransacted::Refused { step: Some(number), refusal })?;
        let effect = match record {
            RecordMode::Writes => answer.effect,
            RecordMode::All => Some(answer.effect.unwrap_or(answer.idle_effect)),
        };
        if let Some(effect) = effect {
            last = if op.kind().writes() { Some(after.next_lsn) } else { last };
            records.push((owned.clone(), effect));
        }
        let facts = |stamp| Facts { stamp, expires: None };
        done.push(StepDone { reply, before, after: stamp(&after).map(facts) });
    }
    let mut as_of = next - 1;
    if !records.is_empty() {
        // All but the last of a run say how many follow: in 2 bytes, with 2 before them, in a block with 2 for its length.
        let grouped = 6 * (records.len() - 1);
        let bytes = records.iter().map(|(op, _)| record_bytes(&op.as_op())).sum::<usize>() + grouped;
        let reads = steps.iter().all(|(op, _)| !op.as_op().kind().writes());
        // A step that is alone is carried out like any other operation.
        let alone = steps.len() == 1 && checks.iter().all(|check| check.key == steps[0].0.as_op().key());
        if reads {
            // They go on without their records.
            records.retain(|(op, _)| has_room(record_bytes(&op.as_op())).is_ok());
            as_of += if alone { records.len() as Lsn } else { 0 };
        } else {
            has_room(bytes).map_err(|refusal| NotTransacted::Refused { step: alone.then_some(0), refusal })?;
        }
    }
    *oracle = after;
    Ok((Transacted { steps: done, lsn: last, as_of, replayed: false }, records))
}

/// Carries out all of them and compares everything with the oracle.
fn compare(planned: &[Planned], record: RecordMode, hash_seed: u64, budget: usize) {
    let log = quiet_log(budget);
    let mut engine = Engine::new(Options { record, hash_seeds: Some([hash_seed, 1, 2, 3]), ..Options::default() });
    engine.attach_log(Arc::clone(&log));
    let (mut oracle, mut shipped) = (Oracle::default(), Shipped::nothing());
    let (mut records, mut runs) = (Vec::<Expected>::new(), Vec::new());
    for Planned { checks, steps, ships } in planned {
        if *ships {
            while shipped.ship_one(&log) {}
        }
        let stamps: Vec<_> = checks
            .iter()
            .map(|(ty, key, wanted)| {
                let present = matches!(wanted, Wanted::OneOf { present: true } | Wanted::NoneOf { present: true });
                let stamp = stamp_of(&oracle, *ty, key).filter(|_| present);
                [Some(Stamp::from(1_000_000)), stamp].into_iter().flatten().collect::<Vec<_>>()
            })
            .collect();
        let checks = checks.iter().zip(&stamps).map(|((ty, key, wanted), stamps)| {
            let condition = match wanted {
                Wanted::Present => Condition::Present,
                Wanted::Absent => Condition::Absent,
                Wanted::OneOf { .. } => Condition::OneOf(stamps),
                Wanted::NoneOf { .. } => Condition::NoneOf(stamps),
            };
            Check { ty: *ty, key: as_key(key), condition }
        });
        let checks: Vec<Check<'_>> = checks.collect();
        let ops: Vec<Step<'_>> =
            steps.iter().map(|(op, bounds)| Step { bounds: *bounds, ..op.as_op().into() }).collect();
        let (next, mut pending) = (records.len() as Lsn + 1, log.pending());
        let has_room = |bytes| match pending > 0 && pending.saturating_add(bytes) > budget {
            true => Err(Refusal::LogBehind { pending, budget }),
            false => {
                pending += bytes;
                Ok(())
            }
        };
        let expected = expected(&mut oracle, &checks, steps, next, record, has_room);
        let (expected, more) = match expected {
            Ok((transacted, more)) => (Ok(transacted), more),
            Err(refused) => (Err(refused), Vec::new()),
        };
        assert_eq!(engine.transact(&checks, &ops, 7), expected, "{steps:?}");
        if !more.is_empty() {
            runs.push((next, next + more.len() as Lsn - 1));
        }
        records.extend(more);
        assert_eq!(contents(&engine), oracle.contents());
        for (ty, key, lsn) in oracle.stamps() {
            assert_eq!(engine.facts(ty, as_key(key)).map(|facts| facts.stamp), Some(lsn.into()), "{ty:?} {key}");
        }
    }
    while shipped.ship_one(&log) {}
    assert_eq!(shipped.last_lsn(), records.len() as Lsn);
    for (record, (op, effect)) in shipped.records().zip(&records) {
        assert_eq!((record.op, record.effect), (op.as_op(), *effect));
    }
    for (first, last) in runs {
        let run = || shipped.records().filter(|record| (first..=last).contains(&record.lsn));
        // Reads alone go on each by itself.
        let is_step = run().any(|record| record.op.kind().writes());
        for record in run().filter(|_| is_step) {
            assert_eq!(u64::from(record.options.following), last - record.lsn, "a run from {first} to {last}");
        }
        let is_whole = |batch: &proto::Batch| batch.first_lsn() <= first && last <= batch.last_lsn();
        assert!(shipped.batches().iter().any(is_whole), "records {first} to {last} are in one batch");
    }
    let recovered = shipped.recovered();
    assert_eq!(contents(&recovered), oracle.contents());
    for (ty, key, lsn) in oracle.stamps() {
        assert_eq!(recovered.facts(ty, as_key(key)).map(|facts| facts.stamp), Some(lsn.into()), "{ty:?} {key}");
    }
    let usage = engine.usage().iter().map(|usage| usage.bytes).sum::<usize>();
    assert_eq!(engine.meter().used(), usage, "what was undone has given its memory back");
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn transactions_do_all_or_nothing(
        planned in vec(planned(), 0..40),
        all: bool,
        hash_seed: u64,
        budget in prop_oneof![3 => Just(usize::MAX), 1 => 300..3000usize],
    ) {
        let record = if all { RecordMode::All } else { RecordMode::Writes };
        compare(&planned, record, hash_seed, budget);
    }
}

fn int(step: &StepDone) -> i64 {
    match &step.reply {
        Reply::Value(Value::Int(number)) => (*number).into(),
        Reply::NoEntry => 0,
        other => panic!("{other:?}"),
    }
}

/// Threads that move amounts between accounts.
#[test]
fn nobody_sees_a_part_of_a_transaction() {
    const ACCOUNTS: usize = 12;
    const EACH: i64 = 100;
    let (engine, log) = recorded(Options { shards: 8, ..Options::default() });
    let keys: Vec<String> = (0..ACCOUNTS).map(|n| format!("account {n}")).collect();
    for key in &keys {
        engine.execute(&Op::IncrBy { ty: CounterType::Int, key: as_key(key), by: EACH }, 0).unwrap();
    }
    let (seed, is_done) = (testkit_seed(), AtomicBool::new(false));
    let (moved, refused, sums) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let movers: Vec<_> = (0..3)
            .map(|thread| {
                let (engine, keys, moved, refused) = (&engine, &keys, &moved, &refused);
                scope.spawn(move || {
                    let mut chance = StdRng::seed_from_u64(seed + thread);
                    for _ in 0..20_000 {
                        let [from, to] = [0; 2].map(|_| as_key(&keys[chance.random_range(0..ACCOUNTS)]));
                        let by = chance.random_range(1..60);
                        let bounds = Bounds { min: Some(0), max: None };
                        // The one that may fail comes last, after one that has been carried out.
                        let steps = [
                            Op::IncrBy { ty: CounterType::Int, key: to, by }.into(),
                            Step { bounds, ..Op::IncrBy { ty: CounterType::Int, key: from, by: -by }.into() },
                        ];
                        match engine.transact(&[], &steps, 0) {
                            Ok(_) => moved.fetch_add(1, Ordering::Relaxed),
                            Err(NotTransacted::Bounds { step: 1, .. }) => refused.fetch_add(1, Ordering::Relaxed),
                            Err(other) => panic!("{other:?}"),
                        };
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                let gets = keys.iter().map(|key| Op::Get { ty: ValueType::Int, key: as_key(key) });
                let steps: Vec<Step<'_>> = gets.map(Step::from).collect();
                let seen = engine.transact(&[], &steps, 0).expect("reads succeed").steps;
                let amounts: Vec<i64> = seen.iter().map(int).collect();
                assert_eq!(amounts.iter().sum::<i64>(), ACCOUNTS as i64 * EACH, "{amounts:?}, seed {seed}");
                assert!(amounts.iter().all(|amount| *amount >= 0), "{amounts:?}, seed {seed}");
                sums.fetch_add(1, Ordering::Relaxed);
            }
        });
        movers.into_iter().for_each(|mover| mover.join().expect("no panic"));
        is_done.store(true, Ordering::Relaxed);
    });
    let [moved, refused, sums] = [moved, refused, sums].map(AtomicU64::into_inner);
    assert!(moved > 1000 && refused > 1000 && sums > 100, "{moved} moved, {refused} refused, {sums} sums");
    // After each batch of the log, too.
    let (shipped, recovered) = (Shipped::all_of(&log), Engine::new(Options::default()));
    for batch in shipped.batches() {
        recovered.replay_batch(batch).unwrap();
        let amounts = contents(&recovered).into_values().map(|value| match value {
            Value::Int(number) => i64::from(number),
            other => panic!("{other:?}"),
        });
        assert_eq!(amounts.sum::<i64>(), ACCOUNTS as i64 * EACH);
    }
    assert_eq!(contents(&recovered), contents(&engine));
    for key in &keys {
        let key = as_key(key);
        assert_eq!(recovered.facts(ValueType::Int, key), engine.facts(ValueType::Int, key), "{key}");
    }
}

/// Threads that each add to a text what only a compare-and-set can add without a loss.
#[test]
fn of_those_who_saw_the_same_stamp_one_writes() {
    const THREADS: usize = 4;
    const EACH: usize = 2_000;
    for log in [true, false] {
        let options = Options { shards: 4, ..Options::default() };
        let (logged, buffer) = recorded(options.clone());
        let engine = if log { logged } else { Engine::new(options) };
        let key = as_key("k");
        let lost = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let mut written = 0;
                    while written < EACH {
                        let get = Op::Get { ty: ValueType::Int, key };
                        let seen = engine.transact(&[], &[get.into()], 0).unwrap().steps.remove(0);
                        let stamp = seen.after.map(|facts| facts.stamp);
                        let stamps: Vec<Stamp> = stamp.into_iter().collect();
                        let condition = match &stamps[..] {
                            [] => Condition::Absent,
                            stamps => Condition::OneOf(stamps),
                        };
                        let value = ValueRef::Int(int(&seen) as i32 + 1);
                        let check = Check { ty: ValueType::Int, key, condition };
                        match engine.transact(&[check], &[Op::Put { key, value }.into()], 0) {
                            Ok(done) => {
                                assert_eq!(done.steps[0].before, stamp);
                                written += 1;
                            }
                            Err(NotTransacted::Condition { check: 0, found }) => {
                                assert_ne!(found.map(|found| found.stamp), stamp);
                                lost.fetch_add(1, Ordering::Relaxed);
                            }
                            Err(other) => panic!("{other:?}"),
                        }
                    }
                });
            }
        });
        let expected = Value::Int((THREADS * EACH) as i32);
        assert_eq!(contents(&engine).into_values().collect::<Vec<_>>(), [expected]);
        assert_eq!(Shipped::all_of(&buffer).last_lsn(), if log { (THREADS * EACH) as Lsn } else { 0 });
        println!("{} of them lost a race", lost.into_inner());
    }
}

fn testkit_seed() -> u64 {
    let seed = std::env::var("KVS_SEED").ok().map_or(1, |seed| seed.parse().expect("KVS_SEED is a number"));
    println!("KVS_SEED={seed}");
    seed
}
