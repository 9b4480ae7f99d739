//! The log's identity, the last writer's epoch, and what the log consists of, as a small text file that is replaced
//! atomically.
//!
//! ```text
//!   kvs-log 3
//!   id 91b4f6a2c07d3e58
//!   epoch 7
//!   first 250001           the first record that is kept
//!   checkpoint 300000      the checkpoints in use, the earlier one first
//!   checkpoint 483920
//!   term 2 0               where terms begin: the epoch, and the last lsn before it
//!   term 7 391002
//!   crc32c 1f9e02bb        of the lines above
//! ```
//!
//! Version 2 has no terms, and version 1 neither these nor checkpoints. Logs of earlier programs are of these versions until
//! their next term begins; then those programs refuse them.

use std::cmp::Ordering;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use proto::limits::MAX_LSN;
use proto::{Chain, Epoch, Lsn};

use super::folder::Folder;
use super::names;
use crate::disk::cannot;
use crate::sink::{Location, SinkError};
use crate::terms::{TermStart, Terms};

const FORMAT: &str = "kvs-log 1";
const FORMAT_WITH_CHECKPOINTS: &str = "kvs-log 2";
const FORMAT_WITH_TERMS: &str = "kvs-log 3";
const FORMATS: [&str; 3] = [FORMAT, FORMAT_WITH_CHECKPOINTS, FORMAT_WITH_TERMS];
const CHECKSUM: &str = "crc32c";

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) log_id: u64,
    /// 0 until the first writer has begun; then there is no segment yet.
    pub(super) epoch: Epoch,
    /// Lsn of the first record that is kept.
    pub(super) first: Lsn,
    /// Bases of the checkpoints in use, in ascending order.
    pub(super) checkpoints: Vec<Lsn>,
    /// Where the terms begin.
    pub(super) terms: Terms,
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

/// The last line of a manifest: the checksum of the lines above.
fn checksum_of(lines: &str) -> String {
    format!("{CHECKSUM} {:08x}", crc32c::crc32c(lines.as_bytes()))
}

/// Whether the text is undamaged, and of a format that this program does not know.
fn is_of_another_format(text: &str) -> bool {
    let Some(text) = text.strip_suffix('\n') else { return false };
    let (lines, checksum) = text.split_at(text.rfind('\n').map_or(0, |end| end + 1));
    let is_known = lines.lines().next().is_none_or(|format| FORMATS.contains(&format));
    !is_known && checksum == checksum_of(lines)
}

impl Manifest {
    /// The manifest of a log before its first term.
    pub(super) fn new(log_id: u64) -> Self {
        Self { log_id, epoch: 0, first: 1, checkpoints: Vec::new(), terms: Terms::default() }
    }

    /// The manifest of a log that begins with the checkpoint of `base`, before its first term.
    pub(super) fn begun_with(log_id: u64, base: Lsn) -> Self {
        Self { first: base + 1, checkpoints: vec![base], ..Self::new(log_id) }
    }

    /// Begins the next term, after the record `base`.
    pub(super) fn begin_term(&mut self, base: Lsn) {
        self.epoch += 1;
        self.terms.begin(TermStart { epoch: self.epoch, base });
    }

    /// The chain before the first record that is kept, in a log that has no segment yet.
    pub(super) fn start(&self) -> Chain {
        Chain { lsn: self.first - 1, ..Chain::start(self.log_id) }
    }

    fn to_text(&self) -> String {
        let Self { log_id, epoch, first, checkpoints, terms } = self;
        let is_whole = *first == 1 && checkpoints.is_empty();
        let format = match (terms.starts().is_empty(), is_whole) {
            (true, true) => FORMAT,
            (true, false) => FORMAT_WITH_CHECKPOINTS,
            (false, _) => FORMAT_WITH_TERMS,
        };
        let mut lines = format!("{format}\nid {log_id:016x}\nepoch {epoch}\n");
        if !is_whole {
            lines += &format!("first {first}\n");
        }
        checkpoints.iter().for_each(|base| lines += &format!("checkpoint {base}\n"));
        terms.starts().iter().for_each(|TermStart { epoch, base }| lines += &format!("term {epoch} {base}\n"));
        format!("{lines}{}\n", checksum_of(&lines))
    }

