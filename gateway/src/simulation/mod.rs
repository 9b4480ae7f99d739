//! The log in a simulated deployment, under a seed: two kvs that take the log from each other, txnd, and what lies
//! between them.
//!
//! ```text
//!   kvs a ── proxy ──> txnd ──> storage        Witness: what was acknowledged, and what must hold because of it
//!   kvs b ───────────>  │
//!                       └ one clock, one thread, one source of chance
//! ```
//!
//! Real are the front door and everything behind it: service, engine, log buffer, shipper, checkpointer, recovery, the
//! remote writer, gRPC and its service, the sink's thread, and in every second run the segment files. Simulated are time and
//! network (`turmoil`), and the moments at which programs die.
//!
//! ```text
//!   mod.rs       runs: seeds, and the end of each
//!   faults.rs    what goes wrong
//!   kvs.rs       a kvs that starts, serves clients and ends, again and again
//!   txnd.rs      the service, and connections to it
//!   storage.rs   where txnd keeps the log
//!   witness.rs   what clients were told, compared with the log
//! ```

mod faults;
mod kvs;
mod storage;
mod txnd;
mod witness;

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use faults::Faults;
use storage::{Memory, Segments, Storage};
use witness::{Shared, Summary, Witness};

/// Runs in a test. `KVS_SIMULATIONS` sets another number.
const RUNS: u64 = 1000;

/// A long test says how far it is after so many runs.
const PROGRESS: u64 = 1000;

/// How long faults happen, in simulated time.
const TROUBLE: Duration = Duration::from_millis(2500);

/// How long it may take afterwards until writes are acknowledged again. The longest waits are those for connections that have
/// fallen silent.
const RECOVERY: Duration = Duration::from_secs(60);

/// Writes that must be acknowledged after the last fault.
const AFTERWARDS: u64 = 20;

/// One run.
fn simulate<S: Storage>(seed: u64) -> Result<Summary, String> {
    let storage = S::new();
    let world: Shared = Rc::new(Witness::new(seed).into());
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .simulation_duration(Duration::from_secs(3600))
        .min_message_latency(Duration::ZERO)
        .max_message_latency(Duration::from_millis(4))
        .tcp_capacity(1 << 16)
        .enable_random_order()
        .build();
    {
        let storage = storage.clone();
        sim.host(txnd::HOST, move || txnd::serve(storage.writer()));
    }
    sim.host(txnd::PROXY, txnd::forward);
    for (name, through) in [("kvs-a", txnd::PROXY), ("kvs-b", txnd::HOST)] {
        let (world, storage) = (Rc::clone(&world), storage.clone());
        sim.host(name, move || kvs::run(Rc::clone(&world), storage.clone(), through));
    }

    let mut faults = Faults::new(seed, storage.clone());
    while sim.elapsed() < TROUBLE {
        step(&mut sim, &world)?;
        faults.strike(&mut sim);
    }
    faults.heal(&mut sim);
    let (healed, before) = (sim.elapsed(), world.borrow().acknowledgements());
    while world.borrow().acknowledgements() < before + AFTERWARDS {
        step(&mut sim, &world)?;
        if sim.elapsed() > healed + RECOVERY {
            return Err(format!("{RECOVERY:?} after the last fault, writes are still not acknowledged"));
        }
    }
    // Ends every program: what is stored is the log.
    drop(sim);
    let log = storage::batches(&storage.reader())?;
    let world = world.borrow();
    world.check(&log)?;
    Ok(Summary { faults: faults.count(), ..world.summary() })
}

fn step(sim: &mut turmoil::Sim<'_>, world: &Shared) -> Result<(), String> {
    sim.step().map_err(|e| e.to_string())?;
    world.borrow().verdict()
}

fn simulate_any(seed: u64) -> Result<Summary, String> {
    match seed.is_multiple_of(2) {
        true => simulate::<Memory>(seed),
        false => simulate::<Segments>(seed),
    }
}

/// Runs the seeds that `next` hands out. Each thread has simulations of its own.
fn some_runs(first: u64, next: &AtomicU64, runs: u64) -> Summary {
    ::txnd::thread::simulate();
    let mut sum = Summary::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= runs {
            return sum;
        }
        if number > 0 && number.is_multiple_of(PROGRESS) {
            println!("{number} of {runs} runs");
        }
        let seed = first.wrapping_add(number);
        match simulate_any(seed) {
            Ok(one) => sum = sum.and(one),
            Err(what) => {
                // No other thread begins another one.
                next.store(runs, Ordering::Relaxed);
                panic!("{what}; repeat it with KVS_SEED={seed} KVS_SIMULATIONS=1");
            }
        }
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn whatever_happens_what_was_acknowledged_is_in_the_log_once() {
    let runs = variable("KVS_SIMULATIONS").unwrap_or(RUNS);
    let first = variable("KVS_SEED").unwrap_or_else(rand::random);
    println!("KVS_SEED={first} KVS_SIMULATIONS={runs}");
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(runs as usize);
    let sum = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| some_runs(first, &next, runs))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|e| std::panic::resume_unwind(e)))
            .fold(Summary::default(), Summary::and)
    });
    println!("{runs} runs: {sum:?}");
    // Otherwise it would prove nothing.
    assert!(sum.acknowledged > 20 * runs && sum.recoveries > 2 * runs && sum.faults > 5 * runs, "{sum:?}");
    assert!(runs < 100 || sum.checkpoints > runs, "{sum:?}");
}

#[test]
fn a_seed_always_gives_the_same_run() {
    std::thread::spawn(|| {
        ::txnd::thread::simulate();
        for seed in 0..4 {
            assert_eq!(simulate_any(seed), simulate_any(seed), "seed {seed}");
        }
    })
    .join()
    .expect("the runs are the same");
}
