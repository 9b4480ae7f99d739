//! The contract of everything that stores a log, in two halves: one writer, any number of readers.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use proto::{Batch, BatchError, Chain, Epoch, Lsn};

/// What a writer learns when its term begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// The new term's number, higher than any before.
    pub epoch: Epoch,
    /// Where the log ends; all of it is durable. The next batch must continue this chain.
    pub chain: Chain,
}

/// The writing half: a place where batches become durable. It has one owner.
///
/// The owner calls `open`, then `append` and `durable` in any order, then `close`. The watermarks are ordered at all times:
/// `durable <= appended`. The log is read through [`LogReader`]s, which hold nobody up.
///
/// **Order.** Batches are stored in the order of their lsn, without holes.
///
/// **Exactly once.** `append` stores the batch that continues the chain; acknowledges without storing one that is
/// there already (same lsn, same checksum), so that a writer may send again what it is not sure of; and refuses
/// everything else: a gap, a batch that contradicts what is stored, a batch of an earlier epoch.
///
/// **Durability.** A batch is durable when it survives any mix of crashes and power cuts. Only `durable` says so; `append`
/// returning means that the sink has taken the batch and no more.
///
/// **Terms.** `open` begins a term with a higher epoch. If the sink can be reached by two writers, the older one is fenced:
/// none of its batches becomes durable any more, and its calls fail with [`SinkError::Fenced`]; only `append`, which may not
/// look so far, can still return before the next call says so. A sink that only one writer can hold refuses the second `open` with
/// [`SinkError::InUse`].
///
/// **Errors.** After [`SinkError::Unavailable`] nothing is lost: call `resume`, drop what it reports as durable, append the
/// rest again. [`SinkError::Gap`] and [`SinkError::Conflict`] refuse one batch, which is the writer's mistake, and leave
/// the sink as it was. Every other error ends the writer's term.
///
/// **Cancellation.** `durable` may be dropped while it waits, and called again. The other calls must be awaited to their end.
///
/// **Blocking.** A sink on local files does its I/O in the calling thread; give it a thread of its own.
#[allow(async_fn_in_trait)] // Writers are generic over the sink and run it on one thread: no Send bound to express.
pub trait LogWriter {
    /// What reads this kind of log.
    type Reader: LogReader;

    /// A reader of this log. It needs no term, and goes on when this writer has ended. What this writer's `durable` and `open`
    /// have reported can be read at once; before that, the reader sees what the stored log itself shows to be durable.
    fn reader(&self) -> Self::Reader;

    /// Begins a term: repairs a torn tail that was never acknowledged, fences earlier writers.
    async fn open(&mut self) -> Result<Term, SinkError>;

    /// Takes up `term` again: after [`SinkError::Unavailable`], or through another handle when the one that began it is gone.
    /// Returns where the durable log ends. Fails with [`SinkError::Fenced`] if it is not the latest term.
    async fn resume(&mut self, term: &Term) -> Result<Chain, SinkError>;

    /// Takes one batch. Up to [`crate::MAX_IN_FLIGHT`] batches may be appended beyond the durable lsn.
    async fn append(&mut self, batch: &Batch) -> Result<(), SinkError>;

    /// Waits until more is durable than at the last call, or everything that was appended is. Returns the durable lsn.
    async fn durable(&mut self) -> Result<Lsn, SinkError>;

    /// Whether this term is still the latest, as far as can be found out quickly: what an idle writer asks about once a second.
    /// Fails with [`SinkError::Fenced`] if it is not. A sink that one writer alone can hold has nothing to find out.
    async fn check_term(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    /// Ends the term: everything that was appended becomes durable.
    async fn close(&mut self) -> Result<(), SinkError>;
}

/// What a log holds that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Lsn of the first record; 1 while nothing truncates logs. An empty log has it, too: it is where the first record will be.
    pub oldest: Lsn,
    /// Where the durable part ends.
    pub durable: Chain,
}

/// The reading half: reads a log while a writer, here or elsewhere, goes on writing it. Clones are independent readers.
///
/// **What is seen.** Durable records, and nothing else: a record that was read once is there for ever, under the same lsn. The
/// batches that a read passes on are in the order of their lsn, without holes and without repetition. A kind that stores
/// batches as they are passes on the same ones; a kind that stores records (rows of a table) passes on the same records, in
/// batches that it cuts and seals itself.
///
/// **How far.** A read looks up once, at its beginning, where the durable log ends, and never goes beyond. To follow a log,
/// read again from behind that end. The end does not go back from one call of a reader to the next.
///
/// **Terms.** A reader has none: it fences nobody and changes nothing in the log. Whether the writer that it came from was fenced
/// makes no difference to what is stored. A remote reader alone may be refused with [`SinkError::Fenced`], because the service
/// promises other clients to check.
///
/// **Errors.** [`SinkError::Unavailable`]: read again, from behind the last batch that was passed on. [`SinkError::Corrupt`]: what is
/// stored is damaged there. A visitor's error ends the read, and is part of the error that is returned.
///
/// **Cancellation.** Both calls may be dropped at any time.
///
/// **Blocking.** A reader of local files does its I/O in the calling thread, a segment at a time. The futures need not be `Send`;
/// [`crate::thread::run`] is a place for them.
#[allow(async_fn_in_trait)] // As for the writer.
pub trait LogReader: Clone + Send + Sync + 'static {
    /// What can be read now.
    async fn bounds(&self) -> Result<Bounds, SinkError>;

    /// Passes every durable batch that holds a record of `lsns` to `visit`, in order. A range that begins beyond the durable
    /// end, or is empty, passes on nothing. Returns the bounds as this read found them: it has come to the end of `lsns` or to
    /// `durable`, whichever comes first.
    async fn read(
        &self,
        lsns: RangeInclusive<Lsn>,
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), BatchError>,
    ) -> Result<Bounds, SinkError>;
}

/// Why a sink did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// For now. The writer keeps its batches and resumes.
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
        /// Who holds it, as far as is known.
        holder: String,
    },
    /// A batch that does not come next.
    #[error("the log expects lsn {expected} next, the batch begins with {found}")]
    Gap {
        /// The lsn that comes next.
        expected: Lsn,
        /// The batch's first lsn.
        found: Lsn,
    },
    /// A batch that contradicts what is stored under its lsn.
    #[error("a batch that begins with lsn {lsn} contradicts the log: {what}")]
    Conflict {
        /// The batch's first lsn.
        lsn: Lsn,
        /// In which way.
        what: &'static str,
    },
    /// The stored log is damaged within its acknowledged part.
    #[error(
        "the log is damaged: {place}, lsn {lsn}: {what}. No record was changed. Restore it from a copy; starting without it \
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
    /// For good: the sink must not be written to any more.
    #[error("the log has failed: {0}")]
    Failed(String),
}

/// Where in a stored log something is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// In a file.
    File {
        /// The file.
        path: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
    },
    /// Elsewhere: in a table, behind a service.
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
    /// Checks that a log that ends at `durable` is the one that this term was begun on.
    pub fn check_resumed(&self, durable: &Chain) -> Result<(), SinkError> {
        if durable.log_id != self.chain.log_id {
            return Err(SinkError::Failed(
                "another log has come in the place of this one; restart to recover from it".into(),
            ));
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
