//! Encoding, sealing and decoding records: a batch of 1000 int puts with 16-byte keys.
#![allow(missing_docs)] // criterion's macros generate undocumented functions.

use std::hint::black_box;

use bench::{keys, put};
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use proto::{Batch, BatchBuffer, Chain};

const RECORDS: usize = 1000;

fn fill(keys: &[String], memory: Vec<u8>) -> BatchBuffer {
    let mut buffer = BatchBuffer::new(1, memory);
    for (n, key) in keys[..RECORDS].iter().enumerate() {
        buffer.push(&put(key, n as i32), proto::Effect::None, n as i64);
    }
    buffer
}

fn codec(criterion: &mut Criterion) {
    let keys = keys();
    let chain = Chain::start(1);
    let sealed = fill(&keys, Vec::new()).seal(&chain, 1, 0);
    let bytes = Bytes::copy_from_slice(sealed.as_bytes());
    let mut group = criterion.benchmark_group("codec");
    group.throughput(Throughput::Elements(RECORDS as u64));
    group.bench_function("encode and seal", |bencher| {
        let mut memory = Some(Vec::new());
        bencher.iter(|| {
            let batch = fill(&keys, memory.take().unwrap_or_default()).seal(&chain, 1, 0);
            memory = black_box(batch).into_memory();
        });
    });
    group.bench_function("verify and decode", |bencher| {
        bencher.iter(|| {
            let batch = Batch::decode(&bytes).expect("a whole batch");
            assert_eq!(batch.records().filter(Result::is_ok).count(), RECORDS);
        });
    });
    group.finish();
}

criterion_group!(benches, codec);
criterion_main!(benches);
