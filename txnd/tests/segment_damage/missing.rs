//! Files that are missing, renamed, exchanged, cut, of another log or of a newer format: the log is refused, and the
//! message names the file.

use std::path::{Path, PathBuf};

use proto::{BATCH_VERSION, Batch, BatchError, Chain};
use testkit::folder::quick_folder;
use txnd::{Location, SinkError};

use crate::log_folder::{
    Ending, Files, SEGMENT_HEADER_BYTES, batches_in, begin, edit, end, files_with, last_segment, make_full, name_of,
    now, recover, segments, write_segments,
};
use crate::writer::{Content, put_text, seal, seed};

/// Segments of the log that is damaged.
const SEGMENTS: usize = 4;

/// Damages the log in a copy of it, for every way in which it may have ended, and checks that it is refused with a message
/// that names one of the files that `damage` returns.
fn is_refused(damage: impl Fn(&Path) -> Vec<PathBuf>) {
    for ending in Ending::ALL {
        let folder = quick_folder();
        write_segments(folder.path(), SEGMENTS, &mut Content::new(seed()), ending);
        let named = damage(folder.path());
        let files = Files::of(folder.path());
        for attempt in 1..=2 {
            let error = recover(folder.path()).expect_err("a damaged log is refused");
            let SinkError::Corrupt { place: Location::File { path: file, .. }, .. } = &error else {
                panic!("{ending:?}: {error}")
            };
            assert!(named.contains(file), "{ending:?}, attempt {attempt}: {error}; expected one of {named:?}");
            assert!(error.to_string().contains(name_of(file)), "{error}");
        }
        let left = Files::of(folder.path());
        for segment in segments(folder.path()) {
            assert!(left.0[&segment] == files.0[&segment], "{ending:?}: {} was changed", segment.display());
        }
    }
}

fn rename(from: &Path, to: &Path) {
    std::fs::rename(from, to).unwrap();
}

fn remove(path: &Path) {
    std::fs::remove_file(path).unwrap();
}

#[test]
fn the_damaged_log_is_sound_before_it_is_damaged() {
    for ending in Ending::ALL {
        let folder = quick_folder();
        let batches = write_segments(folder.path(), SEGMENTS, &mut Content::new(seed()), ending);
        assert_eq!(segments(folder.path()).len(), SEGMENTS);
        assert_eq!(recover(folder.path()), Ok(batches));
    }
}

#[test]
fn a_missing_segment() {
    for index in 0..SEGMENTS {
        is_refused(|folder| {
            let segment = segments(folder).remove(index);
            remove(&segment);
            vec![segment]
        });
    }
}

#[test]
fn several_missing_segments() {
    for missing in [0..2, 1..3, 2..4, 1..4, 0..4] {
        is_refused(|folder| {
            let segments = &segments(folder)[missing.clone()];
            segments.iter().for_each(|segment| remove(segment));
            segments.to_vec()
        });
    }
}

#[test]
fn a_missing_last_segment_that_held_nothing_yet() {
    let folder = quick_folder();
    let mut writer = begin(folder.path()).unwrap();
    // Two batches that do not fit into one segment; the second is never written.
    now(writer.append(&[put_text("k", 40_000)]));
    now(writer.append(&[put_text("k", 40_000)]));
    drop(writer);
    let last = last_segment(folder.path());
    assert_eq!(segments(folder.path()).len(), 2);
    remove(&last);
    assert!(
        matches!(recover(folder.path()), Err(SinkError::Corrupt { place: Location::File { path: file, .. }, .. }) if file == last)
    );
}

#[test]
fn a_renamed_segment() {
    for index in 0..SEGMENTS {
        for name in ["00000000000000000002.seg", "99999999999999999999.seg", "old.seg", "segment.bak"] {
            is_refused(|folder| {
                let segment = segments(folder).remove(index);
                let renamed = folder.join(name);
                rename(&segment, &renamed);
                vec![segment, renamed]
            });
        }
    }
}

#[test]
fn a_segment_that_is_there_twice() {
    is_refused(|folder| {
        let copy = folder.join("00000000000000000002.seg");
        std::fs::copy(&segments(folder)[0], &copy).unwrap();
        vec![copy]
    });
}

