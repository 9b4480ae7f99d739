//! The contract of everything that stores a log, in two halves: one writer, any number of readers.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use proto::{Batch, BatchError, Chain, Epoch, Lsn};

use crate::checkpoint::Checkpoint;
use crate::terms::{TermStart, Terms};

/// What a writer learns at the start of its term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// The number of the new term, higher than any before.
    pub epoch: Epoch,
    /// The end of the log, all of which is durable. The next batch must continue this chain.
    pub chain: Chain,
}

/// The writing half, with one owner: here batches become durable.
///
/// The owner calls `open`, then `append` and `durable` in any order, then `close`. At all times `durable <= appended`.
/// The log is read through [`LogReader`]s, which never block the writer.
///
/// **Order.** Batches are stored in lsn order, without holes.
///
/// **Exactly once.** `append` stores a batch that continues the chain. It acknowledges, without storing it, a batch
/// that is already there (same lsn, same checksum), so a writer may resend when it is not sure. It rejects everything
/// else: a gap, a batch that contradicts what is stored, a batch of an earlier epoch.
///
/// **Durability.** A batch is durable when it survives any mix of crashes and power cuts. Only `durable` says so. When
/// `append` returns, the sink has accepted the batch and no more.
///
/// **Terms.** `open` begins a term with a higher epoch. If two writers can reach the sink, the older one is fenced:
/// none of its batches becomes durable any more, and its calls fail with [`SinkError::Fenced`]. Only `append`, which
/// need not check, may still succeed before the next call reports the fence. A sink that only one writer can hold
/// rejects the second `open` with [`SinkError::InUse`].
///
/// **Errors.** After [`SinkError::Unavailable`] nothing is lost: call `resume`, drop what it reports as durable, append
/// the rest again. [`SinkError::Gap`] and [`SinkError::Conflict`] reject one batch, which is the writer's mistake, and
/// leave the sink unchanged. Every other error ends the writer's term.
///
/// **Cancellation.** `durable` may be dropped while it waits, and called again. The other calls must be awaited to
/// completion.
///
/// **Blocking.** A sink on local files does its I/O in the calling thread; give it its own thread.
#[allow(async_fn_in_trait)] // Writers are generic over the sink and run it on one thread: no Send bound to express.
pub trait LogWriter {
    /// The reader of this kind of log.
    type Reader: LogReader;

    /// What stores a checkpoint of this kind of log.
    type Checkpoint: CheckpointWriter;

    /// A reader of this log. It needs no term, and stays usable after this writer has ended. It sees at once what this
    /// writer's `durable` and `open` have reported. Before that, it sees what the stored log itself shows to be
    /// durable.
    fn reader(&self) -> Self::Reader;

    /// Begins a term: repairs a torn tail that was never acknowledged, and fences earlier writers.
    async fn open(&mut self) -> Result<Term, SinkError>;

    /// Where the terms of the log begin, as `open` found them, with its own as the last one. Empty before it.
    fn terms(&self) -> Terms;

    /// Resumes `term`: after [`SinkError::Unavailable`], or through another handle when the one that began it is gone.
    /// Returns the end of the durable log. Fails with [`SinkError::Fenced`] if `term` is not the latest.
    async fn resume(&mut self, term: &Term) -> Result<Chain, SinkError>;

    /// Accepts one batch. Up to [`crate::MAX_IN_FLIGHT`] batches may be appended beyond the durable lsn.
    async fn append(&mut self, batch: &Batch) -> Result<(), SinkError>;

    /// Waits until more is durable than at the last call, or until everything appended is durable. Returns the durable
    /// lsn.
    async fn durable(&mut self) -> Result<Lsn, SinkError>;

