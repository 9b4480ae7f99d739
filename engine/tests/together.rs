//! Concurrent transactions and operations over several keys: there is one order of all of them that explains every answer and
//! agrees with real time. So nobody sees a part of a transaction, and a condition and what it allows are one step.
//!
//! The checker is the search of `linearizability.rs`, over whole histories instead of those of one key.

mod oracle;
mod shipping;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use engine::{Check, Condition, Engine, NotTransacted, Options, Step};
use oracle::{Oracle, contents};
use proto::{CounterType, Refusal, Reply, Value, ValueType};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use shipping::{Shipped, recorded};
use testkit::arbitrary::{OwnedOp, as_key, packed};

/// Concurrent runs. `KVS_TOGETHER_RUNS` sets another number, for a long run.
const RUNS: u64 = 2_000;

/// At most so many times as many runs, until enough calls overlap.
const MOST: u64 = 10;

const KEYS: [&str; 3] = ["a", "b", "c"];

/// What somebody asks for: steps that are carried out together, if the entries are there or not there as it says.
#[derive(Clone, Debug)]
struct Asked {
    checks: Vec<(ValueType, &'static str, bool)>,
    steps: Vec<OwnedOp>,
}

/// What the steps reply, or why nothing was done.
type Answer = Result<Vec<Reply>, Failed>;

#[derive(Clone, Debug, PartialEq)]
enum Failed {
    /// The condition with this number.
    Condition(usize),
    /// The step with this number.
    Step(usize, Refusal),
}

/// A request and its answer, with the times of a clock that all threads share.
#[derive(Clone, Debug)]
struct Call {
    invoked: u64,
    returned: u64,
    asked: Asked,
    answer: Answer,
}

/// What it must come to in this state, and the state after it.
fn expected(asked: &Asked, state: &Oracle) -> (Answer, Oracle) {
    let there = state.contents();
    let holds =
        |(ty, key, present): &(ValueType, &str, bool)| there.contains_key(&(*ty, (*key).to_owned())) == *present;
    if let Some(failed) = asked.checks.iter().position(|check| !holds(check)) {
        return (Err(Failed::Condition(failed)), state.clone());
    }
    let (mut after, mut replies) = (state.clone(), Vec::new());
    for (number, step) in asked.steps.iter().enumerate() {
        match after.execute(&step.as_op()).result {
            Ok(reply) => replies.push(reply),
            Err(refusal) => return (Err(Failed::Step(number, refusal)), state.clone()),
        }
    }
    (Ok(replies), after)
}

/// Whether the calls can be put into an order that keeps each call that returned before another was invoked in front of that one,
/// and in which each comes to what was answered. At most 64 calls.
fn is_linearizable(history: &[Call]) -> bool {
    assert!(history.len() <= 64, "the set of calls is a 64-bit mask");
    extend(history, 0, &Oracle::default(), &mut HashSet::new())
}

fn extend(history: &[Call], done: u64, state: &Oracle, visited: &mut HashSet<(u64, Oracle)>) -> bool {
    if done.count_ones() as usize == history.len() {
        return true;
    }
    if !visited.insert((done, state.clone())) {
        return false;
    }
    let pending = || history.iter().enumerate().filter(|(n, _)| done & (1 << n) == 0);
    let first_return = pending().map(|(_, call)| call.returned).min().expect("a call is pending");
    pending().filter(|(_, call)| call.invoked < first_return).any(|(n, call)| {
        let (answer, after) = expected(&call.asked, state);
        answer == call.answer && extend(history, done | 1 << n, &after, visited)
    })
}

fn random(rng: &mut StdRng) -> Asked {
    let key = |rng: &mut StdRng| *KEYS.choose(rng).expect("there is a key");
    let of = |rng: &mut StdRng| [ValueType::Int, ValueType::Set][rng.random_range(0..2)];
    let step = |rng: &mut StdRng| {
        let key = key(rng).to_owned();
        match rng.random_range(0..9) {
            0 | 1 => OwnedOp::Put(key, Value::Int(rng.random_range(0..3))),
            2..=4 => OwnedOp::Get(of(rng), key),
            5 => OwnedOp::Incr(CounterType::Int, key),
            6 => OwnedOp::IncrBy(CounterType::Int, key, i64::from(i32::MAX)),
            7 => OwnedOp::Del(of(rng), key),
            _ => OwnedOp::SetAdd(key, packed(["m"])),
        }
    };
    let checks = if rng.random_ratio(1, 3) { rng.random_range(1..=2) } else { 0 };
    Asked {
        checks: (0..checks).map(|_| (of(rng), key(rng), rng.random())).collect(),
        steps: (0..rng.random_range(1..=4)).map(|_| step(rng)).collect(),
    }
}

fn execute(asked: Asked, engine: &Engine, clock: &AtomicU64) -> Call {
    let checks = asked.checks.iter().map(|(ty, key, present)| Check {
        ty: *ty,
        key: as_key(key),
        condition: if *present { Condition::Present } else { Condition::Absent },
    });
    let checks: Vec<Check<'_>> = checks.collect();
    let steps: Vec<Step<'_>> = asked.steps.iter().map(|step| step.as_op().into()).collect();
    let invoked = clock.fetch_add(1, Ordering::SeqCst);
    let done = match &steps[..] {
        // As most requests are.
        [step] if checks.is_empty() => match engine.execute(&step.op, 0) {
            Ok(outcome) => Ok(vec![outcome.reply]),
            Err(refusal) => Err(Failed::Step(0, refusal)),
        },
        _ => match engine.transact(&checks, &steps, 0) {
            Ok(done) => Ok(done.steps.into_iter().map(|step| step.reply).collect()),
            Err(NotTransacted::Condition { check, .. }) => Err(Failed::Condition(check)),
            Err(NotTransacted::Refused { step: Some(step), refusal }) => Err(Failed::Step(step, refusal)),
            Err(other) => panic!("{other:?}: {asked:?}"),
        },
    };
    let returned = clock.fetch_add(1, Ordering::SeqCst);
    Call { invoked, returned, asked, answer: done }
}

/// The calls of some threads that all begin at once, and a look at everything in the end.
fn run(threads: Vec<Vec<Asked>>, engine: &Engine) -> Vec<Call> {
    let (clock, waiting) = (AtomicU64::new(0), AtomicUsize::new(threads.len()));
    let mut calls: Vec<Call> = std::thread::scope(|scope| {
        let (clock, waiting) = (&clock, &waiting);
        let spawn = |asked: Vec<Asked>| {
            scope.spawn(move || {
                waiting.fetch_sub(1, Ordering::SeqCst);
                while waiting.load(Ordering::SeqCst) > 0 {
                    std::thread::yield_now();
                }
                asked.into_iter().map(|asked| execute(asked, engine, clock)).collect::<Vec<_>>()
            })
        };
        let workers: Vec<_> = threads.into_iter().map(spawn).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker panicked")).collect()
    });
    let all = KEYS.into_iter().flat_map(|key| [ValueType::Int, ValueType::Set].map(|ty| OwnedOp::Get(ty, key.into())));
    calls.push(execute(Asked { checks: Vec::new(), steps: all.collect() }, engine, &clock));
    calls
}

/// A call that was made by hand.
fn call(invoked: u64, returned: u64, steps: Vec<OwnedOp>, replies: Vec<Reply>) -> Call {
    Call { invoked, returned, asked: Asked { checks: Vec::new(), steps }, answer: Ok(replies) }
}

fn put(key: &str, value: i32) -> OwnedOp {
    OwnedOp::Put(key.into(), Value::Int(value))
}

fn get(key: &str) -> OwnedOp {
    OwnedOp::Get(ValueType::Int, key.into())
}

fn int(value: i32) -> Reply {
    Reply::Value(Value::Int(value))
}

#[test]
fn half_a_transaction_is_found() {
    let transfer = call(2, 9, vec![put("a", 1), put("b", 1)], vec![Reply::Stored; 2]);
    let both = |a: Reply, b: Reply| {
        [
            call(0, 1, vec![put("a", 0), put("b", 0)], vec![Reply::Stored; 2]),
            transfer.clone(),
            call(3, 4, vec![get("a"), get("b")], vec![a, b]),
        ]
    };
    assert!(is_linearizable(&both(int(0), int(0))) && is_linearizable(&both(int(1), int(1))));
    assert!(!is_linearizable(&both(int(1), int(0))) && !is_linearizable(&both(int(0), int(1))));
    // Also if two requests see it, one after the other.
    let seen = |second: Reply| {
        [
            call(0, 1, vec![put("a", 0), put("b", 0)], vec![Reply::Stored; 2]),
            transfer.clone(),
            call(3, 4, vec![get("a")], vec![int(1)]),
            call(5, 6, vec![get("b")], vec![second]),
        ]
    };
    assert!(is_linearizable(&seen(int(1))) && !is_linearizable(&seen(int(0))));
}

#[test]
fn a_condition_that_another_write_has_passed_is_found() {
    let create = |invoked, returned, answer| Call {
        invoked,
        returned,
        asked: Asked { checks: vec![(ValueType::Int, "a", false)], steps: vec![put("a", 1), put("b", 1)] },
        answer,
    };
    let (done, refused) = (Ok(vec![Reply::Stored; 2]), Err(Failed::Condition(0)));
    assert!(is_linearizable(&[create(0, 3, done.clone()), create(1, 2, refused.clone())]));
    assert!(!is_linearizable(&[create(0, 3, done.clone()), create(1, 2, done)]), "both have created it");
    assert!(!is_linearizable(&[create(0, 3, refused.clone()), create(1, 2, refused)]), "nobody was there before them");
}

#[test]
fn concurrent_transactions_and_operations_have_one_order() {
    let seed = std::env::var("KVS_SEED").ok().map(|seed| seed.parse().expect("KVS_SEED is a number"));
    let seed: u64 = seed.unwrap_or_else(rand::random);
    println!("KVS_SEED={seed}");
    let runs = std::env::var("KVS_TOGETHER_RUNS").ok().map_or(RUNS, |runs| runs.parse().expect("a number"));
    let (mut number, mut overlaps, mut refused, mut wrong) = (0, 0, 0, 0);
    // On a machine that has much else to do, fewer calls overlap: then it takes more runs.
    while number < runs || (overlaps <= runs && number < MOST * runs) {
        let mut rng = StdRng::seed_from_u64(seed.wrapping_add(number));
        let shards = rng.random_range(1..=4);
        let (engine, log) = recorded(Options { shards, ..Options::default() });
        let threads =
            (0..rng.random_range(2..=3)).map(|_| (0..rng.random_range(3..=4)).map(|_| random(&mut rng)).collect());
        let calls = run(threads.collect(), &engine);
        assert!(is_linearizable(&calls), "run {number}: {calls:#?}");
        assert_eq!(contents(&Shipped::all_of(&log).recovered()), contents(&engine), "run {number}");
        let overlap = |a: &Call, b: &Call| a.invoked < b.returned && b.invoked < a.returned;
        overlaps +=
            (0..calls.len()).filter(|n| calls[..*n].iter().any(|other| overlap(other, &calls[*n]))).count() as u64;
        refused += calls.iter().filter(|call| call.answer.is_err()).count() as u64;
        // One of them with the answer of another.
        let mut spoilt = calls.clone();
        let (from, to) = (rng.random_range(0..calls.len()), rng.random_range(0..calls.len()));
        spoilt[to].answer = calls[from].answer.clone();
        wrong += u64::from(!is_linearizable(&spoilt));
        number += 1;
    }
    // Without any of these the test would prove nothing.
    assert!(overlaps > runs && refused > runs / 4 && wrong > runs / 4, "{overlaps} {refused} {wrong} of {number} runs");
    println!(
        "{overlaps} calls overlapped another one in {number} runs, {refused} were refused; {wrong} spoilt histories were found"
    );
}
