//! Acknowledged records stay protected, whatever has happened to the log since: damage to them is never taken for a torn
//! tail and cut off in silence.

use std::path::Path;

use testkit::folder::quick_folder;
use txnd::{Location, LogWriter, SinkError};

use crate::log_folder::{
    Files, SEGMENT_HEADER_BYTES, batches_in, begin, data_end, edit, last_segment, now, recover, segments,
};
use crate::writer::put_text;

/// Flips a bit within the last batch of the records up to `acknowledged`, and checks that the log is refused.
fn damage_is_noticed(folder: &Path, acknowledged: u64) {
    let paths = segments(folder);
    let holder = paths.iter().rev().find_map(|path| {
        let found = batches_in(&std::fs::read(path).unwrap());
        let (range, _) = found.into_iter().rfind(|(_, batch)| batch.count() > 0 && batch.last_lsn() <= acknowledged)?;
        Some((path, range))
    });
    let (path, range) = holder.expect("the log holds the acknowledged records");
    edit(path, |segment| segment[range.end - 1] ^= 1);
    match recover(folder) {
        Err(SinkError::Corrupt { place: Location::File { path: file, offset }, .. }) => {
            assert_eq!((&file, offset), (path, range.start as u64))
        }
        Err(other) => panic!("refused for another reason: {other}"),
        Ok(left) => panic!(
            "records up to {acknowledged} were acknowledged; the log opens with those up to {}",
            left.last().map_or(0, |batch| batch.last_lsn())
        ),
    }
}

#[test]
fn right_after_the_acknowledgement() {
    let folder = quick_folder();
    let mut writer = begin(folder.path()).unwrap();
    for _ in 0..2 {
        now(writer.append(&[put_text("k", 100)]));
        now(writer.make_durable());
    }
    drop(writer);
    damage_is_noticed(folder.path(), 2);
}

#[test]
fn after_the_log_was_opened_and_not_written() {
    let folder = quick_folder();
    let mut writer = begin(folder.path()).unwrap();
    now(writer.append(&[put_text("k", 100)]));
    now(writer.make_durable());
    drop(writer);
    for _ in 0..3 {
        drop(begin(folder.path()).unwrap());
    }
    damage_is_noticed(folder.path(), 1);
}

#[test]
fn after_a_torn_tail_was_cut_off() {
    let folder = quick_folder();
    let mut writer = begin(folder.path()).unwrap();
    now(writer.append(&[put_text("acknowledged", 100)]));
    now(writer.make_durable());
    now(writer.append(&[put_text("torn", 100)]));
    drop(writer);
    edit(&last_segment(folder.path()), |segment| {
        let torn = batches_in(segment)[1].0.clone();
        segment[torn.end - 50..torn.end].fill(0);
    });
    let writer = begin(folder.path()).unwrap();
    assert_eq!(writer.opened.chain.lsn, 1, "the torn batch is cut off");
    drop(writer);
    damage_is_noticed(folder.path(), 1);
}

#[test]
fn after_a_torn_tail_behind_the_mark_was_cut_off() {
    let folder = quick_folder();
    let mut writer = begin(folder.path()).unwrap();
    now(writer.append(&[put_text("acknowledged", 100)]));
    now(writer.make_durable());
    drop(writer);
    edit(&last_segment(folder.path()), |segment| {
        let end = data_end(segment);
        segment[end + 5..end + 9].copy_from_slice(b"torn");
    });
    assert_eq!(begin(folder.path()).unwrap().opened.chain.lsn, 1);
    damage_is_noticed(folder.path(), 1);
}

#[test]
fn after_open_has_reported_records_that_were_not_acknowledged_before() {
    let folder = quick_folder();
    let mut writer = begin(folder.path()).unwrap();
    now(writer.append(&[put_text("acknowledged", 100)]));
    now(writer.make_durable());
    now(writer.append(&[put_text("not acknowledged", 100)]));
    drop(writer);
    // "Where the log ends; all of it is durable": from here on the server answers with these records.
    let reported = begin(folder.path()).unwrap().opened.chain.lsn;
    damage_is_noticed(folder.path(), reported);
}

#[test]
fn while_a_batch_is_outstanding_that_was_sealed_before_the_acknowledgement() {
    let folder = quick_folder();
    let mut writer = begin(folder.path()).unwrap();
    // A pipelining writer: the second batch was sealed while the first one was on its way.
    let first = writer.seal(&[put_text("acknowledged", 100)]);
    let second = writer.seal(&[put_text("outstanding", 100)]);
    now(writer.sink.append(&first)).unwrap();
    assert_eq!(now(writer.sink.durable()), Ok(1));
    now(writer.sink.append(&second)).unwrap();
    drop(writer);
    damage_is_noticed(folder.path(), 1);
}

#[test]
fn after_resume_has_reported_them() {
    let folder = quick_folder();
    let mut writer = begin(folder.path()).unwrap();
    now(writer.append(&[put_text("k", 40_000)]));
    let next = writer.seal(&[put_text("k", 40_000)]);
    // Something is in the way of the next segment.
    std::fs::create_dir(folder.path().join("00000000000000000002.seg")).unwrap();
    assert!(now(writer.sink.append(&next)).unwrap_err().is_retryable());
    let reported = now(writer.resume()).unwrap();
    drop(writer);
    std::fs::remove_dir(folder.path().join("00000000000000000002.seg")).unwrap();
    match reported {
        // Resume may as well say that it is not durable.
        0 => assert!(recover(folder.path()).is_ok()),
        _ => damage_is_noticed(folder.path(), reported),
    }
}

#[test]
fn when_the_last_segment_is_lost_after_a_crash_between_its_creation_and_the_seal() {
    let folder = quick_folder();
    let mut writer = begin(folder.path()).unwrap();
    now(writer.append(&[put_text("k", 40_000)]));
    now(writer.make_durable());
    let before = Files::of(folder.path());
    now(writer.append(&[put_text("k", 40_000)]));
    drop(writer);
    // The state between the two steps: the second segment is there and empty, the first one has no seal.
    let (first, second) = (segments(folder.path()).remove(0), last_segment(folder.path()));
    edit(&second, |segment| segment[SEGMENT_HEADER_BYTES..].fill(0));
    std::fs::write(&first, &before.0[&first]).unwrap();

    let mut writer = begin(folder.path()).unwrap();
    now(writer.append(&[put_text("acknowledged", 100)]));
    now(writer.make_durable());
    now(writer.sink.close()).unwrap();
    std::fs::remove_file(&second).unwrap();
    match recover(folder.path()) {
        Err(SinkError::Corrupt { place: Location::File { path: file, .. }, .. }) => assert_eq!(file, second),
        other => panic!("an acknowledged record is gone, and the log opens with {other:?}"),
    }
}