    /// Checks quickly, as far as possible, that this term is still the latest. An idle writer calls it once a second.
    /// Fails with [`SinkError::Fenced`] if the term is not the latest. A sink that only one writer can hold has nothing
    /// to check.
    async fn check_term(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    /// Begins a checkpoint of everything up to `base`; `None` if this kind of log keeps no checkpoints. One at a time.
    fn begin_checkpoint(&mut self, _base: Lsn) -> Result<Option<Self::Checkpoint>, SinkError> {
        Ok(None)
    }

    /// Puts a finished checkpoint in use, whose end must be durable. Then removes what is no longer kept: older
    /// checkpoints, and records that neither they nor the log's retention need. A failure changes nothing for the log.
    async fn keep_checkpoint(&mut self, _finished: Self::Checkpoint) -> Result<Checkpoint, SinkError> {
        Err(keeps_none())
    }

    /// Makes a finished checkpoint the beginning of this log, which must have no records and no checkpoint yet: the log goes
    /// on with the record after it. Ends the term, also with a failure, which changes nothing in the log.
    async fn begin_with(&mut self, _finished: Self::Checkpoint) -> Result<Checkpoint, SinkError> {
        Err(SinkError::Failed("this kind of log cannot begin with a state".into()))
    }

    /// Ends the term. Everything that was appended becomes durable.
    async fn close(&mut self) -> Result<(), SinkError>;
}

/// Stores one checkpoint, in a thread of its own beside the writer of the log. It is not in use before
/// [`LogWriter::keep_checkpoint`]; dropped before that, it leaves nothing.
#[allow(async_fn_in_trait)] // As for the writer of the log.
pub trait CheckpointWriter: Send + 'static {
    /// Stores the next batch.
    async fn append(&mut self, batch: &Batch) -> Result<(), SinkError>;

    /// After the last batch: makes everything durable.
    async fn finish(&mut self) -> Result<(), SinkError>;
}

/// For kinds of logs that keep no checkpoints.
#[derive(Clone, Copy, Debug)]
pub enum NoCheckpoints {}

impl CheckpointWriter for NoCheckpoints {
    async fn append(&mut self, _: &Batch) -> Result<(), SinkError> {
        match *self {}
    }

    async fn finish(&mut self) -> Result<(), SinkError> {
        match *self {}
    }
}

/// The readable range of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Lsn of the first record that is kept. In an empty log, the lsn that the first record will have.
    pub oldest: Lsn,
    /// End of the durable part.
    pub durable: Chain,
}

impl Bounds {
    /// The part of `lsns` that is durable; it may be empty. Fails if its first record is no longer kept.
    pub fn readable(&self, lsns: &RangeInclusive<Lsn>) -> Result<RangeInclusive<Lsn>, SinkError> {
        let (lsn, oldest) = ((*lsns.start()).max(1), self.oldest);
        let readable = lsn..=(*lsns.end()).min(self.durable.lsn);
        match lsn < oldest && !readable.is_empty() {
            true => Err(SinkError::NoLongerKept { lsn, oldest }),
            false => Ok(readable),
        }
    }
}

/// The reading half: reads a log while a writer, here or elsewhere, continues to write it. Clones are independent
/// readers.
///
/// **What is seen.** Only durable records. A record that was read once is always the same, until it is no longer kept. A read
/// delivers batches in lsn order, without holes and without repetition. A kind of log that stores batches as they are
/// delivers the same batches. A kind that stores records (rows of a table) delivers the same records, in batches that
/// it cuts and seals itself.
///
/// **How far.** A read finds the end of the durable log once, at its start, and never goes beyond it. To follow a log,
/// read again from the lsn after that end. The end never goes back from one call of a reader to the next.
///
/// **Terms.** A reader has no term: it fences nobody and changes nothing in the log. What is stored does not depend on
/// whether the writer that it came from was fenced. Only a remote reader may be rejected with [`SinkError::Fenced`],
/// because the service promises other clients to check.
///
/// **Errors.** [`SinkError::Unavailable`]: read again, from the lsn after the last batch that was delivered.
/// [`SinkError::NoLongerKept`]: the range begins before the oldest record, or that record was removed during the read.
/// [`SinkError::Corrupt`]: what is stored there is damaged. A visitor's error ends the read: see [`VisitError`].
///
/// **Cancellation.** Both calls may be dropped at any time.
///
/// **Blocking.** A reader of local files does its I/O in the calling thread, one segment at a time. The futures need
/// not be `Send`; run them with [`crate::thread::run`].
#[allow(async_fn_in_trait)] // As for the writer.
pub trait LogReader: Clone + Send + Sync + 'static {
    /// Returns what can be read now.
    async fn bounds(&self) -> Result<Bounds, SinkError>;

    /// Passes every durable batch that holds a record of `lsns` to `visit`, in order. A range that is empty, or begins
    /// beyond the durable end, delivers nothing. Returns the bounds that this read found: it has reached the end of
    /// `lsns` or `durable`, whichever comes first.
    async fn read(
        &self,
        lsns: RangeInclusive<Lsn>,
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
    ) -> Result<Bounds, SinkError>;

    /// The log's checkpoints, the latest first. What is damaged is found when it is read.
    async fn checkpoints(&self) -> Result<Vec<Checkpoint>, SinkError> {
        Ok(Vec::new())
    }

    /// Passes the batches of a checkpoint to `visit`, the last of which is empty. Until this returns without an error, it
    /// may be damaged or incomplete: what was visited must not be used then.
    async fn read_checkpoint(
        &self,
        _checkpoint: &Checkpoint,
        _visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
    ) -> Result<(), SinkError> {
        Err(keeps_none())
    }
}

