//! The log's identity and the last writer's epoch, as a small text file that is replaced atomically.
//!
//! ```text
//!   kvs-log 1
//!   id 91b4f6a2c07d3e58
//!   epoch 7
//!   crc32c 1f9e02bb        of the lines above
//! ```

use std::cmp::Ordering;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use proto::Epoch;

use super::error::cannot;
use super::folder::Folder;
use super::names;
use crate::sink::{Location, SinkError};

const FORMAT: &str = "kvs-log 1";
const CHECKSUM: &str = "crc32c";

/// See the module's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) log_id: u64,
    /// 0 until the first writer has begun.
    pub(super) epoch: Epoch,
}

/// Identifies the manifest's file without opening it. Changes whenever the file is replaced or modified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    /// Time of the last change, in seconds and nanoseconds.
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of the folder's manifest; `None` if there is none.
    pub(super) fn of(folder: &Path) -> Result<Option<Self>, SinkError> {
        let file = path(folder);
        match std::fs::metadata(&file) {
            Ok(found) => {
                Ok(Some(Self { device: found.dev(), inode: found.ino(), changed: (found.ctime(), found.ctime_nsec()) }))
            }
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(e) => Err(cannot("read", &file, &e)),
        }
    }
}

pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join(names::MANIFEST)
}

impl Manifest {
    fn to_text(self) -> String {
        let lines = format!("{FORMAT}\nid {:016x}\nepoch {}\n", self.log_id, self.epoch);
        format!("{lines}{CHECKSUM} {:08x}\n", crc32c::crc32c(lines.as_bytes()))
    }

    fn parse(text: &str) -> Option<Self> {
        let (_, fields) = text.split_once('\n')?;
        let mut lines = fields.lines();
        let log_id = u64::from_str_radix(lines.next()?.strip_prefix("id ")?, 16).ok()?;
        let epoch = lines.next()?.strip_prefix("epoch ")?.parse().ok()?;
        let manifest = Self { log_id, epoch };
        (manifest.to_text() == text).then_some(manifest)
    }

    /// Reads the folder's manifest; `None` if there is none.
    pub(super) fn load(folder: &Path) -> Result<Option<Self>, SinkError> {
        let file = path(folder);
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(cannot("read", &file, &e)),
        };
        let text = String::from_utf8_lossy(&bytes);
        match Self::parse(&text) {
            Some(manifest) => Ok(Some(manifest)),
            None => {
                let found = text.lines().next().unwrap_or_default();
                let what =
                    format!("expected a manifest of format {FORMAT:?} with a correct {CHECKSUM}, found {found:?}");
                Err(SinkError::Corrupt { place: Location::File { path: file, offset: 0 }, lsn: 1, what })
            }
        }
    }

    /// Checks that `own` is the log's latest term.
    pub(super) fn check_term(&self, own: Epoch) -> Result<(), SinkError> {
        let latest = self.epoch;
        match own.cmp(&latest) {
            Ordering::Equal => Ok(()),
            Ordering::Less => Err(SinkError::Fenced { own, newer: latest }),
            Ordering::Greater => Err(SinkError::Failed(format!(
                "this log's latest term is epoch {latest}, the writer's is {own}: is it another log?"
            ))),
        }
    }

    /// Replaces the folder's manifest.
    pub(super) fn store(self, folder: &Folder) -> std::io::Result<()> {
        folder
            .replace(&path(folder.path()), |file| std::io::Write::write_all(file, self.to_text().as_bytes()))
            .map(drop)
    }
}
