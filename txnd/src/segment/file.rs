//! Segment files: names, headers, creation.
//!
//! ```text
//!   offset  bytes  field of the header, integers little-endian
//!        0      4  magic "KVSS"
//!        4      4  format version, 1
//!        8      8  log id
//!       16      8  lsn of the first record
//!       24      4  checksum of the last batch of the segment before (the chain)
//!       28     32  zero
//!       60      4  CRC32C of bytes 0..60
//! ```

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Seek, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use proto::Lsn;
use proto::batch::Chain;
use rustix::fs::FallocateFlags;

use super::cannot_open;
use crate::{Place, SinkError};

const MAGIC: [u8; 4] = *b"KVSS";
const VERSION: u32 = 1;

const VERSION_AT: usize = MAGIC.len();
const LOG_ID_AT: usize = VERSION_AT + 4;
const FIRST_LSN_AT: usize = LOG_ID_AT + 8;
const PREVIOUS_AT: usize = FIRST_LSN_AT + 8;
const CHECKSUM_AT: usize = 60;
const _: () = assert!(PREVIOUS_AT + 4 <= CHECKSUM_AT);

/// Size of a segment's header, in bytes.
pub(super) const HEADER_BYTES: usize = CHECKSUM_AT + 4;

const EXTENSION: &str = "seg";
const UNFINISHED: &str = "tmp";

/// An open segment whose header is right.
#[derive(Debug)]
pub(super) struct SegmentFile {
    pub(super) file: File,
    pub(super) path: PathBuf,
    /// Size of the file, in bytes.
    pub(super) size: u64,
    /// Where the log stands before the segment's first batch.
    pub(super) start: Chain,
}

fn name(first_lsn: Lsn) -> String {
    format!("{first_lsn:020}.{EXTENSION}")
}

/// The error for a segment that should be there.
pub(super) fn missing(folder: &Path, first_lsn: Lsn) -> SinkError {
    let what = "the segment is missing; it was deleted, renamed or moved".to_string();
    SinkError::Corrupt { place: Place::File { path: folder.join(name(first_lsn)), offset: 0 }, lsn: first_lsn, what }
}

/// The folder's segments in the order of their lsn.
pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>, SinkError> {
    let entries = std::fs::read_dir(folder).map_err(|e| cannot_open("read", folder, &e))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let mut paths = paths.map_err(|e| cannot_open("read", folder, &e))?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == EXTENSION));
    paths.sort();
    Ok(paths)
}

/// A name beside `path` that no file has: `path` with `suffix`, and a number if need be.
pub(super) fn unused_name(path: &Path, suffix: &str) -> PathBuf {
    let numbered = (1..).map(|n| path.with_added_extension(format!("{suffix}-{n}")));
    let mut names = std::iter::once(path.with_added_extension(suffix)).chain(numbered);
    names.find(|name| !name.exists()).expect("a folder has room for another name")
}

/// Removes files whose creation was cut short.
pub(super) fn remove_unfinished(folder: &Path) -> Result<(), SinkError> {
    let entries = std::fs::read_dir(folder).map_err(|e| cannot_open("read", folder, &e))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == UNFINISHED) {
            std::fs::remove_file(&path).map_err(|e| cannot_open("remove", &path, &e))?;
        }
    }
    Ok(())
}

/// Creates `path`, or replaces it, so that after any crash it either is as before or has everything that `fill` writes.
pub(super) fn replace(path: &Path, fill: impl FnOnce(&mut File) -> std::io::Result<()>) -> std::io::Result<File> {
    let unfinished = path.with_added_extension(UNFINISHED);
    let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&unfinished)?;
    let written = fill(&mut file).and_then(|()| file.sync_all());
    if let Err(e) = written {
        // On a full disk the space must come back.
        let _ = std::fs::remove_file(&unfinished);
        return Err(e);
    }
    std::fs::rename(&unfinished, path)?;
    sync_folder(path)?;
    Ok(file)
}

/// Creates a folder and what is missing above it, durably.
pub(super) fn create_folder(folder: &Path) -> std::io::Result<()> {
    let missing: Vec<_> = folder.ancestors().take_while(|f| !f.as_os_str().is_empty() && !f.exists()).collect();
    std::fs::create_dir_all(folder)?;
    missing.into_iter().try_for_each(sync_folder)
}

/// Makes the entry of `path` in its folder durable.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Reserves the disk space of a file's first `size` bytes, so that writing into it later does not run out of space.
fn preallocate(file: &File, size: u64) -> std::io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, size) {
        // Some file systems cannot reserve; the file gets its size, and a full disk shows at a write.
        Err(rustix::io::Errno::OPNOTSUPP) => file.set_len(size),
        other => other.map_err(Error::from),
    }
}