    fn parse(text: &str) -> Option<Self> {
        let (_, fields) = text.split_once('\n')?;
        let mut lines = fields.lines().peekable();
        let log_id = u64::from_str_radix(lines.next()?.strip_prefix("id ")?, 16).ok()?;
        let mut manifest = Self::new(log_id);
        manifest.epoch = lines.next()?.strip_prefix("epoch ")?.parse().ok()?;
        if let Some(first) = lines.next_if(|line| line.starts_with("first ")) {
            manifest.first = first.strip_prefix("first ")?.parse().ok()?;
        }
        while let Some(line) = lines.next_if(|line| line.starts_with("checkpoint ")) {
            manifest.checkpoints.push(line.strip_prefix("checkpoint ")?.parse().ok()?);
        }
        let mut starts = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with("term ")) {
            let (epoch, base) = line.strip_prefix("term ")?.split_once(' ')?;
            starts.push(TermStart { epoch: epoch.parse().ok()?, base: base.parse().ok()? });
        }
        manifest.terms = Terms::of_starts(starts)?;
        (manifest.is_possible() && manifest.to_text() == text).then_some(manifest)
    }

    /// Whether a log can have come here by counting, and can go on.
    fn is_possible(&self) -> bool {
        let Self { epoch, first, checkpoints, terms, .. } = self;
        *epoch < Epoch::MAX
            && terms.starts().last().is_none_or(|last| last.epoch == *epoch && last.base <= MAX_LSN)
            && (1..=MAX_LSN).contains(first)
            && checkpoints.is_sorted()
            && checkpoints.iter().all(|base| *base < MAX_LSN)
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
            None if is_of_another_format(&text) => {
                let found = text.lines().next().unwrap_or_default();
                let what = format!("{} has the format {found:?}, which this program does not know", file.display());
                Err(SinkError::Failed(format!("{what}; use a newer program")))
            }
            None => {
                let found = text.lines().next().unwrap_or_default();
                let what = format!(
                    "expected a manifest of a format out of {FORMATS:?} with a correct {CHECKSUM}, found {found:?}"
                );
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
    pub(super) fn store(&self, folder: &Folder) -> std::io::Result<()> {
        folder
            .replace(&path(folder.path()), |file| std::io::Write::write_all(file, self.to_text().as_bytes()))
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_log_can_come_to_is_a_manifest() {
        let text = |lines: &str| format!("{lines}{}\n", checksum_of(lines));
        let parsed =
            |fields: &str| Manifest::parse(&text(&format!("{FORMAT_WITH_CHECKPOINTS}\nid 0000000000000001\n{fields}")));
        let sound = "epoch 18446744073709551614\nfirst 9223372036854775807\ncheckpoint 9223372036854775806\n";
        assert!(parsed(sound).is_some_and(|manifest| manifest.start().lsn == MAX_LSN - 1));
        for odd in [
            "epoch 18446744073709551615\nfirst 2\n",
            "epoch 1\nfirst 0\n",
            "epoch 1\nfirst 9223372036854775808\n",
            "epoch 1\nfirst 18446744073709551615\n",
            "epoch 1\nfirst 2\ncheckpoint 9223372036854775807\n",
            "epoch 1\nfirst 2\ncheckpoint 18446744073709551615\n",
            "epoch 1\nfirst 2\ncheckpoint 9\ncheckpoint 8\n",
            "epoch 3\nterm 2 9\n",
            "epoch 2\nterm 2 9\nterm 2 10\n",
            "epoch 2\nterm 1 9\nterm 2 9\n",
            "epoch 2\nterm 2 9223372036854775808\n",
        ] {
            assert_eq!(parsed(odd), None, "{odd}");
        }
    }
}
