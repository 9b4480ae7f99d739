//! Adds to a backup what the log has more than it.

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use proto::{Batch, Lsn, Record};

use super::manifest::{CheckpointPart, LogPart, Manifest, Set, is_part, part_name};
use super::part::PartWriter;
use super::reader::BackupReader;
use crate::checkpoint::Checkpoint;
use crate::disk::cannot;
use crate::lock::Lockable;
use crate::pace::Pace;
use crate::sink::{LogReader, SinkError};

/// Mode of the folders that are created.
const FOLDER_MODE: u32 = 0o700;

/// How often a full backup begins again because the log removed what it was about to read.
const MAX_ATTEMPTS: usize = 5;

/// How a backup is taken.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Begin a new set, even if the last one could be continued.
    pub full: bool,
    /// Limit of what is read, in bytes per second.
    pub rate: u64,
}

/// What a run has added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The log that was copied.
    pub log_id: u64,
    /// The checkpoint that was copied.
    pub checkpoint: Option<Checkpoint>,
    /// Lsns of the records that were copied; may be empty.
    pub records: std::ops::RangeInclusive<Lsn>,
    /// Size of the new files, in bytes.
    pub bytes: u64,
    /// If the last set could not be continued: the lsn of its last record, and the oldest that the log still keeps.
    pub hole: Option<(Lsn, Lsn)>,
}

/// Copies what the log has more than the backup in `dir`, which is created if it is missing. The log may be written
/// meanwhile; what it has when the copy of the records begins is copied.
pub async fn take(log: &impl LogReader, dir: &Path, options: Options) -> Result<Taken, SinkError> {
    let created = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(dir);
    created.map_err(|e| cannot("create the folder", dir, &e))?;
    if Manifest::load(dir)?.is_none() {
        check_unused(dir)?;
    }
    let _lock = lock(dir)?;
    let bounds = log.bounds().await?;
    let log_id = bounds.durable.log_id;
    let manifest = match Manifest::load(dir)? {
        Some(manifest) if manifest.log_id() != log_id => {
            let (place, other) = (dir.display(), manifest.log_id());
            return Err(SinkError::Failed(format!(
                "{place} has the backup of log {other:016x}, and this is log {log_id:016x}; use another folder"
            )));
        }
        found => found.unwrap_or_else(|| Manifest::new(log_id)),
    };
    manifest.remove_unnamed(dir)?;
    let mut run = Run { dir, manifest, pace: Pace::new(options.rate) };
    let mut hole = None;
    if !options.full
        && let Some(last) = run.manifest.sets.last().cloned()
    {
        let last = BackupReader::of(dir, log_id, last);
        match run.continue_set(log, &last).await {
            Err(SinkError::NoLongerKept { oldest, .. }) => hole = Some((last.set().last(), oldest)),
            continued => return continued,
        }
    }
    let mut attempts = 1;
    loop {
        match run.begin_set(log).await {
            Err(SinkError::NoLongerKept { .. }) if attempts < MAX_ATTEMPTS => attempts += 1,
            begun => return begun.map(|taken| Taken { hole, ..taken }),
        }
    }
}

/// Fails if a folder without a backup is used for something else.
fn check_unused(dir: &Path) -> Result<(), SinkError> {
    let entries = std::fs::read_dir(dir).map_err(|e| cannot("read", dir, &e))?;
    let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    match names.all(|name| is_part(&name) || name == "lost+found") {
        true => Ok(()),
        false => Err(SinkError::Failed(format!(
            "{} is not empty and has no backup; use an empty folder or a new one",
            dir.display()
        ))),
    }
}

/// The folder, locked until this is dropped.
fn lock(dir: &Path) -> Result<Lockable, SinkError> {
    let folder = Lockable(File::open(dir).map_err(|e| cannot("open", dir, &e))?);
    match folder.try_lock() {
        Ok(()) => Ok(folder),
        Err(TryLockError::WouldBlock) => Err(SinkError::InUse { path: dir.into(), holder: "another backup".into() }),
        Err(TryLockError::Error(e)) => Err(cannot("lock", dir, &e)),
    }
}

struct Run<'d> {
    dir: &'d Path,
    manifest: Manifest,
    pace: Pace,
}

