//! A set of a backup as a log that can be read.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proto::{Batch, Chain, Lsn};

use super::manifest::{Manifest, Set};
use crate::checkpoint::{Checkpoint, CheckpointVerifier};
use crate::sink::{Bounds, LogReader, SinkError, VisitError};

/// Reads one set of a backup.
#[derive(Clone, Debug)]
pub struct BackupReader {
    dir: PathBuf,
    log_id: u64,
    set: Arc<Set>,
}

impl BackupReader {
    /// The last set of the backup in `dir`.
    pub fn open(dir: &Path) -> Result<Self, SinkError> {
        let none = || SinkError::Failed(format!("the backup in {} is empty", dir.display()));
        Self::sets(dir)?.pop().ok_or_else(none)
    }

    /// The sets of the backup in `dir`, the earliest first.
    pub fn sets(dir: &Path) -> Result<Vec<Self>, SinkError> {
        let manifest = Manifest::open(dir)?;
        let log_id = manifest.log_id();
        Ok(manifest.sets.into_iter().map(|set| Self::of(dir, log_id, set)).collect())
    }

    pub(super) fn of(dir: &Path, log_id: u64, set: Set) -> Self {
        Self { dir: dir.into(), log_id, set: Arc::new(set) }
    }

    pub(super) fn set(&self) -> &Set {
        &self.set
    }

    /// The last batch; `None` if the set has no records.
    pub(super) async fn last_batch(&self) -> Result<Option<Batch>, SinkError> {
        let Some(part) = self.set.logs.last() else { return Ok(None) };
        let mut batches = part.file.open(&self.dir, part.last, part.tail)?;
        match batches.next()? {
            Some(batch) if batch.last_lsn() == part.last => Ok(Some(batch)),
            _ => Err(batches.damaged("its last batch is not there".into())),
        }
    }
}

impl LogReader for BackupReader {
    async fn bounds(&self) -> Result<Bounds, SinkError> {
        let checksum = self.last_batch().await?.map_or(0, |batch| batch.checksum());
        let durable = Chain { log_id: self.log_id, lsn: self.set.last(), checksum };
        Ok(Bounds { oldest: self.set.first(), durable })
    }

    async fn read(
        &self,
        lsns: RangeInclusive<Lsn>,
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
    ) -> Result<Bounds, SinkError> {
        let bounds = self.bounds().await?;
        let lsns = bounds.readable(&lsns)?;
        if lsns.is_empty() {
            return Ok(bounds);
        }
        for part in &self.set.logs {
            if part.last < *lsns.start() || part.first > *lsns.end() {
                continue;
            }
            let mut batches = part.file.open(&self.dir, part.first, 0)?;
            let wanted = part.last.min(*lsns.end());
            let mut reached = None;
            while reached.is_none_or(|reached| reached < wanted) {
                let Some(batch) = batches.next()? else {
                    let reached = reached.unwrap_or(0);
                    let what = format!("it ends at lsn {reached}, and should end at lsn {}", part.last);
                    return Err(batches.too_short(reached + 1, what));
                };
                let (first, last) = (batch.first_lsn(), batch.last_lsn());
                // A batch that a checkpoint ends in begins before the part.
                let follows = reached.map_or(first <= part.first, |reached| first == reached + 1);
                if batch.log_id() != self.log_id || batch.count() == 0 || !follows {
                    return Err(batches.damaged(format!("the batch of lsn {first} does not follow what is before it")));
                }
                if last >= *lsns.start() {
                    visit(&batch).await.map_err(|e| e.into_sink_error(|e| batches.damaged(e.to_string())))?;
                }
                reached = Some(last);
                batches.recycle(batch);
            }
        }
        Ok(bounds)
    }

    async fn checkpoints(&self) -> Result<Vec<Checkpoint>, SinkError> {
        Ok(self.set.checkpoint.iter().map(|part| part.info()).collect())
    }

    async fn read_checkpoint(
        &self,
        checkpoint: &Checkpoint,
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
    ) -> Result<(), SinkError> {
        let Some(part) = self.set.checkpoint.as_ref().filter(|part| part.base == checkpoint.base) else {
            return Err(SinkError::Failed(format!("the backup has no checkpoint of lsn {}", checkpoint.base)));
        };
        let mut verifier = CheckpointVerifier::new(part.base);
        let mut batches = part.file.open(&self.dir, part.base, 0)?;
        while let Some(batch) = batches.next()? {
            verifier.add(&batch).map_err(|what| batches.damaged(what))?;
            visit(&batch).await.map_err(|e| e.into_sink_error(|e| batches.damaged(e.to_string())))?;
            batches.recycle(batch);
        }
        match verifier.end() == Some(part.end) {
            true => Ok(()),
            false => Err(batches.too_short(part.base, "the checkpoint ends too early".into())),
        }
    }
}
