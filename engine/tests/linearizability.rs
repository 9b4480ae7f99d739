//! Concurrent requests against one engine: per key, there is an order of them that explains every answer and agrees
//! with real time, and the log's order is such an order.
//!
//! ```text
//!   workers ── calls with the times of invocation and return ──> checker, per key
//!   log     ── records in the order of their lsn ──────────────> oracle and recovery, compared with the engine
//! ```
//!
//! The checker is the search of J. Wing and C. Gong, "Testing and Verifying Concurrent Objects" (1993), which remembers
//! where it has been as in G. Lowe, "Testing for Linearizability" (2017). Another implementation, the one published as
//! `todc-utils`, must agree with it about every history, and about the same history with an answer that nobody got.

mod oracle;
mod shipping;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use engine::{Engine, Executed, Options, Outcome, RecordMode};
use oracle::{Oracle, contents};
use proto::{CounterType, Refusal, Reply, Value, ValueType};
use rand::rngs::StdRng;
use rand::seq::{IndexedMutRandom, IndexedRandom};
use rand::{RngExt, SeedableRng};
use shipping::{Shipped, recorded};
use testkit::arbitrary::{OwnedOp, packed};

/// Concurrent runs of one test.
const RUNS: u64 = 4000;

/// A request and its answer, with the times of a clock that all threads share.
#[derive(Clone, Debug)]
struct Call {
    invoked: u64,
    returned: u64,
    op: OwnedOp,
    executed: Executed,
}

impl Call {
    fn key(&self) -> &str {
        self.op.as_op().key().as_str()
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.invoked < other.returned && other.invoked < self.returned
    }
}

mod checker {
    use super::*;

    /// Whether the calls can be put into an order that keeps each call that returned before another was invoked in
    /// front of that one, and in which the oracle answers as the calls were answered. At most 64 calls.
    pub(super) fn is_linearizable(history: &[Call]) -> bool {
        assert!(history.len() <= 64, "the set of calls is a 64-bit mask");
        Search { history, visited: HashSet::new() }.extend(0, &Oracle::default())
    }

    struct Search<'a> {
        history: &'a [Call],
        /// Calls that were put in order and the state that they led to.
        visited: HashSet<(u64, Oracle)>,
    }

    impl Search<'_> {
        /// Whether the order of the calls in the mask `done`, which leads to `state`, can be extended to all calls.
        fn extend(&mut self, done: u64, state: &Oracle) -> bool {
            if done.count_ones() as usize == self.history.len() {
                return true;
            }
            if !self.visited.insert((done, state.clone())) {
                return false;
            }
            let history = self.history;
            let pending = || history.iter().enumerate().filter(|(n, _)| done & (1 << n) == 0);
            let first_return = pending().map(|(_, call)| call.returned).min().expect("a call is pending");
            pending().filter(|(_, call)| call.invoked < first_return).any(|(n, call)| {
                let mut next = state.clone();
                let result = next.execute(&call.op.as_op()).result;
                same_answer(&result, &call.executed) && self.extend(done | 1 << n, &next)
            })
        }
    }

    fn same_answer(expected: &Result<Reply, Refusal>, executed: &Executed) -> bool {
        expected.as_ref() == executed.as_ref().map(|outcome| &outcome.reply)
    }

    /// A call with an answer made by hand.
    fn call(invoked: u64, returned: u64, op: OwnedOp, reply: Reply) -> Call {
        Call { invoked, returned, op, executed: Ok(Outcome { reply, lsn: None }) }
    }

    fn put(value: i32) -> OwnedOp {
        OwnedOp::Put("k".into(), Value::Int(value))
    }

    fn get() -> OwnedOp {
        OwnedOp::Get(ValueType::Int, "k".into())
    }

    fn int(value: i32) -> Reply {
        Reply::Value(Value::Int(value))
    }

    #[test]
    fn a_read_may_see_a_concurrent_write_or_not() {
        for seen in [int(1), int(2)] {
            let history = [
                call(0, 1, put(1), Reply::Stored),
                call(2, 5, put(2), Reply::Stored),
                call(3, 4, get(), seen),
                call(6, 7, get(), int(2)),
            ];
            assert!(is_linearizable(&history));
        }
    }

    #[test]
    fn a_read_that_misses_a_finished_write_is_found() {
        assert!(!is_linearizable(&[call(0, 1, put(1), Reply::Stored), call(2, 3, get(), Reply::NoEntry)]));
    }

    #[test]
    fn a_read_that_sees_a_write_before_it_began_is_found() {
        assert!(!is_linearizable(&[call(0, 1, get(), int(1)), call(2, 3, put(1), Reply::Stored)]));
    }

    #[test]
    fn a_value_that_goes_back_in_time_is_found() {
        let history = [
            call(0, 1, put(1), Reply::Stored),
            call(2, 9, put(2), Reply::Stored),
            call(3, 4, get(), int(2)),
            call(5, 6, get(), int(1)),
        ];
        assert!(!is_linearizable(&history));
    }

    #[test]
    fn a_lost_update_is_found() {
        let incr = || OwnedOp::Incr(CounterType::Int, "k".into());
        assert!(!is_linearizable(&[call(0, 3, incr(), int(0)), call(1, 2, incr(), int(0))]));
        assert!(is_linearizable(&[call(0, 3, incr(), int(1)), call(1, 2, incr(), int(0))]));
    }

    #[test]
    fn a_half_done_deletion_of_all_types_is_found() {
        let add = OwnedOp::SetAdd("k".into(), packed(["m"]));
        let has = OwnedOp::SetHas("k".into(), "m".into());
        let history = |seen_set| {
            [
                call(0, 1, put(1), Reply::Stored),
                call(2, 3, add.clone(), Reply::Count(1)),
                call(4, 9, OwnedOp::DelAll("k".into()), Reply::Deleted(true)),
                call(5, 6, get(), Reply::NoEntry),
                call(7, 8, has.clone(), seen_set),
            ]
        };
        assert!(is_linearizable(&history(Reply::NoEntry)));
        assert!(!is_linearizable(&history(Reply::Has(true))), "the int is gone and the set is still there");
    }
}

