//! One file of a backup: batches one after the other.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use proto::{Batch, Lsn};
use sha2::{Digest, Sha256};

use super::manifest::{PartFile, create};
use crate::disk::{cannot, corrupt, read_batch, unwritable};
use crate::sink::SinkError;

/// Bytes that are hashed at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// A file that is being written. Dropped before it is finished, it is removed.
pub(super) struct PartWriter {
    file: BufWriter<File>,
    path: PathBuf,
    bytes: u64,
    hash: Sha256,
    is_finished: bool,
}

impl PartWriter {
    pub(super) fn create(path: PathBuf) -> Result<Self, SinkError> {
        let file = create(&path).map_err(|e| cannot("create", &path, &e))?;
        Ok(Self {
            file: BufWriter::with_capacity(CHUNK_BYTES, file),
            path,
            bytes: 0,
            hash: Sha256::new(),
            is_finished: false,
        })
    }

    /// Adds a batch. Returns its offset.
    pub(super) fn append(&mut self, batch: &Batch) -> Result<u64, SinkError> {
        let at = self.bytes;
        self.file.write_all(batch.as_bytes()).map_err(|e| unwritable(&self.path, &e))?;
        self.hash.update(batch.as_bytes());
        self.bytes += batch.as_bytes().len() as u64;
        Ok(at)
    }

    /// Makes the content durable, and then the file's name.
    pub(super) fn finish(mut self, name: String) -> Result<PartFile, SinkError> {
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        synced.map_err(|e| unwritable(&self.path, &e))?;
        std::fs::rename(&self.path, self.path.with_file_name(&name)).map_err(|e| cannot("rename", &self.path, &e))?;
        self.is_finished = true;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| cannot("sync", folder, &e))?;
        Ok(PartFile { name, bytes: self.bytes, sha256: hex(&std::mem::take(&mut self.hash)) })
    }
}

impl Drop for PartWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            // If it stays, the next run removes it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn hex(hash: &Sha256) -> String {
    hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file that is being read.
pub(super) struct PartReader<'p> {
    part: &'p PartFile,
    file: File,
    path: PathBuf,
    lsn: Lsn,
    /// Offset of the batch that was read last.
    last: u64,
    /// Offset of the next batch.
    next: u64,
    memory: Vec<u8>,
}

impl PartReader<'_> {
    /// The next batch; `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Batch>, SinkError> {
        if self.next >= self.part.bytes {
            return Ok(None);
        }
        self.last = self.next;
        let read = read_batch(&self.file, self.next, self.part.bytes, std::mem::take(&mut self.memory));
        let batch = read.map_err(|e| self.part.unreadable(&self.path, self.lsn, &e))?;
        let batch = batch.map_err(|e| self.damaged(e.to_string()))?;
        self.next += batch.as_bytes().len() as u64;
        Ok(Some(batch))
    }

    /// Takes the memory of a batch back, for the next one.
    pub(super) fn recycle(&mut self, batch: Batch) {
        self.memory = batch.into_memory().unwrap_or_default();
    }

    /// The error for the batch that was read last.
    pub(super) fn damaged(&self, what: String) -> SinkError {
        corrupt(&self.path, self.lsn, self.last, what)
    }

    /// The error for a file that is whole, and has less than it should.
    pub(super) fn too_short(&self, from: Lsn, what: String) -> SinkError {
        corrupt(&self.path, from, self.part.bytes, what)
    }
}

impl PartFile {
    /// Reads its batches, from the offset `from` on. `lsn` is what the file is about, for messages.
    pub(super) fn open(&self, dir: &Path, lsn: Lsn, from: u64) -> Result<PartReader<'_>, SinkError> {
        let path = dir.join(&self.name);
        let file = File::open(&path).map_err(|e| self.unreadable(&path, lsn, &e))?;
        Ok(PartReader { part: self, file, path, lsn, last: from, next: from, memory: Vec::new() })
    }

    /// Checks the hash of the whole file.
    pub(super) fn check_hash(&self, dir: &Path, lsn: Lsn) -> Result<(), SinkError> {
        let path = dir.join(&self.name);
        let hash = (|| {
            let (mut file, mut hash, mut chunk) = (File::open(&path)?, Sha256::new(), vec![0; CHUNK_BYTES]);
            loop {
                match file.read(&mut chunk)? {
                    0 => return Ok(hex(&hash)),
                    n => hash.update(&chunk[..n]),
                }
            }
        })();
        match hash {
            Ok(found) if found == self.sha256 => Ok(()),
            Ok(found) => Err(corrupt(
                &path,
                lsn,
                0,
                format!("its SHA-256 is {found}, and was {} when it was written", self.sha256),
            )),
            Err(e) => Err(self.unreadable(&path, lsn, &e)),
        }
    }

    fn unreadable(&self, path: &Path, lsn: Lsn, error: &std::io::Error) -> SinkError {
        match error.kind() {
            std::io::ErrorKind::NotFound => corrupt(path, lsn, 0, "the file is missing"),
            std::io::ErrorKind::UnexpectedEof => {
                corrupt(path, lsn, 0, format!("the file is shorter than {} bytes", self.bytes))
            }
            _ => cannot("read", path, error),
        }
    }
}
