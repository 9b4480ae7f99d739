//! The log as append-only files in a folder.
//!
//! ```text
//!   kvs-data/
//!     LOCK                          held (flock) by the process that has the log open
//!     MANIFEST                      the log's identity and the last epoch, replaced atomically
//!     00000000000000000001.seg      segments, named by their first lsn, preallocated
//!     00000000000000483920.seg
//!     ….seg.torn-81920              a torn tail that was cut off, kept aside
//!
//!   segment := header (64 bytes) batch* [mark] zeros
//! ```
//!
//! **Writing.** A batch is written behind the last one; then `fdatasync`; then a *mark* (an empty batch) behind it that says
//! that everything before is durable; then the acknowledgement. The mark is not synced: it costs a 64-byte write into the
//! page cache, and survives the death of the process. The next batch is written over the mark if its header says as much
//! about what is durable, else behind it. When a segment is full the next one is created,
//! and made durable together with its name, before the old one gets a *sealed* mark and before anything goes into the new one.
//!
//! **Reading.** Each batch must have a right checksum and continue the chain. Where that ends before the last segment,
//! the log is damaged. In the last segment it may be the tail that a crash tore. It is cut off, and kept aside, only
//! if nothing behind it proves that it was acknowledged: a later batch or mark whose durable lsn covers it.
//! A sealed mark without a following segment shows that a segment is missing.
//!
//! An error of `fdatasync` is final: the kernel may have dropped the dirty pages, and a second call would report success
//! (<https://wiki.postgresql.org/wiki/Fsync_Errors>).
//!
//! ```text
//!   mod.rs        SegmentSink: open, append, durable, roll over
//!   file.rs       names, headers, creation and preallocation of segments, durable renames
//!   reader.rs     SegmentReader: reading while a writer goes on
//!   scan.rs       walking through a segment's batches; what the end of the last one means
//!   manifest.rs   identity and epoch
//! ```

mod file;
mod manifest;
pub(crate) mod reader;
mod scan;

use std::cmp::Ordering;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use proto::batch::{Chain, HEADER_BYTES as MARK_BYTES};
use proto::{Batch, Epoch, Lsn};
use tracing::{info, warn};

use crate::intake::{Admission, Intake};
use crate::{Opened, Place, Sink, SinkError};
use file::SegmentFile;
use manifest::Manifest;
use reader::{Published, SegmentReader};

/// Default size of a segment, in bytes.
pub const DEFAULT_SEGMENT_BYTES: u64 = 64 << 20;

/// Smallest size of a segment, in bytes.
pub const MIN_SEGMENT_BYTES: u64 = 64 << 10;

/// Largest size of a segment, in bytes: a segment is read into memory as a whole.
pub const MAX_SEGMENT_BYTES: u64 = 1 << 30;

const LOCK_FILE: &str = "LOCK";

/// The segmented file log.
#[derive(Debug)]
pub struct SegmentSink {
    folder: PathBuf,
    segment_bytes: u64,
    published: Published,
    open: Option<OpenLog>,
}

#[derive(Debug)]
struct OpenLog {
    /// Held for as long as the log is open.
    _lock: File,
    intake: Intake,
    /// End of what `fdatasync` has covered. Never ahead of the intake's chain.
    durable: Chain,
    /// What readers see of it.
    published: Published,
    active: SegmentFile,
    /// Where in the active segment the last batch ends.
    write_at: u64,
    /// Whether there is a mark at `write_at`: everything before it is durable, and says so.
    marked: bool,
    failed: Option<String>,
}

impl SegmentSink {
    /// A log in `folder`, which is created when the log is opened. Segments have `segment_bytes`, or more where a single
    /// batch needs it.
    pub fn new(folder: impl Into<PathBuf>, segment_bytes: u64) -> Self {
        let segment_bytes = segment_bytes.max(MIN_SEGMENT_BYTES);
        Self { folder: folder.into(), segment_bytes, published: Published::default(), open: None }
    }

    fn log(&mut self) -> Result<&mut OpenLog, SinkError> {
        let log = self.open.as_mut().ok_or_else(|| SinkError::Failed("the log is not open".into()))?;
        match &log.failed {
            Some(why) => Err(SinkError::Failed(why.clone())),
            None => Ok(log),
        }
    }

