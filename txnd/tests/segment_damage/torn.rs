//! Tails as crashes leave them: bytes that were written and never acknowledged, in any state. The log opens with
//! everything that was acknowledged, goes on, and keeps what it cuts off.

use std::path::Path;

use proto::{Batch, Chain};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use tempfile::TempDir;
use testkit::folder::quick_folder;
use txnd::LogWriter;

use crate::log_folder::{
    Ending, Files, SEGMENT_HEADER_BYTES, batches_in, begin, data_end, edit, end, files_with, last_segment, name_of,
    now, recover, segments, torn_tails, write_segments,
};
use crate::writer::{Content, put_text, seal, seed};

/// Batches that were acknowledged before the crash.
const ACKNOWLEDGED: usize = 3;

/// Batches that were appended after them, and not acknowledged.
const OUTSTANDING: usize = 3;

/// A log whose writer died with batches outstanding.
struct Crashed {
    folder: TempDir,
    batches: Vec<Batch>,
    /// Where each batch ends in the only segment.
    ends: Vec<usize>,
    rng: StdRng,
}

impl Crashed {
    fn new() -> Self {
        let seed = seed();
        let (folder, mut content) = (quick_folder(), Content::new(seed));
        let mut writer = begin(folder.path()).unwrap();
        let mut batches = Vec::new();
        for index in 0..ACKNOWLEDGED + OUTSTANDING {
            batches.push(now(writer.append(&content.ops(4))));
            if index < ACKNOWLEDGED {
                now(writer.make_durable());
            }
        }
        drop(writer);
        let found = batches_in(&std::fs::read(last_segment(folder.path())).unwrap());
        let ends = found.into_iter().map(|(range, _)| range.end).collect();
        Self { folder, batches, ends, rng: StdRng::seed_from_u64(seed) }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn acknowledged(&self) -> Chain {
        self.batches[..ACKNOWLEDGED]
            .iter()
            .fold(Chain::start(self.batches[0].log_id()), |chain, next| chain.after(next))
    }

    /// Where the outstanding batch of this number lies, counted from 0.
    fn outstanding(&self, index: usize) -> std::ops::Range<usize> {
        self.ends[ACKNOWLEDGED + index - 1]..self.ends[ACKNOWLEDGED + index]
    }

    fn noise(&mut self, bytes: usize) -> Vec<u8> {
        let mut noise = vec![0; bytes];
        self.rng.fill_bytes(&mut noise);
        noise
    }

    /// Applies the crash to the segment's bytes, then opens the log and goes on with it.
    fn after(&self, crash: impl FnOnce(&mut Vec<u8>)) {
        let segment = last_segment(self.folder());
        edit(&segment, crash);
        let left = std::fs::read(&segment).unwrap();

        let mut log = recover(self.folder()).expect("a torn tail does not stop the start");
        assert!(log.len() >= ACKNOWLEDGED, "{ACKNOWLEDGED} batches were acknowledged, {} are left", log.len());
        assert_eq!(log, self.batches[..log.len()], "what is left is a prefix");
        self.is_kept(&left[self.ends[log.len() - 1]..]);
        let kept = torn_tails(self.folder());
        drop(begin(self.folder()).unwrap());
        assert_eq!(torn_tails(self.folder()), kept, "what was cut off is gone from the segment");

        let mut writer = begin(self.folder()).unwrap();
        for bytes in [1, 30_000, 60_000] {
            log.push(now(writer.append(&[put_text("after the crash", bytes)])));
            now(writer.make_durable());
        }
        end(writer, Ending::Closed);
        assert_eq!(recover(self.folder()), Ok(log));
        assert_eq!(torn_tails(self.folder()), kept);
    }

    /// Checks that `cut`, what lay behind the log's end, is kept, unless it is nothing but zeros.
    fn is_kept(&self, cut: &[u8]) {
        let zeros = cut.iter().rev().take_while(|byte| **byte == 0).count();
        let torn = &cut[..cut.len() - zeros];
        let kept = torn_tails(self.folder());
        match torn {
            [] => assert!(kept.is_empty(), "nothing was torn, and {kept:?} was kept"),
            _ => {
                assert_eq!(kept.len(), 1, "{kept:?}");
                assert!(name_of(&kept[0]).starts_with(name_of(&segments(self.folder())[0])));
                assert!(std::fs::read(&kept[0]).unwrap() == torn, "what was cut off is kept as it was");
            }
        }
    }
}

/// Writes `bytes` at `at`, and makes the segment longer if they need it.
fn put(segment: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    segment.resize(segment.len().max(at + bytes.len()), 0);
    segment[at..at + bytes.len()].copy_from_slice(bytes);
}

#[test]
fn whole_batches_that_were_not_acknowledged() {
    Crashed::new().after(|_| {});
}

#[test]
fn zeros_in_place_of_one_batch() {
    for index in 0..OUTSTANDING {
        let log = Crashed::new();
        log.after(|segment| segment[log.outstanding(index)].fill(0));
    }
}

#[test]
fn one_sector_of_zeros() {
    let log = Crashed::new();
    let start = log.outstanding(0).start;
    log.after(|segment| segment[start..start + 512].fill(0));
}

#[test]
fn half_a_batch() {
    for index in 0..OUTSTANDING {
        let log = Crashed::new();
        let batch = log.outstanding(index);
        log.after(|segment| segment[(batch.start + batch.end) / 2..].fill(0));
    }
}

#[test]
fn half_a_batch_with_whole_ones_behind_it() {
    let log = Crashed::new();
    let batch = log.outstanding(0);
    log.after(|segment| segment[batch.start..batch.end - batch.len() / 2].fill(0));
}

#[test]
fn a_batch_without_its_last_byte() {
    let log = Crashed::new();
    let last = log.outstanding(OUTSTANDING - 1).end - 1;
    log.after(|segment| segment[last] ^= 0xff);
}

#[test]
fn random_bytes() {
    for bytes in [1, 63, 64, 65, 4096, 100_000] {
        let mut log = Crashed::new();
        let noise = log.noise(bytes);
        let first = log.rng.random_range(0..OUTSTANDING);
        let at = log.outstanding(first).start;
        log.after(|segment| put(segment, at, &noise));
    }
}

#[test]
fn random_bytes_behind_the_outstanding_batches() {
    let mut log = Crashed::new();
    let noise = log.noise(5000);
    let at = log.outstanding(OUTSTANDING - 1).end;
    log.after(|segment| put(segment, at, &noise));
}

#[test]
fn a_header_with_random_bytes_behind_it() {
    let mut log = Crashed::new();
    let batch = log.outstanding(0);
    let noise = log.noise(10_000);
    log.after(|segment| put(segment, batch.start + 64, &noise));
}

#[test]
fn a_header_that_claims_the_largest_length() {
    for length in [0, 63, 64, 1 << 20, u32::MAX] {
        let log = Crashed::new();
        let at = log.outstanding(1).start;
        log.after(|segment| put(segment, at + 8, &length.to_le_bytes()));
    }
}

#[test]
fn what_imitates_a_batch_of_another_log_with_a_high_durable_lsn() {
    let imitate = |foreign: Chain| {
        [
            seal(&[put_text("k", 100)], &foreign, u64::MAX, u64::MAX),
            Batch::mark(&foreign, u64::MAX, 0, false),
            Batch::mark(&foreign, u64::MAX, 0, true),
        ]
    };
    for distance in [0, 1, 64, 1000] {
        for kind in 0..3 {
            let log = Crashed::new();
            let foreign = Chain { log_id: !log.acknowledged().log_id, lsn: 1_000_000, checksum: 0 };
            let at = log.outstanding(0).start;
            log.after(|segment| {
                segment[at..].fill(0);
                put(segment, at, b"torn");
                put(segment, at + distance, imitate(foreign)[kind].as_bytes());
            });
        }
    }
}

#[test]
fn a_batch_of_this_log_that_proves_something_and_has_a_wrong_checksum() {
    let log = Crashed::new();
    let mut proof = seal(&[put_text("k", 1)], &log.acknowledged(), 9, u64::MAX).as_bytes().to_vec();
    *proof.last_mut().unwrap() ^= 1;
    let at = log.outstanding(0).start;
    log.after(|segment| {
        segment[at..].fill(0);
        put(segment, at + 100, &proof);
    });
}

#[test]
fn a_mark_that_was_half_written() {
    for half in [1, 8, 32, 63] {
        let folder = quick_folder();
        let batches = write_segments(folder.path(), 1, &mut Content::new(seed()), Ending::Killed);
        edit(&last_segment(folder.path()), |segment| {
            let end = data_end(segment);
            segment[end - half..end].fill(0);
        });
        assert_eq!(recover(folder.path()), Ok(batches));
    }
}

#[test]
fn a_first_batch_that_was_never_acknowledged() {
    let folder = quick_folder();
    let mut writer = begin(folder.path()).unwrap();
    now(writer.append(&[put_text("k", 100)]));
    drop(writer);
    let segment = last_segment(folder.path());
    edit(&segment, |segment| segment[SEGMENT_HEADER_BYTES + 90] ^= 1);
    assert_eq!(recover(folder.path()), Ok(vec![]));
    assert_eq!(torn_tails(folder.path()).len(), 1);
}

#[test]
fn every_torn_tail_is_kept() {
    let folder = quick_folder();
    let mut writer = begin(folder.path()).unwrap();
    now(writer.append(&[put_text("k", 100)]));
    now(writer.make_durable());
    end(writer, Ending::Closed);
    let segment = last_segment(folder.path());
    let at = batches_in(&std::fs::read(&segment).unwrap())[0].0.end;
    // Two crashes in a row, before anything else was stored.
    for tail in [b"first torn tail".as_slice(), b"second torn tail"] {
        edit(&segment, |segment| {
            segment[at..at + 64].fill(0);
            put(segment, at, tail);
        });
        assert_eq!(recover(folder.path()).unwrap().len(), 1);
    }
    let mut kept: Vec<_> = torn_tails(folder.path()).iter().map(|path| std::fs::read(path).unwrap()).collect();
    kept.sort();
    assert_eq!(kept, [&b"first torn tail"[..], b"second torn tail"]);
}

#[test]
fn files_that_were_not_finished_are_removed() {
    let folder = quick_folder();
    let batches = write_segments(folder.path(), 2, &mut Content::new(seed()), Ending::Killed);
    for name in ["MANIFEST.tmp", "00000000000000000099.seg.tmp", "00000000000000000001.seg.torn-64.tmp"] {
        std::fs::write(folder.path().join(name), "unfinished").unwrap();
    }
    assert_eq!(recover(folder.path()), Ok(batches));
    assert!(files_with(folder.path(), |name| name.ends_with(".tmp")).is_empty());
}

#[test]
fn a_first_start_that_was_cut_short() {
    let folder = quick_folder();
    drop(begin(folder.path()).unwrap());
    let manifest = folder.path().join("MANIFEST");
    edit(&manifest, |bytes| {
        let text = String::from_utf8(std::mem::take(bytes)).unwrap();
        let (lines, _) = text.split_once("epoch").unwrap();
        let lines = format!("{}epoch 0\n", lines.replacen("kvs-log 3", "kvs-log 1", 1));
        *bytes = format!("{lines}crc32c {:08x}\n", crc32c::crc32c(lines.as_bytes())).into_bytes();
    });
    let first_segment_is_there = Files::of(folder.path());
    std::fs::remove_file(last_segment(folder.path())).unwrap();
    let manifest_is_there = Files::of(folder.path());
    std::fs::remove_file(manifest).unwrap();
    let lock_is_there = Files::of(folder.path());
    for files in [first_segment_is_there, manifest_is_there, lock_is_there] {
        files.put_back(folder.path());
        let mut writer = begin(folder.path()).unwrap();
        assert_eq!((writer.opened.epoch, writer.opened.chain.lsn), (1, 0));
        let batch = now(writer.append(&[put_text("k", 1)]));
        now(writer.sink.close()).unwrap();
        assert_eq!(recover(folder.path()), Ok(vec![batch]));
    }
}

#[test]
fn a_crash_while_the_next_segment_was_created() {
    let folder = quick_folder();
    let mut writer = begin(folder.path()).unwrap();
    let mut batches = vec![now(writer.append(&[put_text("k", 40_000)]))];
    now(writer.make_durable());
    let before = Files::of(folder.path());
    batches.push(now(writer.append(&[put_text("k", 40_000)])));
    drop(writer);
    let first = segments(folder.path()).remove(0);
    // The second segment has its name, and neither a batch nor the first one's seal reached the disk.
    edit(&last_segment(folder.path()), |segment| segment[SEGMENT_HEADER_BYTES..].fill(0));
    std::fs::write(&first, &before.0[&first]).unwrap();

    batches.truncate(1);
    assert_eq!(recover(folder.path()), Ok(batches.clone()));
    let mut writer = begin(folder.path()).unwrap();
    for bytes in [40_000, 40_000] {
        batches.push(now(writer.append(&[put_text("k", bytes)])));
        now(writer.make_durable());
    }
    drop(writer);
    assert_eq!(recover(folder.path()), Ok(batches));
}
