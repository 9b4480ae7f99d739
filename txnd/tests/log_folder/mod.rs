//! The folder of a segmented log, taken apart and put together again. Shared by the tests of the segment sink.

// Every test binary that includes this file uses a part of it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::task::Poll;

use bytes::Bytes;
use proto::{Batch, Lsn};
use txnd::MIN_SEGMENT_BYTES;
use txnd::{LogReader, LogWriter, SegmentSink, SinkError};

use crate::writer::{Content, Writer, poll_once, put_text, read};

/// Size of a segment's header, in bytes; see src/segment/file.rs.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 64;

/// How a writer's term ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// In order.
    Closed,
    /// The process died right after everything was acknowledged.
    Killed,
}

impl Ending {
    pub(crate) const ALL: [Self; 2] = [Self::Closed, Self::Killed];
}

/// The result of a call to a file sink, which does its work in the calling thread and never waits.
pub(crate) fn now<F: Future>(call: F) -> F::Output {
    match poll_once(call) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a file sink does not wait"),
    }
}

/// Begins a term with the smallest segments.
pub(crate) fn begin(folder: &Path) -> Result<Writer<SegmentSink>, SinkError> {
    now(Writer::begin(SegmentSink::new(folder, MIN_SEGMENT_BYTES)))
}

/// Ends the term of a writer whose batches are all durable.
pub(crate) fn end(mut writer: Writer<SegmentSink>, ending: Ending) {
    assert_eq!(writer.durable, writer.chain.lsn, "everything is acknowledged");
    match ending {
        Ending::Closed => now(writer.sink.close()).expect("the log is closed"),
        Ending::Killed => drop(writer),
    }
}

/// Opens the log and reads all of it, as a server does that starts.
pub(crate) fn recover(folder: &Path) -> Result<Vec<Batch>, SinkError> {
    let mut writer = begin(folder)?;
    let (batches, chain) = now(read(&mut writer.sink, 1))?;
    assert_eq!(chain, writer.opened.chain, "the log ends where open() said");
    Ok(batches)
}

/// Opens and reads the log, and returns how many batches it holds; they must be the first ones of `expected`. Quicker than
/// [`recover`], because it keeps nothing.
pub(crate) fn recover_prefix(folder: &Path, expected: &[Batch]) -> Result<usize, SinkError> {
    let writer = begin(folder)?;
    let mut rest = expected.iter();
    now(writer.sink.reader().read(1..=Lsn::MAX, &mut async |batch: &Batch| {
        assert_eq!(rest.next(), Some(batch), "what comes back is a prefix of what was appended");
        Ok(())
    }))?;
    Ok(expected.len() - rest.len())
}

/// Writes a log of `count` segments of the smallest size, the last of which holds a few batches; all are acknowledged.
pub(crate) fn write_segments(folder: &Path, count: usize, content: &mut Content, ending: Ending) -> Vec<Batch> {
    let mut writer = begin(folder).expect("a new log");
    let mut batches = Vec::new();
    while segments(folder).len() < count {
        batches.push(now(writer.append(&[put_text("large", 12_000)])));
        batches.push(now(writer.append(&content.ops(5))));
        now(writer.make_durable());
    }
    batches.push(now(writer.append(&content.ops(3))));
    now(writer.make_durable());
    end(writer, ending);
    batches
}

/// The log's segments in the order of their lsn.
pub(crate) fn segments(folder: &Path) -> Vec<PathBuf> {
    files_with(folder, |name| name.ends_with(".seg"))
}

pub(crate) fn last_segment(folder: &Path) -> PathBuf {
    segments(folder).pop().expect("there is a segment")
}

/// What was cut off and kept aside.
pub(crate) fn torn_tails(folder: &Path) -> Vec<PathBuf> {
    files_with(folder, |name| name.contains(".seg.torn-"))
}

pub(crate) fn files_with(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| wanted(name_of(path))).collect();
    paths.sort();
    paths
}

pub(crate) fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("the names of a log's files are text")
}

/// The content of every file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Files(pub(crate) BTreeMap<PathBuf, Vec<u8>>);

impl Files {
    pub(crate) fn of(folder: &Path) -> Self {
        let paths = files_with(folder, |_| true);
        Self(paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect())
    }

    /// Makes the folder what it was.
    pub(crate) fn put_back(&self, folder: &Path) {
        for path in files_with(folder, |_| true) {
            if !self.0.contains_key(&path) {
                std::fs::remove_file(path).unwrap();
            }
        }
        for (path, bytes) in &self.0 {
            std::fs::write(path, bytes).unwrap();
        }
    }
}

/// The batches in a segment's bytes, marks included, and where each of them lies.
pub(crate) fn batches_in(segment: &[u8]) -> Vec<(Range<usize>, Batch)> {
    let bytes = Bytes::copy_from_slice(segment);
    let mut found = Vec::new();
    let mut at = SEGMENT_HEADER_BYTES;
    while let Ok(batch) = Batch::decode(&bytes.slice(at..)) {
        let end = at + batch.as_bytes().len();
        found.push((at..end, batch));
        at = end;
    }
    found
}

/// Where a segment's data ends and its preallocated zeros begin.
pub(crate) fn data_end(segment: &[u8]) -> usize {
    batches_in(segment).last().map_or(SEGMENT_HEADER_BYTES, |(range, _)| range.end)
}

/// Changes the bytes of a file.
pub(crate) fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

/// Makes a segment end with its data, as if it were full: the next batch goes into a new one.
pub(crate) fn make_full(segment: &Path) {
    edit(segment, |bytes| bytes.truncate(data_end(bytes)));
}

/// The permissions of a file or folder.
pub(crate) fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Writes a log of several segments, with a torn tail that is kept, and checks the mode of every file.
pub(crate) fn assert_files_are_private(folder: &Path) {
    write_segments(folder, 3, &mut Content::new(1), Ending::Killed);
    edit(&last_segment(folder), |bytes| {
        let end = data_end(bytes);
        bytes[end + 10] = 1;
    });
    recover(folder).unwrap();
    assert_eq!(torn_tails(folder).len(), 1);
    for file in files_with(folder, |_| true) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}