    /// Opens the log for a new term, or for `resumed`, which must be the latest.
    fn open_log(&self, resumed: Option<Epoch>) -> Result<OpenLog, SinkError> {
        let folder = &self.folder;
        file::create_folder(folder).map_err(|e| cannot_open("create the folder", folder, &e))?;
        let lock = lock(folder)?;
        file::remove_unfinished(folder)?;
        let segments = file::list(folder)?;
        let mut manifest = match Manifest::load(folder)? {
            Some(manifest) => manifest,
            None => self.begin_log(&segments)?,
        };
        let mut active = match segments.last() {
            Some(path) => SegmentFile::open(path, manifest.log_id)?,
            // Epoch 0 says that no writer has ever begun: the crash came between manifest and first segment.
            None if manifest.epoch == 0 => {
                SegmentFile::create(folder, &Chain::start(manifest.log_id), self.segment_bytes)
                    .map_err(|e| cannot_open("create the first segment in", folder, &e))?
            }
            None => return Err(file::missing(folder, 1)),
        };
        let end = scan::find_end(&active)?;
        if end.sealed {
            return Err(scan::missing_after(&active, &end.chain));
        }
        match resumed {
            Some(epoch) => check_term(epoch, manifest.epoch)?,
            None => manifest.epoch += 1,
        }
        if let Some(torn) = &end.torn {
            let aside = file::unused_name(&active.path, &format!("torn-{}-{}", manifest.epoch, torn.start));
            active.cut_off(torn, &aside, self.segment_bytes).map_err(|e| cannot_open("repair", &active.path, &e))?;
            warn!(file = %active.path.display(), from = torn.start, bytes = torn.end - torn.start, kept = %aside.display(),
                "cut off a torn tail; nothing in the log shows that it was acknowledged");
        }
        manifest.store(folder).map_err(|e| cannot_open("write the manifest in", folder, &e))?;
        let opened = Opened { epoch: manifest.epoch, chain: end.chain };
        let is_empty = end.chain == active.start;
        let mut log = OpenLog {
            _lock: lock,
            intake: Intake::new(opened),
            durable: end.chain,
            published: self.published.clone(),
            active,
            write_at: end.offset as u64,
            marked: end.marked && end.torn.is_none(),
            failed: None,
        };
        if !log.marked {
            // What the last writer did not acknowledge may be in the page cache only; from here on it counts as durable.
            log.make_durable()?;
        }
        if is_empty && let [.., before, _] = &segments[..] {
            log.seal_before(SegmentFile::open(before, manifest.log_id)?)?;
        }
        log.published.set(Some(log.durable));
        Ok(log)
    }

    fn begin_log(&self, segments: &[PathBuf]) -> Result<Manifest, SinkError> {
        if let Some(segment) = segments.first() {
            return Err(SinkError::Corrupt {
                place: Place::File { path: manifest::path(&self.folder), offset: 0 },
                lsn: 1,
                what: format!("the file is missing, but there are segments such as {}", segment.display()),
            });
        }
        let manifest = Manifest { log_id: rand::random(), epoch: 0 };
        manifest.store(&self.folder).map_err(|e| cannot_open("write the manifest in", &self.folder, &e))?;
        info!(folder = %self.folder.display(), "began a new log");
        Ok(manifest)
    }
}

impl OpenLog {
    /// Syncs what was appended and marks it as durable.
    fn make_durable(&mut self) -> Result<(), SinkError> {
        self.sync()?;
        self.durable = self.intake.chain();
        self.published.set(Some(self.durable));
        self.write_mark(false)
    }

    fn sync(&mut self) -> Result<(), SinkError> {
        match self.active.file.sync_data() {
            Ok(()) => Ok(()),
            Err(e) => {
                let why = format!(
                    "fdatasync of {} reported: {e}. Written data may be lost, so nothing more is written; check the disk, \
                     then restart to recover what is durable",
                    self.active.path.display()
                );
                self.failed = Some(why.clone());
                Err(SinkError::Failed(why))
            }
        }
    }

    /// Writes the mark behind the last batch: everything before it is durable.
    fn write_mark(&mut self, sealed: bool) -> Result<(), SinkError> {
        debug_assert_eq!(self.durable, self.intake.chain());
        let mark = mark(&self.durable, self.intake.epoch(), sealed);
        let written = self.active.file.write_all_at(mark.as_bytes(), self.write_at);
        self.marked = written.is_ok();
        written.map_err(|e| unwritable(&self.active.path, &e))
    }

    /// Seals the segment before the active one, should a crash have come between the creation of the one and the seal of the
    /// other. Only while the active one is empty can that be missing.
    fn seal_before(&self, before: SegmentFile) -> Result<(), SinkError> {
        let end = scan::find_end(&before)?;
        if !end.sealed && end.chain == self.durable {
            let seal = mark(&end.chain, self.intake.epoch(), true);
            let sealed = before.file.write_all_at(seal.as_bytes(), end.offset as u64);
            sealed.and_then(|()| before.file.sync_data()).map_err(|e| unwritable(&before.path, &e))?;
        }
        // A segment that ends elsewhere is damaged; reading says where.
        Ok(())
    }

    /// Goes on to a new segment that has room for `needed` bytes. May be called again after an error.
    fn roll_over(&mut self, segment_bytes: u64, needed: u64) -> Result<(), SinkError> {
        self.make_durable()?;
        let size = segment_bytes.max(file::HEADER_BYTES as u64 + needed);
        let folder = self.active.path.parent().unwrap_or(Path::new("."));
        let next = SegmentFile::create(folder, &self.durable, size)
            .map_err(|e| SinkError::Unavailable(format!("cannot create a segment in {}: {e}", folder.display())))?;
        self.write_mark(true)?;
        self.sync()?;
        (self.active, self.write_at, self.marked) = (next, file::HEADER_BYTES as u64, false);
        Ok(())
    }
}