/// The checker that others have written.
mod published {
    use todc_utils::linearizability::WGLChecker;
    use todc_utils::linearizability::history::{Action, History};
    use todc_utils::specifications::Specification;

    use super::*;

    struct Engines;

    impl Specification for Engines {
        type State = Oracle;
        type Operation = (OwnedOp, Result<Reply, Refusal>);

        fn init() -> Oracle {
            Oracle::default()
        }

        fn apply((op, answered): &Self::Operation, state: &Oracle) -> (bool, Oracle) {
            let mut next = state.clone();
            match next.execute(&op.as_op()).result == *answered {
                true => (true, next),
                false => (false, state.clone()),
            }
        }
    }

    /// The same question as that of [`checker::is_linearizable`].
    pub(super) fn is_linearizable(history: &[Call]) -> bool {
        let mut actions = Vec::new();
        for (process, Call { invoked, returned, op, executed }) in history.iter().enumerate() {
            let operation = (op.clone(), executed.clone().map(|outcome| outcome.reply));
            // Calls of a batch are a process each: they have the same times.
            actions.push((*invoked, process, Action::Call(operation.clone())));
            actions.push((*returned, process, Action::Response(operation)));
        }
        actions.sort_by_key(|(time, ..)| *time);
        let actions = actions.into_iter().map(|(_, process, action)| (process, action)).collect();
        WGLChecker::<Engines>::is_linearizable(History::from_actions(actions))
    }
}

/// The history in which one call got the answer of another one.
fn with_a_wrong_answer(history: &[Call], rng: &mut StdRng) -> Vec<Call> {
    let mut wrong = history.to_vec();
    if let (Some(from), Some(to)) = (history.choose(rng), wrong.choose_mut(rng)) {
        to.executed = from.executed.clone();
    }
    wrong
}

/// Says how to repeat the test if it fails.
struct Seed(u64);

impl Seed {
    fn from_environment() -> Self {
        let given = std::env::var("KVS_SEED").ok().map(|seed| seed.parse().expect("KVS_SEED is a number"));
        Self(given.unwrap_or_else(rand::random))
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("repeat the same requests with KVS_SEED={}", self.0);
        }
    }
}

