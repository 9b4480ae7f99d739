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

impl PartFile {
    /// Passes the batches from the offset `from` on to `visit`, until that returns false. `lsn` is what the file is about,
    /// for messages.
    pub(super) async fn read(
        &self,
        dir: &Path,
        lsn: Lsn,
        from: u64,
        visit: &mut impl AsyncFnMut(&Batch) -> Result<bool, String>,
    ) -> Result<(), SinkError> {
        let path = dir.join(&self.name);
        let file = File::open(&path).map_err(|e| self.unreadable(&path, lsn, &e))?;
        let (mut at, mut memory) = (from, Vec::new());
        while at < self.bytes {
            let batch = read_batch(&file, at, self.bytes, memory).map_err(|e| self.unreadable(&path, lsn, &e))?;
            let batch = batch.map_err(|e| corrupt(&path, lsn, at, e.to_string()))?;
            if !visit(&batch).await.map_err(|what| corrupt(&path, lsn, at, what))? {
                break;
            }
            at += batch.as_bytes().len() as u64;
            memory = batch.into_memory().unwrap_or_default();
        }
        Ok(())
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
