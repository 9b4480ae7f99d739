//! Segment files: creation and renewal. The fields of their header, see `header.rs`:
//!
//! ```text
//!   magic "KVSS", version 1, log id, lsn of the first record, checksum of the last batch of the segment before (the chain)
//! ```

use std::fs::File;
use std::io::{Error, ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use proto::limits::MAX_LSN;
use proto::{Chain, Lsn};
use rustix::fs::FallocateFlags;

use super::folder::{self, Folder, Unfinished};
use super::header::{HeaderError, Kind};
use super::names;
use crate::disk::cannot;
use crate::sink::{Location, SinkError};

const KIND: Kind = Kind { magic: *b"KVSS", version: 1, name: "segment" };

/// An open segment whose header is right.
#[derive(Debug)]
pub(super) struct SegmentFile {
    pub(super) file: File,
    pub(super) path: PathBuf,
    /// Size of the file, in bytes.
    pub(super) size: u64,
    /// End of the log before the segment's first batch.
    pub(super) start: Chain,
}

/// The error for a segment that should exist.
pub(super) fn missing(folder: &Path, first_lsn: Lsn) -> SinkError {
    let what = "the segment is missing; it was deleted, renamed or moved".to_string();
    SinkError::Corrupt {
        place: Location::File { path: folder.join(names::segment(first_lsn)), offset: 0 },
        lsn: first_lsn,
        what,
    }
}

/// Reserves disk space for a file's first `size` bytes, so that writing to it later does not run out of space.
fn preallocate(file: &File, size: u64) -> std::io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, size) {
        // Some file systems cannot reserve space. The file gets its size, and a full disk shows at a write.
        Err(rustix::io::Errno::OPNOTSUPP) => file.set_len(size),
        other => other.map_err(Error::from),
    }
}

impl SegmentFile {
    /// Creates the file of a future segment.
    pub(super) fn begin(folder: &Folder) -> std::io::Result<Unfinished> {
        folder.begin(folder.path().join(names::NEXT))
    }

    /// Turns a file from [`Self::begin`] into the segment that continues from `start`, durable together with its name.
    pub(super) fn create(folder: &Folder, begun: Unfinished, start: &Chain, size: u64) -> std::io::Result<Self> {
        let header = KIND.encode([start.log_id, start.lsn + 1, start.checksum.into()]);
        let path = folder.path().join(names::segment(start.lsn + 1));
        let file = folder.finish(begun, &path, |file| {
            preallocate(file, size)?;
            file.write_all(&header)
        })?;
        Ok(Self { file, path, size, start: *start })
    }

    /// Opens a segment of the log `log_id` for reading. Checks its header and name.
    pub(super) fn open(path: &Path, log_id: u64) -> Result<Self, SinkError> {
        let file = File::open(path).map_err(|e| cannot("open", path, &e))?;
        let size = file.metadata().map_err(|e| cannot("read", path, &e))?.len();
        let corrupt = |what: String| SinkError::Corrupt {
            place: Location::File { path: path.into(), offset: 0 },
            lsn: lsn_in_name(path),
            what,
        };
        let [found, first_lsn, previous] = KIND.read(&file).map_err(|e| match e {
            HeaderError::Corrupt(what) => corrupt(what),
            HeaderError::Io(e) => cannot("read", path, &e),
        })?;
        if found != log_id {
            return Err(corrupt(format!("the segment belongs to log {found:016x}, this is log {log_id:016x}")));
        }
        if path.file_name().is_none_or(|found| found != names::segment(first_lsn).as_str()) {
            return Err(corrupt(format!(
                "by its content the segment is {}; it was renamed",
                names::segment(first_lsn)
            )));
        }
        if !(1..=MAX_LSN).contains(&first_lsn) {
            return Err(corrupt(format!("the segment begins with lsn {first_lsn}; expected 1 to {MAX_LSN}")));
        }
        let start = Chain { log_id, lsn: first_lsn - 1, checksum: previous as u32 };
        Ok(Self { file, path: path.into(), size, start })
    }

    /// Reads `length` bytes at `offset`, into `memory` if that is large enough.
    pub(super) fn read(&self, offset: usize, length: usize, mut memory: Vec<u8>) -> Result<Bytes, SinkError> {
        memory.resize(length, 0);
        self.file.read_exact_at(&mut memory, offset as u64).map_err(|e| cannot("read", &self.path, &e))?;
        Ok(memory.into())
    }

    /// Whether the segment's file is still where it was created.
    pub(super) fn is_in_place(&self) -> std::io::Result<bool> {
        folder::is_at(&self.file, &self.path)
    }

    /// Whether the file has lost its last name, as far as the file system can tell.
    pub(super) fn seems_removed(&self) -> bool {
        self.file.metadata().is_ok_and(|found| found.nlink() == 0)
    }

    /// Replaces the segment's file durably with a new one: `content`, the segment's bytes up to the end of a batch, and
    /// `mark`. The new file is as large as the old one if there is space for that, else as large as needed. Only the
    /// new file may be written to.
    pub(super) fn renew(&mut self, folder: &Folder, content: &[u8], mark: &[u8]) -> std::io::Result<()> {
        let needed = (content.len() + mark.len()) as u64;
        let mut size = self.size.max(needed);
        self.file = folder.replace(&self.path, |file| {
            match preallocate(file, size) {
                Err(e) if e.kind() == ErrorKind::StorageFull => {
                    size = needed;
                    file.set_len(size)?;
                }
                other => other?,
            }
            file.write_all(content)?;
            file.write_all(mark)
        })?;
        self.size = size;
        Ok(())
    }
}

/// The first lsn of a segment according to its name; 0 if the name gives none.
pub(super) fn lsn_in_name(path: &Path) -> Lsn {
    path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_begins_with_an_lsn_that_a_record_can_have() {
        let folder = tempfile::tempdir().unwrap();
        for (first_lsn, is_possible) in
            [(0, false), (1, true), (MAX_LSN, true), (MAX_LSN + 1, false), (Lsn::MAX, false)]
        {
            let path = folder.path().join(names::segment(first_lsn));
            std::fs::write(&path, KIND.encode([7, first_lsn, 0])).unwrap();
            match SegmentFile::open(&path, 7) {
                Ok(segment) => assert!(is_possible && segment.start.lsn == first_lsn - 1),
                Err(e) => assert!(!is_possible && matches!(e, SinkError::Corrupt { .. }), "{e}"),
            }
        }
    }
}