/// What one concurrent run is made of.
#[derive(Debug)]
struct Plan {
    shards: usize,
    record: RecordMode,
    /// For each thread its calls: operations that are executed together, and the pauses around them.
    threads: Vec<Vec<Step>>,
    keys: Vec<String>,
}

#[derive(Debug)]
struct Step {
    ops: Vec<OwnedOp>,
    /// Before the invocation, between it and the execution, and before the return.
    pauses: [Pause; 3],
}

#[derive(Clone, Copy, Debug)]
enum Pause {
    Nothing,
    Spin,
    Yield,
}

fn random_plan(rng: &mut StdRng) -> Plan {
    let keys: Vec<String> = (0..rng.random_range(1..=2)).map(|n| format!("k{n}")).collect();
    let threads = rng.random_range(2..=4);
    let steps = |rng: &mut StdRng| (0..rng.random_range(3..=5)).map(|_| random_step(rng, &keys)).collect();
    Plan {
        shards: rng.random_range(1..=4),
        record: if rng.random() { RecordMode::All } else { RecordMode::Writes },
        threads: (0..threads).map(|_| steps(rng)).collect(),
        keys,
    }
}

fn random_step(rng: &mut StdRng, keys: &[String]) -> Step {
    // One step in five is a small batch.
    let ops = if rng.random_ratio(1, 5) { 2 } else { 1 };
    Step {
        ops: (0..ops).map(|_| random_op(rng, keys)).collect(),
        pauses: [(); 3].map(|()| match rng.random_range(0..4) {
            0 | 1 => Pause::Nothing,
            2 => Pause::Spin,
            _ => Pause::Yield,
        }),
    }
}

fn random_op(rng: &mut StdRng, keys: &[String]) -> OwnedOp {
    let key = keys.choose(rng).expect("there is a key").clone();
    let member = if rng.random() { "a" } else { "b" };
    match rng.random_range(0..12) {
        0 | 1 => OwnedOp::Put(key, Value::Int(rng.random_range(0..3))),
        2 | 3 => OwnedOp::Get(ValueType::Int, key),
        4 | 5 => OwnedOp::Incr(CounterType::Int, key),
        6 => OwnedOp::IncrBy(CounterType::Int, key, rng.random_range(-2..=2) * i64::from(i32::MAX)),
        7 => OwnedOp::Del(ValueType::Int, key),
        8 => OwnedOp::DelAll(key),
        9 => OwnedOp::SetAdd(key, packed(["a", member])),
        10 => OwnedOp::SetRem(key, packed([member])),
        _ => OwnedOp::SetHas(key, member.into()),
    }
}

fn pause(pause: Pause) {
    match pause {
        Pause::Nothing => {}
        Pause::Spin => (0..50).for_each(|_| std::hint::spin_loop()),
        Pause::Yield => std::thread::yield_now(),
    }
}

