//! The segment sink on a disk that reports an error of `fdatasync` once and has lost what was written, while the page cache still
//! shows it. What the next start serves must be on the disk.
//!
//! Where the machine does not let a test make such a disk, the tests say so and end.

mod log_folder;
mod writer;

use std::path::Path;

use log_folder::{begin, last_segment, now, recover, torn_tails};
use proto::Batch;
use testkit::small_disk::LossyDisk;
use txnd::MIN_SEGMENT_BYTES;
use txnd::{LogWriter, SegmentSink, SinkError, Term};
use writer::{Writer, put_text};

/// Bytes of the text in the batch that is lost: it needs pages that no batch before it was written to.
const LOST_BYTES: usize = 20_000;

/// Batches that are acknowledged after the restart.
const ACKNOWLEDGED_AFTER: usize = 20;

/// Acknowledges some batches, then appends one that the disk loses, and dies. Returns its term, the acknowledged batches and the lost
/// one.
fn lose_a_write(disk: &LossyDisk) -> (Term, Vec<Batch>, Batch) {
    let folder = disk.log();
    let mut writer = begin(&folder).unwrap();
    let mut batches = Vec::new();
    for bytes in [100, 200, 300] {
        batches.push(now(writer.append(&[put_text("acknowledged", bytes)])));
        now(writer.make_durable());
    }
    disk.begin_losing();
    let lost = now(writer.append(&[put_text("lost", LOST_BYTES)]));
    let failed = now(writer.sink.durable()).expect_err("the disk loses what was written");
    assert!(matches!(&failed, SinkError::Failed(why) if why.contains("fdatasync")), "{failed}");
    for again in [now(writer.sink.durable()).map(drop), now(writer.resume()).map(drop), now(writer.sink.close())] {
        assert_eq!(again, Err(failed.clone()), "a failed sync is final");
    }
    (writer.opened, batches, lost)
}

/// Appends batches one by one and waits for each.
fn go_on(writer: &mut Writer<SegmentSink>, batches: &mut Vec<Batch>) {
    for _ in 0..ACKNOWLEDGED_AFTER {
        batches.push(now(writer.append(&[put_text("after", 100)])));
        now(writer.make_durable());
    }
}

/// The error of a start that cannot bring to the disk what it found.
fn is_refused_for_the_disk(refused: &SinkError, folder: &Path) {
    assert!(refused.is_retryable(), "{refused}");
    let message = refused.to_string();
    assert!(message.contains("cannot make durable"), "{message}");
    assert!(message.contains(&last_segment(folder).display().to_string()), "{message}");
}

#[test]
fn what_a_start_serves_is_on_the_disk() {
    let Some(mut disk) = LossyDisk::new() else { return };
    let (_, mut batches, lost) = lose_a_write(&disk);
    disk.stop_losing();

    let mut writer = begin(&disk.log()).unwrap();
    if writer.chain.lsn == lost.last_lsn() {
        batches.push(lost);
    }
    assert!(now(writer.read(1)) == batches);
    go_on(&mut writer, &mut batches);
    drop(writer);
    disk.drop_cache();
    match recover(&disk.log()) {
        Ok(found) => assert!(found == batches, "{} batches were acknowledged, {} are left", batches.len(), found.len()),
        Err(e) => panic!("{} batches were acknowledged: {e}", batches.len()),
    }
    assert!(torn_tails(&disk.log()).is_empty());
}

#[test]
fn a_start_that_was_killed_before_it_wrote_anything_is_on_the_disk() {
    let Some(mut disk) = LossyDisk::new() else { return };
    let (_, mut batches, lost) = lose_a_write(&disk);
    disk.stop_losing();

    let opened = begin(&disk.log()).unwrap().opened;
    if opened.chain.lsn == lost.last_lsn() {
        batches.push(lost);
    }
    disk.drop_cache();
    assert!(recover(&disk.log()) == Ok(batches), "what the first start may have served is there");
}

#[test]
fn a_start_fails_as_long_as_the_disk_loses_writes() {
    let Some(mut disk) = LossyDisk::new() else { return };
    let (opened, mut batches, lost) = lose_a_write(&disk);
    for _ in 0..3 {
        is_refused_for_the_disk(&begin(&disk.log()).unwrap_err(), &disk.log());
        let mut sink = SegmentSink::new(disk.log(), MIN_SEGMENT_BYTES);
        is_refused_for_the_disk(&now(sink.resume(&opened)).unwrap_err(), &disk.log());
    }
    disk.stop_losing();

    let mut writer = begin(&disk.log()).unwrap();
    if writer.chain.lsn == lost.last_lsn() {
        batches.push(lost);
    }
    go_on(&mut writer, &mut batches);
    drop(writer);
    disk.drop_cache();
    assert!(recover(&disk.log()) == Ok(batches));
}

#[test]
fn what_a_resumed_term_takes_for_durable_is_on_the_disk() {
    let Some(mut disk) = LossyDisk::new() else { return };
    let (opened, mut batches, lost) = lose_a_write(&disk);
    disk.stop_losing();

    // The service was started again; the writer still has what was not acknowledged.
    let mut sink = SegmentSink::new(disk.log(), MIN_SEGMENT_BYTES);
    let durable = now(sink.resume(&opened)).unwrap();
    if durable.lsn < lost.last_lsn() {
        now(sink.append(&lost)).unwrap();
        assert_eq!(now(sink.durable()), Ok(lost.last_lsn()));
    }
    let chain = durable.lsn.max(lost.last_lsn());
    batches.push(lost);
    let chain = proto::Chain { lsn: chain, checksum: batches.last().unwrap().checksum(), ..durable };
    let mut writer = Writer { sink, opened, chain, durable: chain.lsn };
    go_on(&mut writer, &mut batches);
    drop(writer);
    disk.drop_cache();
    assert!(recover(&disk.log()) == Ok(batches));
}
