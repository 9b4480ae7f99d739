//! Appending to the segmented file: one record made durable at a time, and large batches for bandwidth.
//!
//! The folder is in `$TMPDIR`; the cost of `fdatasync` depends on the disk under it.
#![allow(missing_docs)] // criterion's macros generate undocumented functions.

use bench::{keys, put};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use proto::{BatchBuffer, Chain};
use txnd::DEFAULT_SEGMENT_BYTES;
use txnd::{LogWriter, SegmentSink};

fn segment(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let keys = keys();
    let mut group = criterion.benchmark_group("segment");
    group.sample_size(20);
    for records in [1, 64, 30_000] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut sink = SegmentSink::new(folder.path(), DEFAULT_SEGMENT_BYTES);
        let opened = runtime.block_on(sink.open()).expect("a new log");
        let mut chain: Chain = opened.chain;
        group.throughput(Throughput::Elements(records as u64));
        group.bench_function(format!("append and sync/{records} records"), |bencher| {
            bencher.iter(|| {
                let mut buffer = BatchBuffer::new(chain.lsn + 1, Vec::new());
                for (n, key) in keys[..records].iter().enumerate() {
                    buffer.push(&put(key, n as i32), proto::Effect::None, 0);
                }
                let batch = buffer.seal(&chain, opened.epoch, chain.lsn);
                chain = chain.after(&batch);
                runtime.block_on(async {
                    sink.append(&batch).await.expect("room on the disk");
                    sink.durable().await.expect("a disk");
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, segment);
criterion_main!(benches);
