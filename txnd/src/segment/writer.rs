//! The open log: its one writer appends batches, makes them durable, and rolls over to the next segment.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use proto::limits::BATCH_HEADER_BYTES as MARK_BYTES;
use proto::{Batch, Chain, Epoch, Lsn};

use super::checkpoint::SegmentCheckpoint;
use super::file::SegmentFile;
use super::folder::{Folder, Unfinished};
use super::header::HEADER_BYTES;
use super::keep::{self, Removal, Settings};
use super::manifest::{self, Manifest, Stamp};
use crate::checkpoint::Checkpoint;
use crate::disk::{cannot, unwritable};
use crate::sink::{SinkError, Term};
use crate::validator::{Admission, AppendValidator};

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct OpenLog {
    /// Before the folder: the lock is held as long as files are removed.
    removal: Removal,
    folder: Folder,
    settings: Settings,
    manifest: Manifest,
    /// Stamp of the manifest when it was last read or stored.
    stamp: Option<Stamp>,
    validator: AppendValidator,
    /// End of what `fdatasync` has covered. Never ahead of the validator's chain.
    durable: Chain,
    active: SegmentFile,
    /// Offset in the active segment after the last batch.
    write_at: u64,
    /// Whether there is a mark at `write_at`, which says that everything before it is durable.
    marked: bool,
    /// The file of the next segment, opened in advance: even if the process runs out of file descriptors, the log can
    /// roll over to it.
    next: Option<Unfinished>,
    /// The error that ended the term permanently.
    failed: Option<SinkError>,
}

impl OpenLog {
    /// The log of `manifest`, which was stored. Its last segment, `active`, has a mark after `chain`, at `write_at`.
    pub(super) fn new(
        folder: Folder,
        settings: Settings,
        manifest: Manifest,
        chain: Chain,
        active: SegmentFile,
        write_at: u64,
    ) -> Result<Self, SinkError> {
        let stamp = Stamp::of(folder.path())?;
        let validator = AppendValidator::new(Term { epoch: manifest.epoch, chain });
        let next = SegmentFile::begin(&folder).map_err(|e| cannot("create a file in", folder.path(), &e))?;
        let (durable, marked, next, failed) = (chain, true, Some(next), None);
        let removal = Removal::default();
        Ok(Self {
            removal,
            folder,
            settings,
            manifest,
            stamp,
            validator,
            durable,
            active,
            write_at,
            marked,
            next,
            failed,
        })
    }

    pub(super) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(super) fn durable(&self) -> Chain {
        self.durable
    }

    /// Fails if the log has failed permanently.
    pub(super) fn check(&self) -> Result<(), SinkError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Returns the end of the durable log. Writes its mark, also if writing the mark is what failed.
    pub(super) fn resume(&mut self) -> Result<Chain, SinkError> {
        if !self.marked && self.durable == self.validator.chain() {
            self.write_mark(false)?;
        }
        Ok(self.durable)
    }

    /// Writes `batch` after the last one.
    pub(super) fn append(&mut self, batch: &Batch) -> Result<(), SinkError> {
        if self.validator.admit(batch)? == Admission::Repeat {
            return Ok(());
        }
        let bytes = batch.as_bytes();
        // Space for the batch between two marks.
        let needed = (MARK_BYTES + bytes.len() + MARK_BYTES) as u64;
        if self.write_at + needed > self.active.size {
            self.roll_over(needed)?;
        }
        let keeps_mark = self.marked && batch.durable_lsn() < self.durable.lsn;
        let at = self.write_at + if keeps_mark { MARK_BYTES as u64 } else { 0 };
        // A write that fails half-way has overwritten the mark as well.
        self.marked = keeps_mark;
        self.active.file.write_all_at(bytes, at).map_err(|e| unwritable(&self.active.path, &e))?;
        (self.write_at, self.marked) = (at + bytes.len() as u64, false);
        self.validator.stored(batch);
        Ok(())
    }

    /// Makes everything that was appended durable; returns the last lsn.
    pub(super) fn make_durable(&mut self) -> Result<Lsn, SinkError> {
        if !self.marked {
            self.sync_and_mark()?;
        }
        Ok(self.durable.lsn)
    }

    /// Begins a checkpoint of everything up to `base`.
    pub(super) fn begin_checkpoint(&self, base: Lsn) -> Result<SegmentCheckpoint, SinkError> {
        SegmentCheckpoint::begin(self.folder.path(), self.manifest.log_id, base)
    }

    /// Puts a finished checkpoint in use, and removes what is no longer kept.
    pub(super) fn keep_checkpoint(&mut self, finished: SegmentCheckpoint) -> Result<Checkpoint, SinkError> {
        if finished.end().is_none_or(|end| end > self.durable.lsn) {
            return Err(SinkError::Failed("the checkpoint shows more than the log holds".into()));
        }
        self.check_place()?;
        let kept = finished.rename()?;
        self.folder.sync()?;
        let mut next = self.manifest.clone();
        keep::add(&mut next, kept.base);
        next.first = keep::first_kept(self.folder.path(), &next, self.settings.retention)?;
        self.replace_manifest(next)?;
        Ok(kept)
    }