/// Without a writer here, readers go by what is stored.
impl Drop for OpenLog {
    fn drop(&mut self) {
        self.published.set(None);
    }
}

impl Sink for SegmentSink {
    type Reader = SegmentReader;

    fn reader(&self) -> SegmentReader {
        SegmentReader::beside(self.folder.clone(), self.published.clone())
    }

    async fn open(&mut self) -> Result<Opened, SinkError> {
        self.open = None;
        let log = self.open_log(None)?;
        let opened = Opened { epoch: log.intake.epoch(), chain: log.durable };
        self.open = Some(log);
        Ok(opened)
    }

    async fn resume(&mut self, term: &Opened) -> Result<Chain, SinkError> {
        if self.open.is_none() {
            self.open = Some(self.open_log(Some(term.epoch))?);
        }
        let log = self.log()?;
        check_term(term.epoch, log.intake.epoch())?;
        term.check_resumed(&log.durable)?;
        // What is reported must be marked, also if writing the mark is what failed.
        if !log.marked && log.durable == log.intake.chain() {
            log.write_mark(false)?;
        }
        Ok(log.durable)
    }

    async fn append(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let segment_bytes = self.segment_bytes;
        let log = self.log()?;
        if log.intake.admit(batch)? == Admission::Repeat {
            return Ok(());
        }
        let bytes = batch.as_bytes();
        // Room for the batch between two marks.
        let needed = (MARK_BYTES + bytes.len() + MARK_BYTES) as u64;
        if log.write_at + needed > log.active.size {
            log.roll_over(segment_bytes, needed)?;
        }
        let keeps_mark = log.marked && batch.durable_lsn() < log.durable.lsn;
        let at = log.write_at + if keeps_mark { MARK_BYTES as u64 } else { 0 };
        // A write that fails half-way has overwritten it as well.
        log.marked = keeps_mark;
        log.active.file.write_all_at(bytes, at).map_err(|e| unwritable(&log.active.path, &e))?;
        (log.write_at, log.marked) = (at + bytes.len() as u64, false);
        log.intake.stored(batch);
        Ok(())
    }

    async fn durable(&mut self) -> Result<Lsn, SinkError> {
        let log = self.log()?;
        if !log.marked {
            log.make_durable()?;
        }
        Ok(log.durable.lsn)
    }

    async fn close(&mut self) -> Result<(), SinkError> {
        let log = self.log()?;
        log.make_durable()?;
        // The mark, too.
        log.sync()?;
        self.open = None;
        Ok(())
    }
}

/// Checks that the term `own` is the log's latest one.
fn check_term(own: Epoch, latest: Epoch) -> Result<(), SinkError> {
    match own.cmp(&latest) {
        Ordering::Equal => Ok(()),
        Ordering::Less => Err(SinkError::Fenced { own, newer: latest }),
        Ordering::Greater => Err(SinkError::Failed(format!(
            "this log's latest term is epoch {latest}, the writer's is {own}: is it another log?"
        ))),
    }
}

/// Takes the folder's lock or tells who has it.
fn lock(folder: &Path) -> Result<File, SinkError> {
    use std::fs::TryLockError;

    let path = folder.join(LOCK_FILE);
    let lock = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    let lock = lock.map_err(|e| cannot_open("open", &path, &e))?;
    match lock.try_lock() {
        Ok(()) => {
            // The number is for messages only, so it may be missing; the lock is the kernel's.
            let _ = lock.set_len(0).and_then(|()| lock.write_all_at(std::process::id().to_string().as_bytes(), 0));
            Ok(lock)
        }
        Err(TryLockError::WouldBlock) => {
            let holder = match std::fs::read_to_string(&path) {
                Ok(pid) if !pid.is_empty() => format!("process {pid}"),
                _ => "another process".into(),
            };
            Err(SinkError::InUse { path: folder.into(), holder })
        }
        Err(TryLockError::Error(e)) => Err(cannot_open("lock", &path, &e)),
    }
}

fn cannot_open(what: &str, path: &Path, error: &std::io::Error) -> SinkError {
    SinkError::Unavailable(format!("cannot {what} {}: {error}", path.display()))
}

fn mark(chain: &Chain, epoch: Epoch, sealed: bool) -> Batch {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64);
    Batch::mark(chain, epoch, now, sealed)
}

/// A write (not a sync) that failed has stored nothing that counts; it may be tried again, as when a disk is full.
fn unwritable(path: &Path, error: &std::io::Error) -> SinkError {
    SinkError::Unavailable(format!("cannot write to {}: {error}", path.display()))
}
