//! Reads a log of segments while a writer, here or in another process, continues to write it. Changes and locks nothing.
//!
//! A reader that came from a writer knows from it how far the log is durable. A reader without a writer relies on the last
//! segment: the durable lsn in each mark and in each batch's header. If a writer died before it could write a mark, that is
//! less than what was acknowledged; the next writer's `open` makes up for it.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use proto::{Batch, Chain, Lsn};
use tracing::warn;

use super::file::{self, SegmentFile};
use super::manifest::Manifest;
use super::scan::{self, Place};
use super::{checkpoint, folder};
use crate::checkpoint::Checkpoint;
use crate::sink::{Bounds, LogReader, SinkError, VisitError};

/// Ends of reads that are remembered, for readers that share their clones' knowledge.
const MAX_KNOWN_ENDS: usize = 64;

/// Reads the log in a folder.
#[derive(Clone, Debug)]
pub struct SegmentReader {
    folder: PathBuf,
    published: Published,
    known: Arc<Mutex<Known>>,
}

/// What earlier reads have found.
#[derive(Debug, Default)]
struct Known {
    /// The furthest durable end found without a writer. A mark that is being overwritten at the moment must not move it
    /// back.
    durable: Option<Place>,
    /// Where the last reads ended, the latest last: reads that go on there need not look for it from the beginning of the
    /// segment.
    ends: VecDeque<Place>,
}

/// The durable end, as a writer in this process publishes it; `None` as long as there is no writer.
#[derive(Clone, Debug, Default)]
pub(super) struct Published(Arc<Mutex<Option<Chain>>>);

impl Published {
    pub(super) fn set(&self, durable: Option<Chain>) {
        *self.0.lock() = durable;
    }
}

impl SegmentReader {
    /// A reader of the log in `folder`, independent of any writer.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self::beside(folder.into(), Published::default())
    }

    pub(super) fn beside(folder: PathBuf, published: Published) -> Self {
        Self { folder, published, known: Arc::default() }
    }

    fn manifest(&self) -> Result<Manifest, SinkError> {
        let no_log = || SinkError::Failed(format!("there is no log in {}", self.folder.display()));
        Manifest::load(&self.folder)?.ok_or_else(no_log)
    }

    fn durable(&self, manifest: &Manifest) -> Result<Chain, SinkError> {
        if let Some(durable) = *self.published.0.lock() {
            return Ok(durable);
        }
        let known = self.known.lock().durable.filter(|known| known.chain.log_id == manifest.log_id);
        // Segments before the first record that is kept are being removed.
        let Some(last) = folder::segments(&self.folder)?.pop().filter(|last| file::lsn_in_name(last) >= manifest.first)
        else {
            return Ok(known.map_or(manifest.start(), |known| known.chain));
        };
        let segment = SegmentFile::open(&last, manifest.log_id)?;
        let from = known.filter(|known| known.is_in(&segment)).unwrap_or_else(|| Place::at_start(&segment));
        let proven = scan::proven_end(&segment, from)?;
        let mut known = self.known.lock();
        let is_further = |known: &Place| known.chain.log_id == manifest.log_id && known.chain.lsn > proven.chain.lsn;
        let furthest = known.durable.filter(is_further).unwrap_or(proven);
        known.durable = Some(furthest);
        Ok(furthest.chain)
    }

    /// The last known place of `segment` from which `lsn` can be reached.
    fn place_before(&self, segment: &SegmentFile, lsn: Lsn) -> Place {
        let known = self.known.lock();
        let usable = known.ends.iter().filter(|end| end.is_in(segment) && end.chain.lsn < lsn);
        usable.max_by_key(|end| end.chain.lsn).copied().unwrap_or_else(|| Place::at_start(segment))
    }

    fn remember(&self, end: Place) {
        let ends = &mut self.known.lock().ends;
        if ends.len() == MAX_KNOWN_ENDS {
            ends.pop_front();
        }
        ends.push_back(end);
    }
}

impl SegmentReader {
    /// The error for a segment that was there and is not any more: the writer may have removed it since.
    fn missing(&self, first_lsn: Lsn) -> SinkError {
        match self.manifest() {
            Ok(manifest) if manifest.first > first_lsn => {
                SinkError::NoLongerKept { lsn: first_lsn, oldest: manifest.first }
            }
            Ok(_) => file::missing(&self.folder, first_lsn),
            Err(e) => e,
        }
    }

    fn open(&self, path: &Path, log_id: u64) -> Result<SegmentFile, SinkError> {
        SegmentFile::open(path, log_id)
            .map_err(|e| if path.exists() { e } else { self.missing(file::lsn_in_name(path)) })
    }
}

impl LogReader for SegmentReader {
    async fn bounds(&self) -> Result<Bounds, SinkError> {
        let manifest = self.manifest()?;
        Ok(Bounds { oldest: manifest.first, durable: self.durable(&manifest)? })
    }

    async fn read(
        &self,
        lsns: RangeInclusive<Lsn>,
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
    ) -> Result<Bounds, SinkError> {
        // Looked up first, so the segments listed afterwards reach at least as far.
        let bounds = self.bounds().await?;
        let durable = bounds.durable;
        let lsns = bounds.readable(&lsns)?;
        if lsns.is_empty() {
            return Ok(bounds);
        }
        let paths = folder::segments(&self.folder)?;
        let before = paths.partition_point(|path| file::lsn_in_name(path) <= *lsns.start());
        let Some(holding) = before.checked_sub(1) else {
            return Err(self.missing(bounds.oldest));
        };
        // Only two files are open at a time, regardless of the number of segments.
        let mut segments = paths[holding..].iter().map(|path| self.open(path, durable.log_id));
        let mut segment = segments.next().transpose()?.ok_or_else(|| self.missing(bounds.oldest))?;
        let (mut from, mut memory) = (self.place_before(&segment, *lsns.start()), Vec::new());
        let ended = loop {
            let next = segments.next().transpose()?;
            // A segment that was created since then starts beyond what this read may see.
            let end = next.as_ref().map(|next| next.start).filter(|start| start.lsn <= durable.lsn).unwrap_or(durable);
            (from, memory) = scan::read(&segment, from, memory, end, &lsns, visit).await?;
            match next {
                Some(next) if end.lsn < *lsns.end() => (from, segment) = (Place::at_start(&next), next),
                _ => break from,
            }
        };
        self.remember(ended);
        Ok(bounds)
    }

    async fn checkpoints(&self) -> Result<Vec<Checkpoint>, SinkError> {
        let manifest = self.manifest()?;
        let mut found = Vec::new();
        for &base in manifest.checkpoints.iter().rev() {
            match checkpoint::info(&self.folder, manifest.log_id, base) {
                Ok(info) => found.push(info),
                Err(e) => warn!(error = %e, "this checkpoint cannot be used"),
            }
        }
        Ok(found)
    }

    async fn read_checkpoint(
        &self,
        checkpoint: &Checkpoint,
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
    ) -> Result<(), SinkError> {
        let log_id = self.manifest()?.log_id;
        checkpoint::read(&self.folder, log_id, checkpoint.base, visit).await
    }
}
