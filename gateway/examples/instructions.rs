//! Runs one hot path a given number of times, for an instruction counter (`cargo xtask instructions`).
//!
//! Everything is deterministic: keys, hash seeds, order. The setup costs the same for any number of operations, so that
//! the difference between two runs is the cost of the path alone.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

use engine::{Check, Condition, Engine, Expires, Options, Step};
use gateway::access::Caller;
use gateway::budget::Budget;
use gateway::config::Durability;
use gateway::frames::{Executor, Output};
use gateway::service::Service;
use proto::frame::{Frames, RequestFrame, encode_request};
use proto::{BatchBuffer, Effect, Key, Op, ValueRef, ValueType};

const KEYS: usize = 4096;
const DEPTH: usize = 128;
/// Operations of an atomic batch.
const ATOMIC: usize = 16;

fn key(key: &str) -> Key<'_> {
    Key::new(key.as_bytes()).expect("the keys are valid")
}

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(path), Some(times)) = (args.next(), args.next().and_then(|times| times.parse::<usize>().ok())) else {
        eprintln!("usage: instructions PATH OPERATIONS; see `cargo xtask instructions`");
        std::process::exit(2);
    };
    let names: Vec<String> =
        (0..KEYS as u64).map(|n| format!("{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect();
    let engine = Engine::new(Options { hash_seeds: Some([1, 2, 3, 4]), ..Options::default() });
    let puts: Vec<Op<'_>> = names.iter().map(|name| Op::Put { key: key(name), value: ValueRef::Int(1) }).collect();
    let gets: Vec<Op<'_>> = names.iter().map(|name| Op::Get { ty: ValueType::Int, key: key(name) }).collect();
    for put in &puts {
        engine.execute(put, 0).expect("no limit is set");
    }
    let ops = if path.ends_with("put") { &puts } else { &gets };
    let runs: Vec<Vec<u8>> = ops
        .chunks(DEPTH)
        .map(|ops| {
            let mut run = Vec::new();
            (0..).zip(ops).for_each(|(id, op)| encode_request(&mut run, id, false, op));
            run
        })
        .collect();
    let engine = Arc::new(engine);
    let service = Service::without_log(Arc::clone(&engine), Durability::Async, Budget::new(0));
    let rounds = times / KEYS;
    for _ in 0..rounds {
        match path.as_str() {
            "single-get" | "single-put" => ops.iter().for_each(|op| drop(black_box(engine.execute(op, 0)))),
            "batch-get" | "batch-put" => {
                for ops in ops.chunks(DEPTH) {
                    engine.execute_batch(ops, 0, |executed| {
                        black_box(executed);
                        ControlFlow::Continue(())
                    });
                }
            }
            "condition-put" => {
                for op in ops {
                    let check = Check { ty: ValueType::Int, key: op.key(), condition: Condition::Present };
                    drop(black_box(engine.transact(&[check], &[(*op).into()], 0)));
                }
            }
            "expiring-put" => {
                for op in ops {
                    let step = Step { expires: Expires::At(1 << 50), ..(*op).into() };
                    drop(black_box(engine.transact(&[], &[step], 0)));
                }
            }
            "atomic-put" => {
                for ops in ops.chunks(ATOMIC) {
                    let steps: Vec<Step<'_>> = ops.iter().map(|op| (*op).into()).collect();
                    drop(black_box(engine.transact(&[], &steps, 0)));
                }
            }
            "decode-get" | "decode-put" => {
                for frame in runs.iter().flat_map(|run| Frames::new(run)) {
                    black_box(RequestFrame::decode(frame).expect("the request is valid"));
                }
            }
            "session-get" | "session-put" => session(&service, &runs),
            "log-put" => {
                let mut buffer = BatchBuffer::new(1, Vec::new());
                for op in ops {
                    let _ = black_box(buffer.push(op, Effect::None, 0));
                }
            }
            other => panic!("unknown path {other}"),
        }
    }
}

fn session(service: &Service, runs: &[Vec<u8>]) {
    let mut executor = Executor::new(Rc::new(Caller::on_open_server()));
    let mut output = Output::new(Vec::with_capacity(64 << 10), service);
    for run in runs {
        black_box(executor.execute(service, 0, &mut Frames::new(run), &mut output));
        output.clear();
    }
}
