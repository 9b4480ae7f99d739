//! What a backup consists of, as a JSON file that is replaced atomically.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use proto::{Lsn, Micros};
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::disk::{cannot, corrupt};
use crate::sink::SinkError;

const NAME: &str = "BACKUP.json";

/// The name of BACKUP.json while it is being written.
const UNFINISHED: &str = "BACKUP.json.tmp";

const FORMAT: &str = "kvs-backup 1";

/// Mode of every file that is created, because values may be secrets.
const FILE_MODE: u32 = 0o600;

/// See the module's documentation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: String,
    /// The id of the log that was copied, in hexadecimal.
    log_id: String,
    /// The earliest first.
    pub(super) sets: Vec<Set>,
}

/// One full backup with its increments.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Set {
    /// `None` if the records begin with the log's first.
    pub(super) checkpoint: Option<CheckpointPart>,
    /// The records after it, in order and without holes.
    pub(super) logs: Vec<LogPart>,
}

/// A checkpoint; see [`Checkpoint`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CheckpointPart {
    pub(super) base: Lsn,
    pub(super) end: Lsn,
    pub(super) entries: u64,
    /// When it was begun, in Unix microseconds.
    pub(super) at: Micros,
    #[serde(flatten)]
    pub(super) file: PartFile,
}

/// A run of records.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LogPart {
    pub(super) first: Lsn,
    pub(super) last: Lsn,
    /// Offset of the last batch in the file, in bytes.
    pub(super) tail: u64,
    #[serde(flatten)]
    pub(super) file: PartFile,
}

/// A file of the backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PartFile {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// In hexadecimal.
    pub(super) sha256: String,
}

impl Manifest {
    /// That of a backup without sets.
    pub(super) fn new(log_id: u64) -> Self {
        Self { format: FORMAT.into(), log_id: format!("{log_id:016x}"), sets: Vec::new() }
    }

    /// The id of the log that was copied.
    pub(super) fn log_id(&self) -> u64 {
        u64::from_str_radix(&self.log_id, 16).unwrap_or_default()
    }

    /// Reads the backup's manifest; `None` if there is none.
    pub(super) fn load(dir: &Path) -> Result<Option<Self>, SinkError> {
        let path = dir.join(NAME);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(e) => return Err(cannot("read", &path, &e)),
        };
        let damaged = |what: String| corrupt(&path, 0, 0, what);
        let found: serde_json::Value = serde_json::from_slice(&text).map_err(|e| damaged(e.to_string()))?;
        match found.get("format").and_then(serde_json::Value::as_str) {
            Some(FORMAT) => {}
            Some(newer) if newer.starts_with("kvs-backup ") => {
                let what = format!("{} has the format {newer:?}, which this program does not know", path.display());
                return Err(SinkError::Failed(format!("{what}; use a newer program")));
            }
            _ => return Err(damaged(format!("expected a backup of the format {FORMAT:?}"))),
        }
        let manifest: Self = serde_json::from_value(found).map_err(|e| damaged(e.to_string()))?;
        manifest.check().map_err(damaged)?;
        Ok(Some(manifest))
    }

    /// The manifest of the backup that must be in `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self, SinkError> {
        let none = || SinkError::Failed(format!("there is no backup in {}", dir.display()));
        Self::load(dir)?.ok_or_else(none)
    }

    fn check(&self) -> Result<(), String> {
        if u64::from_str_radix(&self.log_id, 16).is_err() {
            return Err("the log's id is not a number".into());
        }
        let names = self.files().map(|file| &file.name);
        if let Some(name) = names.clone().find(|name| name.is_empty() || name.contains('/') || name.starts_with('.')) {
            return Err(format!("{name:?} is not the name of a file of the backup"));
        }
        match self.sets.iter().all(Set::is_whole) {
            true => Ok(()),
            false => Err("there is a hole between its records".into()),
        }
    }

    fn files(&self) -> impl Iterator<Item = &PartFile> + Clone {
        self.sets.iter().flat_map(Set::files)
    }

    /// Replaces the backup's manifest, durably.
    pub(super) fn store(&self, dir: &Path) -> Result<(), SinkError> {
        let (path, unfinished) = (dir.join(NAME), dir.join(UNFINISHED));
        let stored = (|| {
            let mut text = serde_json::to_vec_pretty(self)?;
            text.push(b'\n');
            let mut file = create(&unfinished)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&unfinished, &path)?;
            File::open(dir)?.sync_all()
        })();
        stored.map_err(|e| cannot("write", &path, &e))
    }

    /// Removes what runs that did not finish have left: files that look like parts and are not named.
    pub(super) fn remove_unnamed(&self, dir: &Path) -> Result<(), SinkError> {
        let is_unnamed = |name: &str| is_part(name) && self.files().all(|file| file.name != name);
        let entries: Vec<PathBuf> = std::fs::read_dir(dir)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
            .map_err(|e| cannot("read", dir, &e))?;
        for path in
            entries.iter().filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_unnamed))
        {
            std::fs::remove_file(path).map_err(|e| cannot("remove", path, &e))?;
        }
        Ok(())
    }
}

impl Set {
    /// The files, in the order in which they are read.
    pub(super) fn files(&self) -> impl Iterator<Item = &PartFile> + Clone {
        self.checkpoint.iter().map(|part| &part.file).chain(self.logs.iter().map(|part| &part.file))
    }

    /// Lsn of the first record.
    pub(super) fn first(&self) -> Lsn {
        self.checkpoint.as_ref().map_or(0, |part| part.base) + 1
    }

    /// Lsn of the last record; if there is none, of the one before the first.
    pub(super) fn last(&self) -> Lsn {
        self.logs.last().map_or(self.first() - 1, |part| part.last)
    }

    fn is_whole(&self) -> bool {
        let mut next = self.first();
        let follows = |part: &LogPart| {
            let expected = std::mem::replace(&mut next, part.last.saturating_add(1));
            part.first == expected && part.last >= part.first
        };
        self.logs.iter().all(follows) && self.checkpoint.as_ref().is_none_or(|part| part.end <= self.last())
    }
}

impl CheckpointPart {
    pub(super) fn info(&self) -> Checkpoint {
        let Self { base, end, entries, at, ref file } = *self;
        Checkpoint { base, end, entries, bytes: file.bytes, at }
    }
}

/// The name of a file of the set of this number.
pub(super) fn part_name(set: usize, what: &str) -> String {
    format!("{set:04}-{what}.batches")
}

/// Whether a file may be a part of a backup, or what is left of one.
pub(super) fn is_part(name: &str) -> bool {
    let is_batches = |name: &str| name.contains("-checkpoint-") || name.contains("-log-");
    name.strip_suffix(".batches").is_some_and(is_batches) || name == UNFINISHED
}

/// Creates or empties a file that only this user may read.
pub(super) fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(path)
}