    /// Removes segments that are no longer kept, now that a new one has begun.
    fn remove_superfluous(&mut self) -> Result<(), SinkError> {
        let first = keep::first_kept(self.folder.path(), &self.manifest, self.settings.retention)?;
        match first > self.manifest.first {
            true => self.replace_manifest(Manifest { first, ..self.manifest.clone() }),
            false => Ok(()),
        }
    }

    /// Stores `next`, and begins to remove what it does not name.
    fn replace_manifest(&mut self, next: Manifest) -> Result<(), SinkError> {
        next.store(&self.folder).map_err(|e| cannot("write the manifest in", self.folder.path(), &e))?;
        self.manifest = next;
        self.stamp = Stamp::of(self.folder.path())?;
        self.removal.begin(self.folder.path(), &self.manifest);
        Ok(())
    }

    /// Makes a finished checkpoint the beginning of this log, which has nothing yet. The log must be opened again.
    pub(super) fn begin_with(&mut self, finished: SegmentCheckpoint) -> Result<Checkpoint, SinkError> {
        let is_empty = self.validator.chain().lsn == 0 && self.manifest.checkpoints.is_empty();
        finished.can_begin(is_empty)?;
        self.check_place()?;
        let kept = finished.rename()?;
        self.folder.sync()?;
        let begun = Manifest::begun_with(self.manifest.log_id, kept.base);
        begun.store(&self.folder).map_err(|e| cannot("write the manifest in", self.folder.path(), &e))?;
        self.removal.begin(self.folder.path(), &begun);
        Ok(kept)
    }

    /// Makes everything durable, including the mark at the end.
    pub(super) fn close(&mut self) -> Result<(), SinkError> {
        self.sync_and_mark()?;
        self.sync()
    }

    fn sync_and_mark(&mut self) -> Result<(), SinkError> {
        self.sync()?;
        if self.active.seems_removed() {
            self.check_place()?;
        }
        self.durable = self.validator.chain();
        self.write_mark(false)
    }

    fn sync(&mut self) -> Result<(), SinkError> {
        self.active.file.sync_data().map_err(|e| {
            self.fail(SinkError::Failed(format!(
                "fdatasync of {} reported: {e}. Written data may be lost, so nothing more is written; check the disk, \
                 then restart to recover what is durable",
                self.active.path.display()
            )))
        })
    }

    /// Writes the mark after the last batch: everything before it is durable.
    fn write_mark(&mut self, sealed: bool) -> Result<(), SinkError> {
        debug_assert_eq!(self.durable, self.validator.chain());
        let mark = mark(&self.durable, self.validator.epoch(), sealed);
        let written = self.active.file.write_all_at(mark.as_bytes(), self.write_at);
        self.marked = written.is_ok();
        written.map_err(|e| unwritable(&self.active.path, &e))
    }

    /// Rolls over to a new segment with space for `needed` bytes. May be called again after an error.
    fn roll_over(&mut self, needed: u64) -> Result<(), SinkError> {
        self.check_place()?;
        self.sync_and_mark()?;
        let size = self.settings.segment_bytes.max(HEADER_BYTES as u64 + needed);
        let begun = self.next.take().map_or_else(|| SegmentFile::begin(&self.folder), Ok);
        let next = begun.and_then(|begun| SegmentFile::create(&self.folder, begun, &self.durable, size));
        let next = next.map_err(|e| cannot("create a segment in", self.folder.path(), &e))?;
        self.write_mark(true)?;
        self.sync()?;
        (self.active, self.write_at, self.marked) = (next, HEADER_BYTES as u64, false);
        // The descriptor of the full segment was just released. If other code took it first, the next roll-over opens
        // the file.
        self.next = SegmentFile::begin(&self.folder).ok();
        // The log goes on whether or not the disk gets space back.
        self.remove_superfluous().unwrap_or_else(|e| keep::stay(&e));
        Ok(())
    }

    /// Fails permanently if the log is no longer in place or has another writer. An unchanged manifest is not opened,
    /// because the process may have no file descriptor left.
    fn check_place(&mut self) -> Result<(), SinkError> {
        let folder = self.folder.path();
        let in_place = self.folder.is_in_place().and_then(|folder| Ok(folder && self.active.is_in_place()?));
        if !in_place.map_err(|e| cannot("read", folder, &e))? {
            return Err(self.fail(gone(&self.active.path)));
        }
        let stamp = Stamp::of(folder)?;
        if stamp == self.stamp && stamp.is_some() {
            return Ok(());
        }
        match Manifest::load(folder)? {
            Some(found) if found.log_id == self.manifest.log_id => {
                found.check_term(self.manifest.epoch).map_err(|e| self.fail(e))?;
                self.stamp = stamp;
                Ok(())
            }
            _ => Err(self.fail(gone(&manifest::path(folder)))),
        }
    }

    /// Ends the term permanently.
    fn fail(&mut self, why: SinkError) -> SinkError {
        self.failed.insert(why).clone()
    }
}

/// The error for a file of this writer that has disappeared.
fn gone(path: &Path) -> SinkError {
    SinkError::Failed(format!(
        "{} is gone: the log's folder was removed, moved or replaced while it was in use. Nothing more is written; put \
         it back, then restart",
        path.display()
    ))
}

/// An empty batch which says that everything up to `chain` is durable.
pub(super) fn mark(chain: &Chain, epoch: Epoch, sealed: bool) -> Batch {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64);
    Batch::mark(chain, epoch, now, sealed)
}
