//! Reads a log of segments while a writer, here or in another process, continues to write it. Changes and locks nothing.
//!
//! A reader that came from a writer knows from it how far the log is durable. A reader without a writer relies on the last
//! segment: the durable lsn in each mark and in each batch's header. If a writer died before it could write a mark, that is
//! less than what was acknowledged; the next writer's `open` makes up for it.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use proto::{Batch, BatchError, Chain, Lsn};
use tracing::warn;

use super::file::{self, SegmentFile};
use super::manifest::Manifest;
use super::{checkpoint, folder, scan};
use crate::checkpoint::Checkpoint;
use crate::sink::{Bounds, LogReader, SinkError};

/// Reads the log in a folder.
#[derive(Clone, Debug)]
pub struct SegmentReader {
    folder: PathBuf,
    published: Published,
    /// The furthest durable end found without a writer. A mark that is being overwritten at the moment must not move it
    /// back.
    found: Arc<Mutex<Option<Chain>>>,
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
        Self { folder, published, found: Arc::default() }
    }

    fn manifest(&self) -> Result<Manifest, SinkError> {
        let no_log = || SinkError::Failed(format!("there is no log in {}", self.folder.display()));
        Manifest::load(&self.folder)?.ok_or_else(no_log)
    }

    fn durable(&self, manifest: &Manifest) -> Result<Chain, SinkError> {
        if let Some(durable) = *self.published.0.lock() {
            return Ok(durable);
        }
        let proven = match folder::segments(&self.folder)?.last() {
            Some(last) => scan::proven_end(&SegmentFile::open(last, manifest.log_id)?)?,
            None => Chain::start(manifest.log_id),
        };
        let mut found = self.found.lock();
        let furthest = found.filter(|found| found.log_id == proven.log_id && found.lsn > proven.lsn).unwrap_or(proven);
        *found = Some(furthest);
        Ok(furthest)
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
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), BatchError>,
    ) -> Result<Bounds, SinkError> {
        // Looked up first, so the segments listed afterwards reach at least as far.
        let bounds = self.bounds().await?;
        let durable = bounds.durable;
        let lsns = (*lsns.start()).max(1)..=(*lsns.end()).min(durable.lsn);
        if lsns.is_empty() {
            return Ok(bounds);
        }
        if *lsns.start() < bounds.oldest {
            return Err(SinkError::NoLongerKept { lsn: *lsns.start(), oldest: bounds.oldest });
        }
        let paths = folder::segments(&self.folder)?;
        let before = paths.partition_point(|path| file::lsn_in_name(path) <= *lsns.start());
        let Some(holding) = before.checked_sub(1) else {
            return Err(self.missing(bounds.oldest));
        };
        // Only two files are open at a time, regardless of the number of segments.
        let mut segments = paths[holding..].iter().map(|path| self.open(path, durable.log_id));
        let mut segment = segments.next().transpose()?.ok_or_else(|| self.missing(bounds.oldest))?;
        let mut memory = Vec::new();
        loop {
            let next = segments.next().transpose()?;
            // A segment that was created since then starts beyond what this read may see.
            let end = next.as_ref().map(|next| next.start).filter(|start| start.lsn <= durable.lsn).unwrap_or(durable);
            memory = scan::read(&segment, memory, end, &lsns, visit).await?;
            match next {
                Some(next) if end.lsn < *lsns.end() => segment = next,
                _ => return Ok(bounds),
            }
        }
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
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), BatchError>,
    ) -> Result<(), SinkError> {
        let log_id = self.manifest()?.log_id;
        checkpoint::read(&self.folder, log_id, checkpoint.base, visit).await
    }
}
