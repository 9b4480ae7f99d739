//! Sessions without the network: a run of request frames is decoded, executed by the engine, and the replies are
//! encoded. Throughput is in requests. Two parts are measured separately, too: decoding, and the engine's batch.
#![allow(missing_docs)] // criterion's macros generate undocumented functions.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use engine::{Engine, Options};
use gateway::access::Caller;
use gateway::budget::Budget;
use gateway::config::Durability;
use gateway::frames::{Executor, Output};
use gateway::service::Service;
use proto::frame::{Frames, RequestFrame, RunDecoder, encode_request};
use proto::{Key, Op, ValueRef, ValueType};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEYS: usize = 1_000_000;

/// Number of requests that arrive together.
const DEPTHS: [usize; 3] = [1, 16, 128];

/// Keys of 16 bytes in a scattered order (Knuth, TAOCP volume 3, 6.4).
fn keys() -> Vec<String> {
    (0..KEYS as u64).map(|n| format!("{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect()
}

fn key(key: &str) -> Key<'_> {
    Key::new(key.as_bytes()).expect("benchmark keys are valid")
}

fn get(name: &str) -> Op<'_> {
    Op::Get { ty: ValueType::Int, key: key(name) }
}

fn put(name: &str) -> Op<'_> {
    Op::Put { key: key(name), value: ValueRef::Int(2) }
}

/// Runs of `depth` requests each, which together cover all keys.
fn runs(keys: &[String], depth: usize, op: impl Fn(&str) -> Op<'_>) -> Vec<Vec<u8>> {
    let encode = |names: &[String]| {
        let mut run = Vec::new();
        for (id, name) in (0..).zip(names) {
            encode_request(&mut run, id, false, &op(name));
        }
        run
    };
    keys.chunks_exact(depth).map(encode).collect()
}

fn session(criterion: &mut Criterion) {
    let keys = keys();
    let engine = Engine::new(Options::default());
    for name in &keys {
        engine.execute(&put(name), 0).expect("no limit is set");
    }
    let engine = Arc::new(engine);
    let service = Service::without_log(Arc::clone(&engine), Durability::Async, Budget::new(1 << 30));
    for depth in DEPTHS {
        let mut group = criterion.benchmark_group(format!("session/depth {depth}"));
        group.throughput(Throughput::Elements(depth as u64));
        for (name, runs) in [("get", runs(&keys, depth, get)), ("put", runs(&keys, depth, put))] {
            let mut next = runs.iter().cycle();
            group.bench_function(format!("decode/{name}"), |bencher| {
                bencher.iter(|| {
                    let run = next.next().expect("a cycle does not end");
                    let complete = RunDecoder::requests(1 << 20).complete(run).expect("the run is valid");
                    for frame in Frames::new(&run[..complete]) {
                        black_box(RequestFrame::decode(frame).expect("the request is valid"));
                    }
                });
            });
            let mut executor = Executor::new(Rc::new(Caller::on_open_server()));
            let mut output = Output::new(Vec::new(), &service);
            group.bench_function(format!("whole/{name}"), |bencher| {
                bencher.iter(|| {
                    let run = next.next().expect("a cycle does not end");
                    let mut frames = Frames::new(run);
                    black_box(executor.execute(&service, 0, &mut frames, &mut output));
                    black_box(output.bytes());
                    output.clear();
                });
            });
        }
        let ops: Vec<Op<'_>> = keys.iter().map(|name| get(name)).collect();
        let mut next = ops.chunks_exact(depth).cycle();
        group.bench_function("engine/get", |bencher| {
            bencher.iter_batched(
                || next.next().expect("a cycle does not end"),
                |ops| {
                    engine.execute_batch(ops, 0, |executed| {
                        black_box(executed);
                        ControlFlow::Continue(())
                    })
                },
                BatchSize::SmallInput,
            );
        });
        group.finish();
    }
}

criterion_group!(benches, session);
criterion_main!(benches);
