//! Walks through a segment's batches, and decides what their end means.

use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};

use bytes::Bytes;
use proto::limits::MAX_BATCH_BYTES;
use proto::{Batch, BatchError, Chain, Lsn};

use super::file::{self, SegmentFile};
use super::header::HEADER_BYTES;
use crate::sink::{Location, SinkError, VisitError};

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

/// Bytes that are read at a time.
const WINDOW_BYTES: usize = 256 << 10;

/// A place in the log where a batch ends and the next one may begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// First lsn of the segment.
    segment: Lsn,
    /// Offset in it, in bytes.
    offset: usize,
    /// End of the log there.
    pub(super) chain: Chain,
}

impl Place {
    /// Before the first batch of `segment`.
    pub(super) fn at_start(segment: &SegmentFile) -> Self {
        Self { segment: segment.start.lsn + 1, offset: HEADER_BYTES, chain: segment.start }
    }

    /// Whether this is a place in `segment`.
    pub(super) fn is_in(&self, segment: &SegmentFile) -> bool {
        self.segment == segment.start.lsn + 1 && self.chain.log_id == segment.start.log_id
    }
}

/// Goes through the batches of a segment, and reads it a window at a time.
struct Cursor<'s> {
    segment: &'s SegmentFile,
    place: Place,
    window: Bytes,
    /// Offset of the window in the segment.
    window_at: usize,
}

impl<'s> Cursor<'s> {
    /// Begins at `place`, and reads into `memory`.
    fn at(segment: &'s SegmentFile, place: Place, memory: Vec<u8>) -> Self {
        let mut empty = memory;
        empty.clear();
        Self { segment, place, window: empty.into(), window_at: place.offset }
    }

    /// Begins at the first batch of a segment that is read as a whole.
    fn over_whole(segment: &'s SegmentFile) -> Result<Self, SinkError> {
        let window = segment.read(0, segment.size as usize, Vec::new())?;
        Ok(Self { segment, place: Place::at_start(segment), window, window_at: 0 })
    }

    /// Decodes the batch at this position, which may be a mark. The cursor does not move.
    fn peek(&mut self) -> Result<Result<Batch, BatchError>, SinkError> {
        loop {
            let read = self.place.offset - self.window_at;
            match Batch::decode(&self.window.slice(read.min(self.window.len())..)) {
                Err(BatchError::Length { claimed, .. }) if claimed <= MAX_BATCH_BYTES && self.load(claimed)? => {}
                decoded => return Ok(decoded),
            }
        }
    }

    /// Moves the window here, so that it has `least` bytes. Returns `false` if it had them, or all that there are.
    fn load(&mut self, least: usize) -> Result<bool, SinkError> {
        let rest = (self.segment.size as usize).saturating_sub(self.place.offset);
        let has = (self.window_at + self.window.len()).saturating_sub(self.place.offset);
        if has >= least.min(rest) {
            return Ok(false);
        }
        // A visitor that keeps batches keeps this memory.
        let memory = std::mem::take(&mut self.window).try_into_mut().map(Vec::from).unwrap_or_default();
        self.window = self.segment.read(self.place.offset, least.max(WINDOW_BYTES).min(rest), memory)?;
        self.window_at = self.place.offset;
        Ok(true)
    }

    fn pass(&mut self, batch: &Batch) {
        self.place.chain = self.place.chain.after(batch);
        self.place.offset += batch.as_bytes().len();
    }

    fn corrupt(&self, what: impl Into<String>) -> SinkError {
        let place = Location::File { path: self.segment.path.clone(), offset: self.place.offset as u64 };
        SinkError::Corrupt { place, lsn: self.place.chain.lsn + 1, what: what.into() }
    }
}

