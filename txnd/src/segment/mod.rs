//! The log as append-only files in a folder.
//!
//! ```text
//!   kvs-data/
//!     LOCK                          locked by the process that has the log open; so is the folder itself
//!     MANIFEST                      the log's identity, the last epoch, what is in use; replaced atomically
//!     00000000000000000001.seg      segments, named after their first lsn, preallocated
//!     00000000000000483920.seg
//!     NEXT-SEGMENT                  the file of the next segment, empty until then
//!     ….seg.torn-7-81920            a torn tail that was cut off and kept
//!     00000000000000300000.checkpoint   the last two checkpoints, named after the last lsn that they cover
//!     00000000000000480000.checkpoint
//!
//!   segment := header (64 bytes) batch* [mark] zeros
//! ```
//!
//! **Writing.** A batch is written after the last one. Then comes `fdatasync`. Then a *mark* (an empty batch) is written
//! after the batch; it says that everything before it is durable. Then the acknowledgement is sent. The mark is not synced:
//! it costs a 64-byte write into the page cache, and survives the death of the process. The next batch overwrites the mark
//! if its own header says as much about what is durable; otherwise it is written after the mark. When a segment is full, the
//! next one is created in a file that was opened in advance. It is made durable together with its name before the old
//! segment gets a *sealed* mark, and before anything is written to the new one.
//!
//! **Ownership.** The folder is locked (flock), so that only one process writes. At each roll-over the writer checks that
//! the folder, its segment and the manifest are still in place, and that the epoch is still its own. Somebody may have
//! removed the folder, replaced it with a copy, or started another writer on a file system whose locks do not hold. The
//! removal of a segment is noticed at the next sync.
//!
//! **Reading.** Each batch must have a correct checksum and continue the chain. If the chain ends before the last segment,
//! the log is damaged. In the last segment, the end may be the tail that a crash tore. It is cut off, and kept in a file of
//! its own, only if nothing after it proves that it was acknowledged: a later batch or mark whose durable lsn covers it.
//! A sealed mark without a following segment shows that a segment is missing.
//!
//! **Errors of `fdatasync`.** The kernel reports a failed write once, and then considers the page clean: a second call
//! succeeds, and the page can be read until it is evicted (<https://wiki.postgresql.org/wiki/Fsync_Errors>). On ext4, such a
//! page is not even stored when it is written again, if its space was reserved and not used before: the extent stays marked
//! as unwritten. So an error is final for the process, and nothing of the file's cached end is trusted after it. The next
//! process may not learn of the error, because the process that knew may have been killed. Therefore every start copies the
//! checked batches of the last segment into a new file, which is synced and then replaces the segment, before any of them is
//! served. No process writes to a file that another one has written to. The segments before the last one were synced
//! as a whole before the next one was created.
//!
//! **Checkpoints.** A checkpoint is written by another thread, synced, and gets its name when the log is durable up to its
//! end. Then the manifest names it. The same replacement of the manifest moves the first record that is kept; after it,
//! segments and checkpoints that are no longer named are unlinked. After a crash in between, the next start does that. A
//! segment is only removed if the earlier of two checkpoints covers it.
//!
//! **A log that begins with a checkpoint.** A restored log has no records: its manifest names a checkpoint, the record after
//! it as the first, and epoch 0. The first term creates the first segment, as in an empty log.
//!
//! ```text
//!   mod.rs        SegmentSink: the log as a sink
//!   start.rs      opening: repair, renewal, a new term
//!   writer.rs     the open log: append, durable, roll over
//!   reader.rs     SegmentReader: reads, also while the log is written
//!   scan.rs       walks through a segment's batches; what the end of the last segment means
//!   file.rs       one segment: creation and preallocation, renewal
//!   checkpoint.rs one checkpoint
//!   header.rs     the header of both
//!   keep.rs       what is kept, and what is removed
//!   manifest.rs   identity, epoch, and what is in use
//!   folder.rs     ownership of the folder, its lock, durable files
//!   names.rs      file names
//! ```

mod checkpoint;
mod file;
mod folder;
mod header;
mod keep;
mod manifest;
mod names;
pub(crate) mod reader;
mod scan;
mod start;
mod writer;

use std::path::PathBuf;

use proto::{Batch, Chain, Lsn};