/// Carries out the plan; the calls of all threads.
fn run(plan: &Plan, engine: &Engine) -> Vec<Call> {
    let (clock, waiting) = (AtomicU64::new(0), AtomicUsize::new(plan.threads.len()));
    let mut calls: Vec<Call> = std::thread::scope(|scope| {
        let (clock, waiting) = (&clock, &waiting);
        let spawn = |steps| {
            scope.spawn(move || {
                // All begin at once: a thread that sleeps at a barrier would wake when the others are done.
                waiting.fetch_sub(1, Ordering::SeqCst);
                while waiting.load(Ordering::SeqCst) > 0 {
                    std::thread::yield_now();
                }
                work(steps, engine, clock)
            })
        };
        let workers: Vec<_> = plan.threads.iter().map(|steps: &Vec<Step>| spawn(steps)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker panicked")).collect()
    });
    // What is there in the end is part of the history.
    for key in &plan.keys {
        for op in [OwnedOp::Get(ValueType::Int, key.clone()), OwnedOp::Get(ValueType::Set, key.clone())] {
            calls.extend(execute(vec![op], [Pause::Nothing; 3], engine, &clock));
        }
    }
    calls
}

fn work(steps: &[Step], engine: &Engine, clock: &AtomicU64) -> Vec<Call> {
    steps.iter().flat_map(|step| execute(step.ops.clone(), step.pauses, engine, clock)).collect()
}

fn execute(ops: Vec<OwnedOp>, pauses: [Pause; 3], engine: &Engine, clock: &AtomicU64) -> Vec<Call> {
    let borrowed: Vec<_> = ops.iter().map(OwnedOp::as_op).collect();
    let mut executed = Vec::new();
    pause(pauses[0]);
    let invoked = clock.fetch_add(1, Ordering::SeqCst);
    pause(pauses[1]);
    match borrowed[..] {
        [op] => executed.push(engine.execute(&op, 0)),
        _ => {
            engine.execute_batch(&borrowed, 0, |one| {
                executed.push(one.clone());
                ControlFlow::Continue(())
            });
        }
    }
    pause(pauses[2]);
    let returned = clock.fetch_add(1, Ordering::SeqCst);
    ops.into_iter().zip(executed).map(|(op, executed)| Call { invoked, returned, op, executed }).collect()
}

/// The log's order explains every answer to a write, agrees with real time, and leads to the engine's state.
fn check_log(shipped: &Shipped, calls: &[Call], engine: &Engine) {
    let mut writes: Vec<(u64, &Call)> =
        calls.iter().filter_map(|call| Some((call.executed.as_ref().ok()?.lsn?, call))).collect();
    writes.sort_by_key(|(lsn, _)| *lsn);
    assert!(writes.windows(2).all(|pair| pair[0].0 < pair[1].0), "an lsn was given twice: {writes:?}");
    for (n, (_, later)) in writes.iter().enumerate() {
        assert!(
            writes[..n].iter().all(|(_, earlier)| earlier.invoked < later.returned),
            "not in real time: {writes:?}"
        );
    }

    let mut oracle = Oracle::default();
    let mut writes = writes.into_iter().peekable();
    for record in shipped.records() {
        let answer = oracle.execute(&record.op);
        assert_eq!(answer.effect.unwrap_or(answer.idle_effect), record.effect, "{record:?}");
        if let Some((_, call)) = writes.next_if(|(lsn, _)| *lsn == record.lsn) {
            assert_eq!(call.op.as_op(), record.op);
            assert_eq!(call.executed.as_ref().map(|outcome| &outcome.reply), answer.result.as_ref(), "{call:?}");
        } else {
            assert!(!record.op.kind().writes(), "nobody was told of this write: {record:?}");
        }
    }
    assert!(writes.next().is_none(), "an lsn without a record");
    assert_eq!(contents(engine), oracle.contents());

    assert_eq!(contents(&shipped.recovered()), contents(engine));
}

#[test]
fn concurrent_requests_are_linearizable_per_key_in_the_order_of_the_log() {
    let seed = Seed::from_environment();
    let (mut overlaps, mut refused) = (0, 0);
    for number in 0..RUNS {
        let mut rng = StdRng::seed_from_u64(seed.0.wrapping_add(number));
        let plan = random_plan(&mut rng);
        let (engine, log) = recorded(Options { shards: plan.shards, record: plan.record, ..Options::default() });
        let calls = run(&plan, &engine);
        check_log(&Shipped::all_of(&log), &calls, &engine);
        for key in &plan.keys {
            let history: Vec<Call> = calls.iter().filter(|call| call.key() == key).cloned().collect();
            assert!(checker::is_linearizable(&history), "run {number} is not linearizable: {history:#?}");
            assert!(published::is_linearizable(&history), "run {number} is not, says the other: {history:#?}");
            let wrong = with_a_wrong_answer(&history, &mut rng);
            let is_linearizable = checker::is_linearizable(&wrong);
            refused += u64::from(!is_linearizable);
            assert_eq!(published::is_linearizable(&wrong), is_linearizable, "they differ: {wrong:#?}");
            let follows = |n: usize| history[..n].iter().any(|earlier| earlier.overlaps(&history[n]));
            overlaps += (0..history.len()).filter(|n| follows(*n)).count() as u64;
        }
    }
    // Without concurrency the test would prove nothing.
    assert!(overlaps > RUNS, "only {overlaps} calls overlapped another one");
    assert!(refused > RUNS / 4, "only {refused} histories with a wrong answer were not linearizable");
    println!("{overlaps} calls overlapped another one in {RUNS} runs; {refused} with a wrong answer were refused");
}