#[test]
fn two_segments_that_changed_places() {
    for (one, other) in [(0, 1), (1, 2), (0, SEGMENTS - 1), (SEGMENTS - 2, SEGMENTS - 1)] {
        is_refused(|folder| {
            let segments = segments(folder);
            let aside = folder.join("aside");
            rename(&segments[one], &aside);
            rename(&segments[other], &segments[one]);
            rename(&aside, &segments[other]);
            vec![segments[one].clone(), segments[other].clone()]
        });
    }
}

#[test]
fn a_segment_of_another_log() {
    for index in 0..SEGMENTS {
        is_refused(|folder| {
            let other = quick_folder();
            write_segments(other.path(), SEGMENTS, &mut Content::new(seed()), Ending::Closed);
            let segment = segments(folder).remove(index);
            std::fs::copy(segments(other.path()).remove(index), &segment).unwrap();
            vec![segment]
        });
    }
}

#[test]
fn the_manifest_of_another_log() {
    is_refused(|folder| {
        let other = quick_folder();
        begin(other.path()).unwrap();
        std::fs::copy(other.path().join("MANIFEST"), folder.join("MANIFEST")).unwrap();
        files_with(folder, |name| name == "MANIFEST" || name.ends_with(".seg"))
    });
}

#[test]
fn a_missing_manifest() {
    is_refused(|folder| {
        remove(&folder.join("MANIFEST"));
        vec![folder.join("MANIFEST")]
    });
}

#[test]
fn a_manifest_that_was_cut() {
    for length in [0, 1, 9, 10, 31, 45] {
        is_refused(|folder| {
            edit(&folder.join("MANIFEST"), |bytes| bytes.truncate(length));
            vec![folder.join("MANIFEST")]
        });
    }
}

#[test]
fn everything_but_lock_and_manifest() {
    is_refused(|folder| {
        let gone = files_with(folder, |name| name != "LOCK" && name != "MANIFEST");
        gone.iter().for_each(|path| remove(path));
        gone
    });
}

#[test]
fn a_header_that_was_cut() {
    for index in 0..SEGMENTS {
        for length in [0, 1, SEGMENT_HEADER_BYTES - 1] {
            is_refused(|folder| {
                let segment = segments(folder).remove(index);
                edit(&segment, |bytes| bytes.truncate(length));
                vec![segment]
            });
        }
    }
}

#[test]
fn a_segment_before_the_last_that_was_cut() {
    for index in 0..SEGMENTS - 1 {
        is_refused(|folder| {
            let segment = segments(folder).remove(index);
            edit(&segment, |bytes| bytes.truncate(batches_in(bytes)[1].0.end));
            vec![segment]
        });
    }
}

#[test]
fn a_segment_before_the_last_without_its_last_batch() {
    for index in 0..SEGMENTS - 1 {
        is_refused(|folder| {
            let segment = segments(folder).remove(index);
            edit(&segment, |bytes| {
                let found = batches_in(bytes);
                let (last, _) = found.iter().rfind(|(_, batch)| batch.count() > 0).unwrap();
                bytes[last.start..].fill(0);
            });
            vec![segment]
        });
    }
}

/// Puts `version` at the start of `field` and a right checksum over the first 60 bytes, as every header has it.
fn set_version(header: &mut [u8], field: &[u8]) {
    header[4..4 + field.len()].copy_from_slice(field);
    let checksum = crc32c::crc32c(&header[..60]);
    header[60..64].copy_from_slice(&checksum.to_le_bytes());
}

#[test]
fn a_segment_of_a_newer_format() {
    for index in 0..SEGMENTS {
        is_refused(|folder| {
            let segment = segments(folder).remove(index);
            edit(&segment, |bytes| set_version(bytes, &2u32.to_le_bytes()));
            assert!(recover(folder).unwrap_err().to_string().contains("format version 2"));
            vec![segment]
        });
    }
}