use crate::checkpoint::{Checkpoint, Retention};
use crate::sink::{LogWriter, SinkError, Term};
use crate::terms::Terms;
use checkpoint::SegmentCheckpoint;
use keep::Settings;
use reader::{Published, SegmentReader};
use writer::OpenLog;

/// Default size of a segment, in bytes.
pub const DEFAULT_SEGMENT_BYTES: u64 = 64 << 20;

/// Smallest size of a segment, in bytes.
pub const MIN_SEGMENT_BYTES: u64 = 64 << 10;

/// Largest size of a segment, in bytes: a segment is read into memory as a whole.
pub const MAX_SEGMENT_BYTES: u64 = 1 << 30;

/// The segmented file log.
#[derive(Debug)]
pub struct SegmentSink {
    folder: PathBuf,
    settings: Settings,
    /// End of the durable log, for readers.
    published: Published,
    open: Option<OpenLog>,
}

impl SegmentSink {
    /// A log in `folder`, which is created when the log is opened. Segments have `segment_bytes`, or more where a
    /// single batch needs more.
    pub fn new(folder: impl Into<PathBuf>, segment_bytes: u64) -> Self {
        let settings = Settings { segment_bytes: segment_bytes.max(MIN_SEGMENT_BYTES), retention: Retention::All };
        Self { folder: folder.into(), settings, published: Published::default(), open: None }
    }

    /// The same, keeping no more than that and what its checkpoints need. Applied after each checkpoint.
    #[must_use]
    pub fn with_retention(mut self, retention: Retention) -> Self {
        self.settings.retention = retention;
        self
    }

    fn log(&mut self) -> Result<&mut OpenLog, SinkError> {
        let log = self.open.as_mut().ok_or_else(|| SinkError::Failed("the log is not open".into()))?;
        log.check()?;
        Ok(log)
    }

    /// Tells readers what is durable. Without an open log they rely on what is stored.
    fn publish(&self) {
        self.published.set(self.open.as_ref().map(OpenLog::durable));
    }
}

/// Without a writer, readers go by what is stored.
impl Drop for SegmentSink {
    fn drop(&mut self) {
        self.published.set(None);
    }
}

impl LogWriter for SegmentSink {
    type Reader = SegmentReader;
    type Checkpoint = SegmentCheckpoint;

    fn reader(&self) -> SegmentReader {
        SegmentReader::beside(self.folder.clone(), self.published.clone())
    }

    async fn open(&mut self) -> Result<Term, SinkError> {
        self.open = None;
        self.publish();
        let log = start::open(&self.folder, self.settings, None)?;
        let term = Term { epoch: log.manifest().epoch, chain: log.durable() };
        self.open = Some(log);
        self.publish();
        Ok(term)
    }

    fn terms(&self) -> Terms {
        self.open.as_ref().map(|log| log.manifest().terms.clone()).unwrap_or_default()
    }

    async fn resume(&mut self, term: &Term) -> Result<Chain, SinkError> {
        if self.open.is_none() {
            self.open = Some(start::open(&self.folder, self.settings, Some(term.epoch))?);
            self.publish();
        }
        let log = self.log()?;
        log.manifest().check_term(term.epoch)?;
        term.check_resumed(&log.durable())?;
        log.resume()
    }

    async fn append(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let appended = self.log()?.append(batch);
        // A new segment begins once everything before it is durable.
        self.publish();
        appended
    }

    async fn durable(&mut self) -> Result<Lsn, SinkError> {
        let durable = self.log()?.make_durable();
        self.publish();
        durable
    }

    fn begin_checkpoint(&mut self, base: Lsn) -> Result<Option<SegmentCheckpoint>, SinkError> {
        self.log()?.begin_checkpoint(base).map(Some)
    }

    async fn keep_checkpoint(&mut self, finished: SegmentCheckpoint) -> Result<Checkpoint, SinkError> {
        self.log()?.keep_checkpoint(finished)
    }

    async fn begin_with(&mut self, finished: SegmentCheckpoint) -> Result<Checkpoint, SinkError> {
        let begun = self.log()?.begin_with(finished);
        self.open = None;
        self.publish();
        begun
    }

    async fn close(&mut self) -> Result<(), SinkError> {
        self.log()?.close()?;
        self.open = None;
        self.publish();
        Ok(())
    }
}
