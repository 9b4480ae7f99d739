//! Walks through a segment's batches, and decides what their end means.

use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};

use bytes::Bytes;
use proto::{Batch, BatchError, Chain, Lsn};

use super::file::{self, SegmentFile};
use super::header::HEADER_BYTES;
use crate::sink::{Location, SinkError};

/// Where a segment's batches end.
#[derive(Debug)]
pub(super) struct End {
    /// End of the log after its last batch.
    pub(super) chain: Chain,
    /// Offset after the last batch.
    pub(super) offset: usize,
    /// The mark at `offset`, if there is one.
    pub(super) mark: Option<Batch>,
    /// Whether the segment says that the log continues in another one.
    pub(super) sealed: bool,
    /// Bytes after `offset` that were never acknowledged.
    pub(super) torn: Option<Range<usize>>,
    /// The segment's content when it was read and checked.
    pub(super) content: Bytes,
}

/// A position in a segment's content.
struct Cursor {
    content: Bytes,
    offset: usize,
    chain: Chain,
}

impl Cursor {
    fn at_start(segment: &SegmentFile, memory: Vec<u8>) -> Result<Self, SinkError> {
        Ok(Self { content: segment.content(memory)?, offset: HEADER_BYTES, chain: segment.start })
    }

    /// Decodes the batch at this position, which may be a mark. The cursor does not move.
    fn peek(&self) -> Result<Batch, BatchError> {
        Batch::decode(&self.content.slice(self.offset.min(self.content.len())..))
    }

    fn pass(&mut self, batch: &Batch) {
        self.chain = self.chain.after(batch);
        self.offset += batch.as_bytes().len();
    }

    fn corrupt(&self, segment: &SegmentFile, what: impl Into<String>) -> SinkError {
        let place = Location::File { path: segment.path.clone(), offset: self.offset as u64 };
        SinkError::Corrupt { place, lsn: self.chain.lsn + 1, what: what.into() }
    }
}

/// Passes the batches of `segment` that hold records of `lsns` to `visit`. They must lead exactly to `end`, if `lsns`
/// reaches that far. The content is read into `memory`, which is returned for the next segment: fresh pages would cost
/// a fifth of recovery.
pub(super) async fn read(
    segment: &SegmentFile,
    memory: Vec<u8>,
    end: Chain,
    lsns: &RangeInclusive<Lsn>,
    visit: &mut impl AsyncFnMut(&Batch) -> Result<(), BatchError>,
) -> Result<Vec<u8>, SinkError> {
    let mut cursor = Cursor::at_start(segment, memory)?;
    while cursor.chain.lsn < end.lsn.min(*lsns.end()) {
        let batch = match cursor.peek() {
            Ok(batch) if batch.is_sealed() => return Err(missing_after(segment, &cursor.chain)),
            Ok(batch) if cursor.chain.continues_with(&batch) => batch,
            Ok(_) => return Err(cursor.corrupt(segment, "the batch here does not continue the one before it")),
            Err(e) => return Err(cursor.corrupt(segment, e.to_string())),
        };
        if batch.count() > 0 && batch.last_lsn() >= *lsns.start() {
            visit(&batch).await.map_err(|e| cursor.corrupt(segment, e.to_string()))?;
        }
        cursor.pass(&batch);
    }
    match cursor.chain == end || cursor.chain.lsn < end.lsn {
        // A visitor that keeps batches keeps this memory.
        true => Ok(cursor.content.try_into_mut().map(Vec::from).unwrap_or_default()),
        false => Err(cursor.corrupt(segment, "the next segment does not continue this one")),
    }
}

/// The error for a segment that ends properly, at `end`, when the segment that continues from there is missing.
pub(super) fn missing_after(segment: &SegmentFile, end: &Chain) -> SinkError {
    file::missing(segment.path.parent().unwrap_or(&segment.path), end.lsn + 1)
}

/// The end of what `segment` itself shows to be durable. Bytes that its writer is writing at the moment end it, like
/// any others that are not a batch.
pub(super) fn proven_end(segment: &SegmentFile) -> Result<Chain, SinkError> {
    let mut cursor = Cursor::at_start(segment, Vec::new())?;
    // A segment begins once everything before it is durable.
    let (mut proven, mut unproven) = (segment.start, VecDeque::new());
    while let Ok(batch) = cursor.peek()
        && cursor.chain.continues_with(&batch)
    {
        cursor.pass(&batch);
        unproven.push_back(cursor.chain);
        while let Some(chain) = unproven.pop_front_if(|chain| chain.lsn <= batch.durable_lsn()) {
            proven = chain;
        }
        if batch.is_sealed() {
            break;
        }
    }
    Ok(proven)
}

/// Finds the end of the last segment in use, or proof that acknowledged records in it are damaged.
pub(super) fn find_end(segment: &SegmentFile) -> Result<End, SinkError> {
    let mut cursor = Cursor::at_start(segment, Vec::new())?;
    // The mark after the last batch, which the next one may overwrite.
    let mut mark = None;
    let mut sealed = false;
    while !sealed {
        match cursor.peek() {
            Ok(batch) if cursor.chain.continues_with(&batch) => {
                mark = (batch.count() == 0).then(|| (cursor.offset, batch.clone()));
                sealed = batch.is_sealed();
                cursor.pass(&batch);
            }
            Err(BatchError::Version(newer)) => {
                return Err(cursor.corrupt(segment, BatchError::Version(newer).to_string()));
            }
            Ok(_) | Err(_) => break,
        }
    }
    let (content, rest) = (&cursor.content, cursor.offset);
    let offset = mark.as_ref().map_or(rest, |(offset, _)| *offset);
    let torn = content[rest..].iter().rposition(|&byte| byte != 0).map(|last| offset..rest + last + 1);
    if torn.is_some()
        && let Some(proof) = find_proof(content, rest, &cursor.chain)
    {
        let what = format!("the records here are damaged; offset {proof} proves that they were acknowledged");
        return Err(cursor.corrupt(segment, what));
    }
    let mark = mark.map(|(_, mark)| mark);
    Ok(End { chain: cursor.chain, offset, mark, sealed, torn, content: cursor.content })
}

/// Searches, starting at `from`, for a batch or mark of this log which says that records beyond `end` are durable.
fn find_proof(content: &Bytes, from: usize, end: &Chain) -> Option<usize> {
    (from..content.len())
        .filter(|&at| Batch::begins(&content[at..], end.log_id))
        .find(|&at| Batch::decode(&content.slice(at..)).is_ok_and(|batch| batch.durable_lsn() > end.lsn))
}