#[test]
fn a_batch_of_a_newer_format() {
    const NEWER: u16 = BATCH_VERSION + 1;
    let newer = BatchError::Version(NEWER).to_string();
    for ending in Ending::ALL {
        // In the last segment, and in the one before.
        for goes_on in [false, true] {
            let folder = quick_folder();
            let mut writer = begin(folder.path()).unwrap();
            now(writer.append(&[put_text("k", 1)]));
            let chain = writer.chain;
            now(writer.make_durable());
            end(writer, ending);
            let segment = last_segment(folder.path());
            // A newer program's batch has this program's header, as far as version and checksum go.
            let mut batch = seal(&[], &chain, 2, chain.lsn).as_bytes().to_vec();
            set_version(&mut batch, &NEWER.to_le_bytes());
            if goes_on {
                make_full(&segment);
                let mut writer = begin(folder.path()).unwrap();
                now(writer.append(&[put_text("k", 2)]));
                now(writer.make_durable());
                end(writer, ending);
            }
            edit(&segment, |bytes| {
                let at = if goes_on { SEGMENT_HEADER_BYTES } else { batches_in(bytes)[0].0.end };
                bytes[at..at + batch.len()].copy_from_slice(&batch);
            });
            let error = recover(folder.path()).unwrap_err();
            assert!(
                matches!(&error, SinkError::Corrupt { place: Location::File { path: file, .. }, .. } if *file == segment),
                "{error}"
            );
            assert!(error.to_string().contains(&newer), "{error}");
        }
    }
}

#[test]
fn a_manifest_that_says_another_format_than_it_has() {
    is_refused(|folder| {
        let manifest = folder.join("MANIFEST");
        edit(&manifest, |bytes| {
            let text = String::from_utf8(std::mem::take(bytes)).unwrap();
            let (lines, _) = text.split_once("crc32c").unwrap();
            let lines = lines.replacen("kvs-log 3", "kvs-log 2", 1);
            let checksum = crc32c::crc32c(lines.as_bytes());
            *bytes = format!("{lines}crc32c {checksum:08x}\n").into_bytes();
        });
        let message = recover(folder).unwrap_err().to_string();
        assert!(message.contains("kvs-log 2"), "it names what it found: {message}");
        vec![manifest]
    });
}

#[test]
fn a_foreign_file_among_the_segments() {
    is_refused(|folder| {
        let foreign = folder.join("notes.seg");
        std::fs::write(&foreign, "not a segment, although it is long enough to be one: ".repeat(9)).unwrap();
        vec![foreign]
    });
}

#[test]
fn the_history_of_the_same_log_that_went_another_way() {
    is_refused(|folder| {
        // A copy of the log that another process continued from an earlier state.
        let (before, last) = (Files::of(folder), last_segment(folder));
        let mut writer = begin(folder).unwrap();
        let chain: Chain = writer.chain;
        now(writer.append(&[put_text("here", 60_000)]));
        now(writer.append(&[put_text("here", 60_000)]));
        now(writer.make_durable());
        drop(writer);
        let here = Files::of(folder);
        let next = segments(folder).into_iter().find(|path| *path > last).unwrap();

        before.put_back(folder);
        let mut writer = begin(folder).unwrap();
        assert_eq!(writer.chain, chain);
        now(writer.append(&[put_text("there", 60_000)]));
        now(writer.append(&[put_text("there", 60_000)]));
        now(writer.make_durable());
        drop(writer);
        std::fs::write(&next, &here.0[&next]).unwrap();
        vec![last, next]
    });
}

#[test]
fn a_batch_of_the_history_that_went_another_way() {
    // Nothing but the checksum in the next batch tells it from the one that was there.
    is_refused(|folder| {
        let (before, last) = (Files::of(folder), last_segment(folder));
        let go_on = |key| {
            let mut writer = begin(folder).unwrap();
            let lsn = writer.chain.lsn + 1;
            now(writer.append(&[put_text(key, 100)]));
            now(writer.append(&[put_text("both", 100)]));
            now(writer.make_durable());
            drop(writer);
            let bytes = std::fs::read(&last).unwrap();
            let is_first = |(_, batch): &(_, Batch)| batch.count() > 0 && batch.first_lsn() == lsn;
            let (range, _) = batches_in(&bytes).into_iter().find(is_first).expect("it is in the last segment");
            (range.clone(), bytes[range].to_vec())
        };
        let (there, other) = go_on("other");
        before.put_back(folder);
        let (here, own) = go_on("owner");
        assert!(here == there && own != other);
        edit(&last, |bytes| bytes[here].copy_from_slice(&other));
        vec![last]
    });
}
