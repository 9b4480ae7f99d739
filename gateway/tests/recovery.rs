//! Recovery from a long log. `KVS_RECOVERY_RECORDS` sets how long; `cargo xtask recovery` makes the run of 5 million.

mod harness;

use std::path::Path;

use harness::{Kvs, folder};
use proto::{BatchBuffer, Key, Op, ValueRef};
use txnd::{LogWriter, SegmentSink};

/// Distinct keys in the log.
const KEYS: u64 = 1_000_000;

/// Records in a batch, as under load.
const BATCH: u64 = 10_000;

fn records() -> u64 {
    std::env::var("KVS_RECOVERY_RECORDS").ok().and_then(|records| records.parse().ok()).unwrap_or(200_000)
}

/// The key of record `n`: keys recur in a scattered order.
fn key_of(n: u64) -> String {
    format!("key:{:012}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % KEYS)
}

/// Writes `records` int puts through the sink, as the server would.
async fn write_log(folder: &Path, records: u64) {
    let mut sink = SegmentSink::new(folder, txnd::DEFAULT_SEGMENT_BYTES);
    let opened = sink.open().await.expect("a new log");
    let mut chain = opened.chain;
    for first in (0..records).step_by(BATCH as usize) {
        let mut buffer = BatchBuffer::new(first + 1, Vec::new());
        for n in first..(first + BATCH).min(records) {
            let key = key_of(n);
            let key = Key::new(key.as_bytes()).expect("a key");
            buffer
                .push(&Op::Put { key, value: ValueRef::Int(n as i32) }, proto::Effect::None, n as i64)
                .expect("times are close");
        }
        let batch = buffer.seal(&chain, opened.epoch, chain.lsn);
        chain = chain.after(&batch);
        sink.append(&batch).await.expect("room");
    }
    sink.durable().await.expect("a disk");
    // Dropped without close, as if the process had been killed.
}

#[test]
fn a_long_log_is_recovered_and_its_rate_reported() {
    let folder = folder();
    let records = records();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(write_log(folder.path(), records));

    let kvs = Kvs::start(folder.path(), &[]);
    let report = kvs.lines.iter().find(|line| line.contains("recovered the state")).expect("a report");
    println!("{report}");
    assert!(report.contains(&format!("\"records\":{records}")), "{report}");
    let mut client = kvs.connect();
    // The last record of a key wins.
    for n in [records - 1, records - 2, records - BATCH / 2] {
        assert_eq!(client.get(&format!("int-get/{}", key_of(n))).text(), n.to_string());
    }
}
