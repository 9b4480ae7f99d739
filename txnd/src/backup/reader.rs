//! A set of a backup as a log that can be read.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proto::{Batch, BatchError, Chain, Lsn};

use super::manifest::{Manifest, Set};
use crate::checkpoint::{Checkpoint, CheckpointVerifier};
use crate::disk::corrupt;
use crate::sink::{Bounds, LogReader, SinkError};

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
        let mut last = None;
        let mut visit = async |batch: &Batch| {
            last = Some(batch.clone());
            Ok(true)
        };
        part.file.read(&self.dir, part.last, part.tail, &mut visit).await?;
        match last {
            Some(batch) if batch.last_lsn() == part.last => Ok(Some(batch)),
            _ => Err(corrupt(&self.dir.join(&part.file.name), part.last, part.tail, "its last batch is not there")),
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
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), BatchError>,
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
            // A batch that a checkpoint ends in begins before the part.
            let mut next = None;
            let mut pass = async |batch: &Batch| {
                let follows = next.map_or(batch.first_lsn() <= part.first, |next| batch.first_lsn() == next);
                if batch.log_id() != self.log_id || batch.count() == 0 || !follows {
                    return Err(format!("the batch of lsn {} does not follow what is before it", batch.first_lsn()));
                }
                next = Some(batch.last_lsn() + 1);
                if batch.last_lsn() >= *lsns.start() && batch.first_lsn() <= *lsns.end() {
                    visit(batch).await.map_err(|e| e.to_string())?;
                }
                Ok(batch.last_lsn() < *lsns.end())
            };
            part.file.read(&self.dir, part.first, 0, &mut pass).await?;
            let reached = next.map_or(0, |next| next - 1);
            if reached < part.last.min(*lsns.end()) {
                let what = format!("it ends at lsn {reached}, and should end at lsn {}", part.last);
                return Err(corrupt(&self.dir.join(&part.file.name), reached + 1, part.file.bytes, what));
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
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), BatchError>,
    ) -> Result<(), SinkError> {
        let Some(part) = self.set.checkpoint.as_ref().filter(|part| part.base == checkpoint.base) else {
            return Err(SinkError::Failed(format!("the backup has no checkpoint of lsn {}", checkpoint.base)));
        };
        let mut verifier = CheckpointVerifier::new(part.base);
        let mut pass = async |batch: &Batch| {
            verifier.add(batch)?;
            visit(batch).await.map_err(|e| e.to_string())?;
            Ok(true)
        };
        part.file.read(&self.dir, part.base, 0, &mut pass).await?;
        match verifier.end() == Some(part.end) {
            true => Ok(()),
            false => {
                let path = self.dir.join(&part.file.name);
                Err(corrupt(&path, part.base, part.file.bytes, "the checkpoint ends too early"))
            }
        }
    }
}
