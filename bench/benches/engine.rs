//! Engine get and put of ints over 1 M keys: one and two threads, single and batched, compared with dashmap with ahash.
//!
//! The time is per operation and thread; with two threads, both run at the same time, each on its own half of the keys.
//! Keys are requested in a random order that is unrelated to the order in which they were stored: otherwise a map's
//! allocations would be read in memory order. dashmap holds `String -> i32` and gets a `&str`: no types, no log, no
//! limits. It is the baseline of a bare concurrent map.
#![allow(missing_docs)] // criterion's macros generate undocumented functions.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use bench::{BATCH, KEYS, get, keys, put};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dashmap::DashMap;
use engine::{Engine, Options};
use proto::Op;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs `work(thread, iterations)` in each of `threads` threads at once; returns the longest time.
fn in_parallel(threads: usize, iterations: u64, work: impl Fn(usize, u64) + Sync) -> Duration {
    let barrier = std::sync::Barrier::new(threads);
    let timed = |thread| {
        barrier.wait();
        let began = Instant::now();
        work(thread, iterations);
        began.elapsed()
    };
    let timed = &timed;
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || timed(thread))).collect();
        running.into_iter().map(|thread| thread.join().expect("a benchmark thread")).max().unwrap_or_default()
    })
}

/// Each thread starts at a different key and wraps around.
fn start(thread: usize) -> usize {
    thread * KEYS / 2
}

fn single<T: Sync>(asked: &[T], work: impl Fn(&T) + Sync) -> impl Fn(usize, u64) + Sync {
    move |thread, iterations| {
        for n in 0..iterations as usize {
            work(&asked[(start(thread) + n) % KEYS]);
        }
    }
}

fn batched(engine: &Engine, ops: &[Op<'_>], thread: usize, iterations: u64) {
    let batches = KEYS / BATCH;
    for n in 0..(iterations as usize).div_ceil(BATCH) {
        let batch = (start(thread) / BATCH + n) % batches * BATCH;
        engine.execute_batch(&ops[batch..batch + BATCH], 0, |executed| {
            black_box(executed);
            ControlFlow::Continue(())
        });
    }
}

fn engine(criterion: &mut Criterion) {
    let keys = keys();
    let engine = Engine::new(Options::default());
    let map: DashMap<String, i32, ahash::RandomState> = DashMap::default();
    for key in &keys {
        engine.execute(&put(key, 1), 0).expect("no limit is set");
        map.insert(key.clone(), 1);
    }
    let mut order: Vec<&String> = keys.iter().collect();
    order.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(1));
    // Copied, so that reading the request costs the same, and little, in every case.
    let asked: Vec<String> = order.into_iter().cloned().collect();
    let gets: Vec<Op<'_>> = asked.iter().map(|key| get(key)).collect();
    let puts: Vec<Op<'_>> = asked.iter().map(|key| put(key, 2)).collect();

    for threads in [1, 2] {
        let mut group = criterion.benchmark_group(format!("engine/{threads} thread"));
        group.throughput(Throughput::Elements(threads as u64));
        group.bench_function("get/dashmap", |bencher| {
            let work = single(&asked, |key| {
                black_box(map.get(key.as_str()).map(|value| *value));
            });
            bencher.iter_custom(|iterations| in_parallel(threads, iterations, &work));
        });
        group.bench_function("get/single", |bencher| {
            let work = single(&gets, |op| drop(black_box(engine.execute(op, 0))));
            bencher.iter_custom(|iterations| in_parallel(threads, iterations, &work));
        });
        group.bench_function("get/batched", |bencher| {
            let work = |thread, iterations| batched(&engine, &gets, thread, iterations);
            bencher.iter_custom(|iterations| in_parallel(threads, iterations, work));
        });
        group.bench_function("put/dashmap", |bencher| {
            let work = single(&asked, |key| {
                if let Some(mut value) = map.get_mut(key.as_str()) {
                    *value = black_box(2);
                }
            });
            bencher.iter_custom(|iterations| in_parallel(threads, iterations, &work));
        });
        group.bench_function("put/single", |bencher| {
            let work = single(&puts, |op| drop(black_box(engine.execute(op, 0))));
            bencher.iter_custom(|iterations| in_parallel(threads, iterations, &work));
        });
        group.bench_function("put/batched", |bencher| {
            let work = |thread, iterations| batched(&engine, &puts, thread, iterations);
            bencher.iter_custom(|iterations| in_parallel(threads, iterations, work));
        });
        group.finish();
    }
}

criterion_group!(benches, engine);
criterion_main!(benches);
