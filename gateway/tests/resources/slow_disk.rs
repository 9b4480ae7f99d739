//! Each fdatasync takes long, as on a disk that is shared or worn.

use std::time::{Duration, Instant};

use testkit::forgetful_disk::ForgetfulDisk;

use crate::harness::{Kvs, eventually};
use crate::{assert_kept, value};

/// What each fdatasync takes.
const DELAY: Duration = Duration::from_millis(400);

const VALUE_BYTES: usize = 100;

/// A kvs on a disk that has become so.
fn start(args: &[&str]) -> Option<(Kvs, ForgetfulDisk)> {
    let disk = ForgetfulDisk::new()?;
    let kvs = Kvs::start(&disk.log(), args);
    disk.delay_syncs(DELAY);
    Some((kvs, disk))
}

/// Writes that come meanwhile become durable together, and reads do not wait for them.
#[test]
fn writes_wait_together_and_reads_do_not() {
    const WRITERS: usize = 24;
    let Some((kvs, disk)) = start(&[]) else { return };
    let began = Instant::now();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| {
                let kvs = &kvs;
                scope.spawn(move || kvs.connect().put(&format!("str-put/{n}"), value(n, VALUE_BYTES)).status)
            })
            .collect();
        // The log is busy for as long as any of them waits.
        let (mut reader, mut reads) = (kvs.connect(), 0);
        while writers.iter().any(|writer| !writer.is_finished()) {
            assert_eq!(reader.get("int-get/none").status, 404);
            reads += 1;
        }
        assert!(reads > 20, "{reads} reads in {:?}", began.elapsed());
        assert!(writers.into_iter().all(|writer| writer.join().expect("an answer") == 200));
    });
    let alone = DELAY * WRITERS as u32;
    assert!((DELAY..alone / 2).contains(&began.elapsed()), "{:?}, one by one {alone:?}", began.elapsed());
    kvs.kill();
    assert_kept(&disk.log(), &(0..WRITERS).collect::<Vec<_>>(), VALUE_BYTES);
}

/// A client that waited too long is told that the outcome is unknown. Here it was written after all.
#[test]
fn what_takes_too_long_is_unknown_and_then_there() {
    let Some((kvs, disk)) = start(&["--log-timeout", "100ms"]) else { return };
    kvs.connect().put("str-put/0", value(0, VALUE_BYTES)).assert_error(504, "PUT");
    // Durable writes are told from the log's metrics, which have nothing left to wait for.
    let durable = || {
        let metrics = kvs.operator("/metrics");
        let mut values = metrics.text().lines().filter_map(|line| line.strip_prefix("kvs_log_durable_lsn "));
        values.next().and_then(|lsn| lsn.parse::<f64>().ok())
    };
    eventually("the write is durable", || durable() == Some(1.0));
    kvs.kill();
    assert_kept(&disk.log(), &[0], VALUE_BYTES);
}
