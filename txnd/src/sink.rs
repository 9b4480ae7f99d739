//! The contract of everything that stores a log.

use std::path::PathBuf;

use proto::{Batch, BatchError, Chain, Epoch, Lsn};

/// What a writer learns when its term begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The new term's number, higher than any before.
    pub epoch: Epoch,
    /// Where the log ends; all of it is durable. The next batch must continue this chain.
    pub chain: Chain,
}

/// A place where batches become durable.
///
/// One writer uses it in this order: `open`, then `read` as often as it likes, then `append` and `durable` by turns, then
/// `close`. The watermarks are ordered at all times: `durable <= appended`.
///
/// **Order.** Batches are stored in the order of their lsn, without holes. What `read` returns is always a prefix of what
/// was appended, and contains everything that `durable` has reported. A sink that stores batches as they are returns the same
/// ones; a sink that stores records (rows of a table) returns the same records, in batches that it cuts and seals itself.
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
/// **Cancellation.** `durable` and `read` may be dropped while they wait, and called again. The other calls must be awaited to
/// their end.
///
/// **Blocking.** A sink on local files does its I/O in the calling thread; give it a thread of its own.
#[allow(async_fn_in_trait)] // Writers are generic over the sink and run it on one thread: no Send bound to express.
pub trait Sink {
    /// Begins a term: repairs a torn tail that was never acknowledged, fences earlier writers.
    async fn open(&mut self) -> Result<Opened, SinkError>;

    /// Takes up `term` again: after [`SinkError::Unavailable`], or through another handle when the one that began it is gone.
    /// Returns where the durable log ends. Fails with [`SinkError::Fenced`] if it is not the latest term.
    async fn resume(&mut self, term: &Opened) -> Result<Chain, SinkError>;

    /// Passes every durable batch that holds a record of `from` or later to `visit`, in order; fails unless it has
    /// reached the durable end. Returns the chain at the end.
    async fn read(
        &mut self,
        from: Lsn,
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), BatchError>,
    ) -> Result<Chain, SinkError>;

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

/// Why a sink did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
        place: Place,
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
pub enum Place {
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

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { path, offset } => write!(f, "{}, offset {offset}", path.display()),
            Self::Other(place) => f.write_str(place),
        }
    }
}

impl Opened {
    /// Checks that a log that ends at `durable` is the one that this term was begun on.
    pub(crate) fn check_resumed(&self, durable: &Chain) -> Result<(), SinkError> {
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
    /// Whether [`Sink::resume`] may help.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
