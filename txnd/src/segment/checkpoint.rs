//! Checkpoint files.
//!
//! ```text
//!   00000000000000483920.checkpoint      named after the last lsn that it covers
//!
//!   checkpoint := header (64 bytes) batch* last-batch
//!   header     := magic "KVSC", version 1, log id, base (the last lsn that it covers), when it was begun (Unix microseconds)
//! ```
//!
//! The file is written under another name, and synced. Then it gets its name, and the manifest names it. A file that the
//! manifest does not name is not in use: the next start removes it.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use proto::limits::BATCH_HEADER_BYTES;
use proto::{Batch, Lsn, Micros};

use super::folder;
use super::header::{HEADER_BYTES, HeaderError, Kind};
use super::names;
use crate::checkpoint::{Checkpoint, CheckpointVerifier};
use crate::disk::{cannot, corrupt, read_batch, unwritable};
use crate::sink::{CheckpointWriter, SinkError, VisitError};

const KIND: Kind = Kind { magic: *b"KVSC", version: 1, name: "checkpoint" };

/// A checkpoint that is being written, or has been written and is not in use yet. Dropping it removes the file.
#[derive(Debug)]
pub struct SegmentCheckpoint {
    file: File,
    path: PathBuf,
    info: Checkpoint,
    verifier: CheckpointVerifier,
}

impl SegmentCheckpoint {
    /// Begins a checkpoint in a log's folder.
    pub(super) fn begin(folder: &Path, log_id: u64, base: Lsn) -> Result<Self, SinkError> {
        let path = folder.join(names::unfinished_checkpoint(base));
        let file = folder::create_file(&path).map_err(|e| cannot("create", &path, &e))?;
        let info = Checkpoint::begun(base);
        let mut this = Self { file, path, info, verifier: CheckpointVerifier::new(base) };
        this.write(&KIND.encode([log_id, base, info.at.cast_unsigned()]))?;
        Ok(this)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.file.write_all(bytes).map_err(|e| unwritable(&self.path, &e))?;
        self.info.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Gives a finished file its name, which is not durable before the folder is synced.
    pub(super) fn rename(self) -> Result<Checkpoint, SinkError> {
        let info = self.info;
        let path = self.path.with_file_name(names::checkpoint(info.base));
        std::fs::rename(&self.path, &path).map_err(|e| cannot("rename", &self.path, &e))?;
        Ok(info)
    }

    /// The lsn up to which the log must be durable before the checkpoint may be used; `None` before it is finished.
    pub(super) fn end(&self) -> Option<Lsn> {
        self.verifier.end()
    }

    /// Fails unless a log can begin with it.
    pub(super) fn can_begin(&self, log_is_empty: bool) -> Result<(), SinkError> {
        self.verifier.can_begin(log_is_empty).map_err(SinkError::Failed)
    }
}

impl CheckpointWriter for SegmentCheckpoint {
    async fn append(&mut self, batch: &Batch) -> Result<(), SinkError> {
        self.verifier.add(batch).map_err(SinkError::Failed)?;
        self.write(batch.as_bytes())
    }

    async fn finish(&mut self) -> Result<(), SinkError> {
        self.verifier.complete(&mut self.info).map_err(SinkError::Failed)?;
        self.file.sync_all().map_err(|e| cannot("sync", &self.path, &e))
    }
}

impl Drop for SegmentCheckpoint {
    fn drop(&mut self) {
        // It is gone if it was renamed. If it stays, the next start removes it.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Opens the checkpoint of this base. Checks its header.
fn open(folder: &Path, log_id: u64, base: Lsn) -> Result<(File, PathBuf, Micros), SinkError> {
    let path = folder.join(names::checkpoint(base));
    let file = File::open(&path).map_err(|e| match e.kind() {
        ErrorKind::NotFound => corrupt(&path, base, 0, "the checkpoint is missing; it was deleted, renamed or moved"),
        _ => cannot("open", &path, &e),
    })?;
    let [found_log, found_base, at] = KIND.read(&file).map_err(|e| match e {
        HeaderError::Corrupt(what) => corrupt(&path, base, 0, what),
        HeaderError::Io(e) => cannot("read", &path, &e),
    })?;
    if (found_log, found_base) != (log_id, base) {
        return Err(corrupt(
            &path,
            base,
            0,
            format!("it is the checkpoint of lsn {found_base} of log {found_log:016x}"),
        ));
    }
    Ok((file, path, at.cast_signed()))
}

/// What the checkpoint says of itself at its beginning and end. Only [`read`] checks all of it.
pub(super) fn info(folder: &Path, log_id: u64, base: Lsn) -> Result<Checkpoint, SinkError> {
    let (file, path, at) = open(folder, log_id, base)?;
    let bytes = file.metadata().map_err(|e| cannot("read", &path, &e))?.len();
    let mut last = vec![0; BATCH_HEADER_BYTES];
    let offset = bytes.saturating_sub(last.len() as u64);
    file.read_exact_at(&mut last, offset).map_err(|e| cannot("read", &path, &e))?;
    match Batch::decode(&last.into()) {
        Ok(last) if last.count() == 0 => {
            let (end, entries) = (last.durable_lsn(), last.last_lsn());
            Ok(Checkpoint { base, end, entries, bytes, at })
        }
        _ => Err(corrupt(&path, base, offset, "the checkpoint does not end as it should")),
    }
}

/// Passes the batches of the checkpoint to `visit`, and checks every byte.
pub(super) async fn read(
    folder: &Path,
    log_id: u64,
    base: Lsn,
    visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
) -> Result<(), SinkError> {
    let (file, path, _) = open(folder, log_id, base)?;
    let size = file.metadata().map_err(|e| cannot("read", &path, &e))?.len();
    let (mut verifier, mut offset, mut memory) = (CheckpointVerifier::new(base), HEADER_BYTES as u64, Vec::new());
    while offset < size {
        let batch = read_batch(&file, offset, size, memory).map_err(|e| cannot("read", &path, &e))?;
        let batch = batch.map_err(|e| corrupt(&path, base, offset, e.to_string()))?;
        verifier.add(&batch).map_err(|what| corrupt(&path, base, offset, what))?;
        visit(&batch).await.map_err(|e| e.into_sink_error(|e| corrupt(&path, base, offset, e.to_string())))?;
        offset += batch.as_bytes().len() as u64;
        memory = batch.into_memory().unwrap_or_default();
    }
    match verifier.end() {
        Some(_) => Ok(()),
        None => Err(corrupt(&path, base, offset, "the checkpoint ends too early")),
    }
}