fn keeps_none() -> SinkError {
    SinkError::Failed("this kind of log keeps no checkpoints".into())
}

/// Why a visitor ends a read before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VisitError {
    /// The batch cannot be used. The read fails with that, and says where the batch is stored.
    Batch(BatchError),
    /// The visitor itself failed, or has seen enough ([`SinkError::Stopped`]). The read returns this error as it is.
    Visitor(SinkError),
}

impl VisitError {
    /// What the read returns. `unusable` tells where the batch is stored.
    pub fn into_sink_error(self, unusable: impl FnOnce(BatchError) -> SinkError) -> SinkError {
        match self {
            Self::Batch(e) => unusable(e),
            Self::Visitor(e) => e,
        }
    }
}

impl From<BatchError> for VisitError {
    fn from(error: BatchError) -> Self {
        Self::Batch(error)
    }
}

impl From<SinkError> for VisitError {
    fn from(error: SinkError) -> Self {
        Self::Visitor(error)
    }
}

/// Why a call of a sink failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// A temporary failure. The writer keeps its batches and resumes.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// Another writer has begun a newer term.
    #[error(
        "another writer has taken over this log: epoch {newer} has begun, this writer's epoch is {own}; stop one of the two"
    )]
    Fenced {
        /// This writer's epoch.
        own: Epoch,
        /// The epoch that fences it.
        newer: Epoch,
    },
    /// Another process holds the log.
    #[error("{path} is in use by {holder}; stop that process or choose another folder")]
    InUse {
        /// The log's folder.
        path: PathBuf,
        /// The process that holds it, if known.
        holder: String,
    },
    /// A batch that does not follow the last one.
    #[error("the log expects lsn {expected} next, the batch begins with {found}")]
    Gap {
        /// The expected lsn.
        expected: Lsn,
        /// The batch's first lsn.
        found: Lsn,
    },
    /// A batch that contradicts what is stored under its lsn.
    #[error("a batch that begins with lsn {lsn} contradicts the log: {what}")]
    Conflict {
        /// The batch's first lsn.
        lsn: Lsn,
        /// How it contradicts the log.
        what: &'static str,
    },
    /// Records that are no longer kept.
    #[error("the log no longer keeps lsn {lsn}; the oldest record that it keeps is lsn {oldest}")]
    NoLongerKept {
        /// The first lsn that was asked for.
        lsn: Lsn,
        /// The oldest lsn that is kept.
        oldest: Lsn,
    },
    /// The stored log is damaged within its acknowledged part.
    #[error(
        "the log is damaged: {place}, lsn {lsn}: {what}. No record was changed. Restore it from a backup; starting without it \
         would lose acknowledged data"
    )]
    Corrupt {
        /// What is damaged.
        place: Location,
        /// The first lsn that cannot be read.
        lsn: Lsn,
        /// What was found and what was expected.
        what: String,
    },
    /// A read was stopped by its visitor, which had seen enough.
    #[error("the read was stopped before its end")]
    Stopped,
    /// A permanent failure: the sink must not be written to any more.
    #[error("the log has failed: {0}")]
    Failed(String),
}

/// A position in a stored log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// In a file.
    File {
        /// The file.
        path: PathBuf,
        /// Offset in it, in bytes.
        offset: u64,
    },
    /// Elsewhere: in a table, or in the log of a remote service.
    Other(String),
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { path, offset } => write!(f, "{}, offset {offset}", path.display()),
            Self::Other(place) => f.write_str(place),
        }
    }
}

impl Term {
    /// Where it begins.
    pub fn start(&self) -> TermStart {
        TermStart { epoch: self.epoch, base: self.chain.lsn }
    }

    /// Checks that a log that ends at `durable` is the one that this term began on.
    pub fn check_resumed(&self, durable: &Chain) -> Result<(), SinkError> {
        if durable.log_id != self.chain.log_id {
            return Err(SinkError::Failed("another log has replaced this one; restart to recover from it".into()));
        }
        if durable.lsn < self.chain.lsn {
            let (lsn, was) = (durable.lsn, self.chain.lsn);
            return Err(SinkError::Failed(format!(
                "the log has lost records: it ended at lsn {was} and now ends at {lsn}"
            )));
        }
        Ok(())
    }
}

impl SinkError {
    /// Whether [`LogWriter::resume`] may help.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