/// Passes the batches of `segment`, from a place in it on, that hold records of `lsns` to `visit`. They must lead exactly
/// to `end`, if `lsns` reaches that far. Returns where it stopped, and `memory` for the next segment.
pub(super) async fn read(
    segment: &SegmentFile,
    from: Place,
    memory: Vec<u8>,
    end: Chain,
    lsns: &RangeInclusive<Lsn>,
    visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
) -> Result<(Place, Vec<u8>), SinkError> {
    let mut cursor = Cursor::at(segment, from, memory);
    while cursor.place.chain.lsn < end.lsn.min(*lsns.end()) {
        let batch = match cursor.peek()? {
            Ok(batch) if batch.is_sealed() => return Err(missing_after(segment, &cursor.place.chain)),
            Ok(batch) if cursor.place.chain.continues_with(&batch) => batch,
            Ok(_) => return Err(cursor.corrupt("the batch here does not continue the one before it")),
            Err(e) => return Err(cursor.corrupt(e.to_string())),
        };
        if batch.count() > 0 && batch.last_lsn() >= *lsns.start() {
            visit(&batch).await.map_err(|e| e.into_sink_error(|e| cursor.corrupt(e.to_string())))?;
        }
        cursor.pass(&batch);
    }
    match cursor.place.chain == end || cursor.place.chain.lsn < end.lsn {
        true => Ok((cursor.place, cursor.window.try_into_mut().map(Vec::from).unwrap_or_default())),
        false => Err(cursor.corrupt("the next segment does not continue this one")),
    }
}

/// The error for a segment that ends properly, at `end`, when the segment that continues from there is missing.
pub(super) fn missing_after(segment: &SegmentFile, end: &Chain) -> SinkError {
    file::missing(segment.path.parent().unwrap_or(&segment.path), end.lsn + 1)
}

/// The end of what `segment` itself shows to be durable, which is known to be at least `from`. Bytes that its writer is
/// writing at the moment end it, like any others that are not a batch.
pub(super) fn proven_end(segment: &SegmentFile, from: Place) -> Result<Place, SinkError> {
    let mut cursor = Cursor::at(segment, from, Vec::new());
    let (mut proven, mut unproven) = (from, VecDeque::new());
    while let Ok(batch) = cursor.peek()?
        && cursor.place.chain.continues_with(&batch)
    {
        cursor.pass(&batch);
        // The next batch may overwrite a mark.
        if batch.count() > 0 {
            unproven.push_back(cursor.place);
        }
        while let Some(place) = unproven.pop_front_if(|place| place.chain.lsn <= batch.durable_lsn()) {
            proven = place;
        }
        if batch.is_sealed() {
            break;
        }
    }
    Ok(proven)
}

/// Finds the end of the last segment in use, or proof that acknowledged records in it are damaged.
pub(super) fn find_end(segment: &SegmentFile) -> Result<End, SinkError> {
    let mut cursor = Cursor::over_whole(segment)?;
    // The mark after the last batch, which the next one may overwrite.
    let mut mark = None;
    let mut sealed = false;
    while !sealed {
        match cursor.peek()? {
            Ok(batch) if cursor.place.chain.continues_with(&batch) => {
                mark = (batch.count() == 0).then(|| (cursor.place.offset, batch.clone()));
                sealed = batch.is_sealed();
                cursor.pass(&batch);
            }
            Err(BatchError::Version(newer)) => return Err(cursor.corrupt(BatchError::Version(newer).to_string())),
            Ok(_) | Err(_) => break,
        }
    }
    let (content, rest, chain) = (&cursor.window, cursor.place.offset, cursor.place.chain);
    let offset = mark.as_ref().map_or(rest, |(offset, _)| *offset);
    let torn = content[rest..].iter().rposition(|&byte| byte != 0).map(|last| offset..rest + last + 1);
    if torn.is_some()
        && let Some(proof) = find_proof(content, rest, &chain)
    {
        let what = format!("the records here are damaged; offset {proof} proves that they were acknowledged");
        return Err(cursor.corrupt(what));
    }
    let mark = mark.map(|(_, mark)| mark);
    Ok(End { chain, offset, mark, sealed, torn, content: cursor.window })
}

/// Searches, starting at `from`, for a batch or mark of this log which says that records beyond `end` are durable.
fn find_proof(content: &Bytes, from: usize, end: &Chain) -> Option<usize> {
    (from..content.len())
        .filter(|&at| Batch::begins(&content[at..], end.log_id))
        .find(|&at| Batch::decode(&content.slice(at..)).is_ok_and(|batch| batch.durable_lsn() > end.lsn))
}
