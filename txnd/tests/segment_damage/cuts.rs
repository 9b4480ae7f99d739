//! The last segment is cut at every byte of its last 64 KiB of data: the log opens with exactly the batches that are
//! whole before the cut, and goes on from there.

use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use proto::Batch;
use txnd::SegmentSink;

use crate::log_folder::{
    Ending, Files, batches_in, begin, data_end, last_segment, make_full, name_of, now, recover, recover_prefix,
    segments, torn_tails, write_segments,
};
use crate::writer::{Content, Writer, put_text, seed};
use testkit::folder::{is_in_memory, quick_folder};

/// Bytes before the end of the data that are cut at one by one.
const CUT_BYTES: usize = 64 << 10;

/// Size of the last segment.
const LAST_SEGMENT_BYTES: u64 = 256 << 10;

/// Every so many cuts the log is also continued.
const CONTINUE_EVERY: usize = 61;

/// A log and how it lies in its last segment.
struct Log {
    files: Files,
    batches: Vec<Batch>,
    /// The last segment's bytes, up to the end of its data.
    last: Vec<u8>,
    /// How many batches lie in the segments before.
    before: usize,
    /// Where the batches of the last segment end.
    ends: Vec<usize>,
}

#[test]
fn a_log_that_is_cut_anywhere_opens_with_the_batches_before_the_cut() {
    let folder = quick_folder();
    let log = write_log(folder.path(), &mut Content::new(seed()));
    let cuts = log.last.len() - CUT_BYTES..log.last.len() + 1;
    let step = match is_in_memory(folder.path()) {
        true => 1,
        false => {
            println!("only every {CONTINUE_EVERY}th cut is tried: without /dev/shm all of them would take minutes");
            CONTINUE_EVERY
        }
    };
    // Two threads, each on a copy of the log.
    let middle = cuts.start + CUT_BYTES / 2;
    std::thread::scope(|scope| {
        for cuts in [cuts.start..middle, middle..cuts.end] {
            scope.spawn(|| cut_at_each(&log, cuts, step));
        }
    });
}

/// Several small segments, then a large one that holds more data than is cut at.
fn write_log(folder: &Path, content: &mut Content) -> Log {
    let mut batches = Vec::new();
    for count in 1..=3 {
        batches.extend(write_segments(folder, count, content, Ending::Closed));
        make_full(&last_segment(folder));
    }
    let small_segments = segments(folder).len();
    let mut writer = now(Writer::begin(SegmentSink::new(folder, LAST_SEGMENT_BYTES))).unwrap();
    let last = loop {
        if batches.len().is_multiple_of(3) {
            // As if it had been sealed long ago; the mark in front of it stays.
            writer.durable = 0;
        }
        batches.push(now(writer.append(&content.ops(1 + batches.len() % 10))));
        now(writer.make_durable());
        let mut last = std::fs::read(last_segment(folder)).unwrap();
        last.truncate(data_end(&last));
        if segments(folder).len() > small_segments && last.len() > CUT_BYTES + 4096 {
            break last;
        }
    };
    let found = batches_in(&last);
    let ends: Vec<usize> = found.iter().filter(|(_, batch)| batch.count() > 0).map(|(range, _)| range.end).collect();
    drop(writer);
    Log { files: Files::of(folder), before: batches.len() - ends.len(), batches, last, ends }
}

fn cut_at_each(log: &Log, cuts: Range<usize>, step: usize) {
    let folder = quick_folder();
    for (path, bytes) in &log.files.0 {
        std::fs::write(folder.path().join(path.file_name().unwrap()), bytes).unwrap();
    }
    let last = last_segment(folder.path());
    for cut in cuts.step_by(step) {
        std::fs::write(&last, &log.last[..cut]).unwrap();
        let whole = log.before + log.ends.partition_point(|end| *end <= cut);
        assert_eq!(recover_prefix(folder.path(), &log.batches), Ok(whole), "cut at {cut}");
        is_kept(&last, log.ends[whole - log.before - 1], &log.last[..cut]);
        if (cut / step).is_multiple_of(CONTINUE_EVERY) {
            go_on(folder.path(), &log.batches[..whole]);
            segments(folder.path()).iter().filter(|path| **path > last).for_each(|path| {
                std::fs::remove_file(path).unwrap();
            });
        }
    }
}

/// Checks that the bytes behind `end` are kept beside the segment; removes them.
fn is_kept(segment: &Path, end: usize, left: &[u8]) {
    let zeros = |bytes: &[u8]| bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let behind = &left[end..];
    let torn = match Batch::decode(&Bytes::copy_from_slice(behind)) {
        // The mark behind the last batch is no torn tail, unless another batch begins behind it.
        Ok(mark) if behind.len() == mark.as_bytes().len() => &[],
        _ => &behind[..behind.len() - zeros(behind)],
    };
    let kept = torn_tails(segment.parent().unwrap());
    match (torn, &kept[..]) {
        ([], kept) => assert!(kept.is_empty(), "nothing was torn, and there is {kept:?}"),
        (torn, [kept]) => {
            assert!(name_of(kept).ends_with(&format!("-{end}")), "{} does not say from where it is", kept.display());
            assert!(std::fs::read(kept).unwrap() == torn, "{} is not what was cut off", kept.display());
            std::fs::remove_file(kept).unwrap();
        }
        (_, kept) => panic!("one torn tail was cut off at {end}, and there is {kept:?}"),
    }
}

/// Appends to the log, in the present segment and beyond it, and reads everything back.
fn go_on(folder: &Path, before: &[Batch]) {
    let mut writer = begin(folder).unwrap();
    let mut batches = before.to_vec();
    for bytes in [1, 10, 40_000, 40_000] {
        batches.push(now(writer.append(&[put_text("after the cut", bytes)])));
        now(writer.make_durable());
    }
    assert_eq!(now(writer.read(1)), batches);
    drop(writer);
    assert_eq!(recover(folder), Ok(batches));
}