impl Run<'_> {
    /// Adds the records after `last`, the last set.
    async fn continue_set(&mut self, log: &impl LogReader, last: &BackupReader) -> Result<Taken, SinkError> {
        self.check_same_log(log, last).await?;
        let copied = self.copy_records(log, last.set().last() + 1, self.manifest.sets.len()).await?;
        let taken = self.taken(None, copied.as_ref(), last.set().last() + 1);
        if let Some(part) = copied {
            self.manifest.sets.last_mut().expect("it is continued").logs.push(part);
            self.manifest.store(self.dir)?;
        }
        Ok(taken)
    }

    /// Adds a set with the log's latest checkpoint, or with all of its records.
    async fn begin_set(&mut self, log: &impl LogReader) -> Result<Taken, SinkError> {
        let number = self.manifest.sets.len() + 1;
        let checkpoint = self.copy_checkpoint(log, number).await?;
        let from = checkpoint.as_ref().map_or(0, |part| part.base) + 1;
        let copied = self.copy_records(log, from, number).await?;
        let taken = self.taken(checkpoint.as_ref().map(CheckpointPart::info), copied.as_ref(), from);
        if checkpoint.is_some() || copied.is_some() {
            self.manifest.sets.push(Set { checkpoint, logs: copied.into_iter().collect() });
        }
        self.manifest.store(self.dir)?;
        Ok(taken)
    }

    fn taken(&self, checkpoint: Option<Checkpoint>, records: Option<&LogPart>, from: Lsn) -> Taken {
        let bytes = checkpoint.map_or(0, |checkpoint| checkpoint.bytes) + records.map_or(0, |part| part.file.bytes);
        let records = records.map_or(from..=from - 1, |part| part.first..=part.last);
        Taken { log_id: self.manifest.log_id(), checkpoint, records, bytes, hole: None }
    }

    /// Fails if the log is not the one that was copied, but one that was once the same.
    async fn check_same_log(&self, log: &impl LogReader, last: &BackupReader) -> Result<(), SinkError> {
        let Some(own) = last.last_batch().await? else { return Ok(()) };
        let lsn = own.last_lsn();
        let mut is_same = false;
        let mut compare = async |batch: &Batch| {
            is_same |= record_of(batch, lsn)? == record_of(&own, lsn)?;
            Ok(())
        };
        log.read(lsn..=lsn, &mut compare).await?;
        match is_same {
            true => Ok(()),
            false => Err(SinkError::Failed(format!(
                "the log's record of lsn {lsn} is not there, or not the one that this backup has: was the log restored from an \
                 earlier copy? Use another folder for its backups",
            ))),
        }
    }

    /// The latest checkpoint that can be used. `None` if there is none and the log has all of its records.
    async fn copy_checkpoint(&mut self, log: &impl LogReader, set: usize) -> Result<Option<CheckpointPart>, SinkError> {
        let durable = log.bounds().await?.durable.lsn;
        let mut unusable = None;
        for info in log.checkpoints().await?.into_iter().filter(|info| info.end <= durable) {
            let name = part_name(set, &format!("checkpoint-{}", info.base));
            let mut file = PartWriter::create(self.dir.join(&name))?;
            let pace = &mut self.pace;
            let mut is_written = true;
            let mut copy = async |batch: &Batch| {
                batch.check()?;
                let written = file.append(batch);
                is_written = written.is_ok();
                written?;
                pace.keep(batch.as_bytes().len()).await;
                Ok(())
            };
            match log.read_checkpoint(&info, &mut copy).await {
                Ok(()) => {
                    let Checkpoint { base, end, entries, at, .. } = info;
                    return Ok(Some(CheckpointPart { base, end, entries, at, file: file.finish(name)? }));
                }
                Err(e) if e.is_retryable() || !is_written => return Err(e),
                Err(e) => unusable = Some(e),
            }
        }
        match (log.bounds().await?.oldest, unusable) {
            (1, _) => Ok(None),
            (_, Some(e)) => Err(e),
            (oldest, None) => Err(SinkError::NoLongerKept { lsn: 1, oldest }),
        }
    }

    /// The log's records from `from` on; `None` if there are none.
    async fn copy_records(
        &mut self,
        log: &impl LogReader,
        from: Lsn,
        set: usize,
    ) -> Result<Option<LogPart>, SinkError> {
        let mut file = PartWriter::create(self.dir.join(part_name(set, &format!("log-{from}-"))))?;
        let pace = &mut self.pace;
        let (mut last, mut tail) = (from - 1, 0);
        let mut copy = async |batch: &Batch| {
            batch.check()?;
            (tail, last) = (file.append(batch)?, batch.last_lsn());
            pace.keep(batch.as_bytes().len()).await;
            Ok(())
        };
        let durable = log.read(from..=Lsn::MAX, &mut copy).await?.durable.lsn;
        if last < durable {
            return Err(SinkError::Failed(format!("the log was read up to lsn {last}, and ends at lsn {durable}")));
        }
        match last < from {
            true => Ok(None),
            false => {
                let file = file.finish(part_name(set, &format!("log-{from}-{last}")))?;
                Ok(Some(LogPart { first: from, last, tail, file }))
            }
        }
    }
}

fn record_of(batch: &Batch, lsn: Lsn) -> Result<Option<Record<'_>>, proto::BatchError> {
    batch.records().find(|record| record.as_ref().map_or(true, |record| record.lsn == lsn)).transpose()
}