impl SegmentFile {
    /// Creates the segment that goes on from `start`, durable together with its name.
    pub(super) fn create(folder: &Path, start: &Chain, size: u64) -> std::io::Result<Self> {
        let mut header = [0; HEADER_BYTES];
        let mut put = |at: usize, field: &[u8]| header[at..at + field.len()].copy_from_slice(field);
        put(0, &MAGIC);
        put(VERSION_AT, &VERSION.to_le_bytes());
        put(LOG_ID_AT, &start.log_id.to_le_bytes());
        put(FIRST_LSN_AT, &(start.lsn + 1).to_le_bytes());
        put(PREVIOUS_AT, &start.checksum.to_le_bytes());
        let checksum = crc32c::crc32c(&header[..CHECKSUM_AT]);
        header[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());

        let path = folder.join(name(start.lsn + 1));
        let file = replace(&path, |file| {
            preallocate(file, size)?;
            file.write_all(&header)
        })?;
        Ok(Self { file, path, size, start: *start })
    }

    /// Opens a segment of the log `log_id` and checks its header and name.
    pub(super) fn open(path: &Path, log_id: u64) -> Result<Self, SinkError> {
        Self::open_as(File::options().read(true).write(true), path, log_id)
    }

    /// The same, for somebody who does not write.
    pub(super) fn open_to_read(path: &Path, log_id: u64) -> Result<Self, SinkError> {
        Self::open_as(File::options().read(true), path, log_id)
    }

    fn open_as(options: &OpenOptions, path: &Path, log_id: u64) -> Result<Self, SinkError> {
        let file = options.open(path).map_err(|e| cannot_open("open", path, &e))?;
        let size = file.metadata().map_err(|e| cannot_open("read", path, &e))?.len();
        let corrupt = |what: String| SinkError::Corrupt {
            place: Place::File { path: path.into(), offset: 0 },
            lsn: lsn_in_name(path),
            what,
        };
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, 0).map_err(|e| match e.kind() {
            ErrorKind::UnexpectedEof => corrupt(format!("the file has {size} bytes, less than a segment's header")),
            _ => cannot_open("read", path, &e),
        })?;
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
        let long = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().expect("eight bytes"));
        if !header.starts_with(&MAGIC) || word(CHECKSUM_AT) != crc32c::crc32c(&header[..CHECKSUM_AT]) {
            return Err(corrupt("this is not a segment's header with a right checksum".into()));
        }
        if word(VERSION_AT) != VERSION {
            return Err(corrupt(format!("format version {}; this program reads {VERSION}", word(VERSION_AT))));
        }
        if long(LOG_ID_AT) != log_id {
            let found = long(LOG_ID_AT);
            return Err(corrupt(format!("the segment belongs to log {found:016x}, this is log {log_id:016x}")));
        }
        let first_lsn = long(FIRST_LSN_AT);
        if path.file_name().is_none_or(|found| found != name(first_lsn).as_str()) {
            return Err(corrupt(format!("by its content the segment is {}; it was renamed", name(first_lsn))));
        }
        let start = Chain { log_id, lsn: first_lsn.saturating_sub(1), checksum: word(PREVIOUS_AT) };
        Ok(Self { file, path: path.into(), size, start })
    }

    /// The whole content, in `memory` if that is large enough.
    pub(super) fn content(&self, mut memory: Vec<u8>) -> Result<Bytes, SinkError> {
        memory.clear();
        let mut file = &self.file;
        file.rewind().and_then(|()| file.read_to_end(&mut memory)).map_err(|e| cannot_open("read", &self.path, &e))?;
        Ok(memory.into())
    }

    /// Copies the bytes of `torn` into the file `aside`, then clears everything from there on, durably.
    pub(super) fn cut_off(&mut self, torn: &Range<usize>, aside: &Path, size: u64) -> std::io::Result<()> {
        let mut tail = vec![0; torn.len()];
        self.file.read_exact_at(&mut tail, torn.start as u64)?;
        replace(aside, |file| file.write_all(&tail))?;
        self.file.set_len(torn.start as u64)?;
        self.size = size.max(torn.start as u64);
        preallocate(&self.file, self.size)?;
        self.file.sync_all()
    }
}

/// The first lsn of a segment, as its name says; 0 if it says nothing of the kind.
pub(super) fn lsn_in_name(path: &Path) -> Lsn {
    path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok()).unwrap_or(0)
}
