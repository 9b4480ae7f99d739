//! Checkpoints: the state of a server at some point of its log, so that a start need not read the log from its beginning.
//!
//! ```text
//!   log          1 ─────────────── B ───────── E ──────────── end
//!   checkpoint                     └── walk ───┘
//!   recovery         checkpoint, then the records from B + 1
//! ```
//!
//! A checkpoint is a run of sealed batches, in the form of the log's. They have a chain of their own, which begins with the
//! checkpoint's random id. Each record puts an entry, and has the entry's stamp as an option; or it is an outcome that is kept for an
//! idempotency key, with the stamp of its own record. The durable lsn of each batch
//! is B: everything up to B is in the checkpoint. The last batch is empty, and its durable lsn is E: the checkpoint may show
//! what happened up to E, so it is of use only with a log that reaches that far. Without that batch it is not complete.

use std::time::{SystemTime, UNIX_EPOCH};

use proto::limits::MAX_LSN;
use proto::{Batch, BatchBuffer, Chain, Epoch, Lsn, Micros};

/// Checkpoints that a log keeps: the last one, and the one before, in case the last one is damaged.
pub(crate) const GENERATIONS: usize = 2;

/// A checkpoint of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Everything up to this lsn is in it. Recovery continues with the next record.
    pub base: Lsn,
    /// It may show the effects of records up to this lsn.
    pub end: Lsn,
    /// Number of entries, and of outcomes that are kept for idempotency keys.
    pub entries: u64,
    /// Its size where it is stored, in bytes.
    pub bytes: u64,
    /// When it was begun, in Unix microseconds.
    pub at: Micros,
}

impl Checkpoint {
    /// One that begins now, and has nothing in it yet.
    pub(crate) fn begun(base: Lsn) -> Self {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as Micros);
        Self { base, end: base, entries: 0, bytes: 0, at }
    }
}

/// Seals the batches of a checkpoint.
#[derive(Debug)]
pub struct CheckpointSealer {
    chain: Chain,
    epoch: Epoch,
    base: Lsn,
}

impl CheckpointSealer {
    /// A new checkpoint with the base `base`.
    pub fn new(epoch: Epoch, base: Lsn) -> Self {
        Self { chain: Chain::start(rand::random()), epoch, base }
    }

    /// An empty buffer for the entries that come next.
    pub fn buffer(&self) -> BatchBuffer {
        BatchBuffer::new(self.chain.lsn + 1, Vec::new())
    }

    /// Seals entries.
    pub fn seal(&mut self, entries: BatchBuffer) -> Batch {
        let batch = entries.seal(&self.chain, self.epoch, self.base);
        self.chain = self.chain.after(&batch);
        batch
    }

    /// The last batch of a checkpoint that may show the effects of records up to `end`, or up to its base.
    pub fn end(self, end: Lsn) -> Batch {
        self.buffer().seal(&self.chain, self.epoch, end.max(self.base))
    }
}

/// Checks that batches are those of one complete checkpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckpointVerifier {
    base: Lsn,
    /// `None` before the first batch.
    chain: Option<Chain>,
    end: Option<Lsn>,
}

impl CheckpointVerifier {
    /// For a checkpoint with this base.
    pub(crate) fn new(base: Lsn) -> Self {
        Self { base, chain: None, end: None }
    }

    /// Checks the next batch.
    pub(crate) fn add(&mut self, batch: &Batch) -> Result<(), String> {
        let chain = self.chain.unwrap_or_else(|| Chain::start(batch.log_id()));
        let entries = chain.lsn;
        if self.end.is_some() {
            return Err(format!("there is more after its end, which is after {entries} entries"));
        }
        if !chain.continues_with(batch) {
            return Err(format!("the batch after {entries} entries does not continue the one before it"));
        }
        match batch.count() {
            0 if batch.durable_lsn() >= self.base => self.end = Some(batch.durable_lsn()),
            1.. if batch.durable_lsn() == self.base => {}
            _ => return Err(format!("the batch after {entries} entries names lsn {}", batch.durable_lsn())),
        }
        self.chain = Some(chain.after(batch));
        Ok(())
    }

    /// Notes the end and the number of entries. Fails before the last batch was added.
    pub(crate) fn complete(&self, info: &mut Checkpoint) -> Result<(), String> {
        info.end = self.end.ok_or("the checkpoint has no end")?;
        info.entries = self.chain.map_or(0, |chain| chain.lsn);
        Ok(())
    }

    /// Fails unless a log can begin with this checkpoint.
    pub(crate) fn can_begin(&self, log_is_empty: bool) -> Result<(), String> {
        match (log_is_empty, self.end == Some(self.base)) {
            _ if self.base >= MAX_LSN => {
                Err(format!("a log cannot begin after lsn {}; at most {MAX_LSN} is possible", self.base))
            }
            (true, true) => Ok(()),
            (false, _) => Err("only an empty log can begin with a checkpoint".into()),
            (true, false) => Err("the checkpoint is not the state at one point of a log".into()),
        }
    }

    /// The checkpoint's end, once its last batch was added.
    pub(crate) fn end(&self) -> Option<Lsn> {
        self.end
    }
}

/// What a log keeps besides what its checkpoints need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// Everything.
    All,
    /// At least so many bytes before the present end.
    Bytes(u64),
    /// At least what was written within this time.
    Age(std::time::Duration),
}

impl Retention {
    /// What a log in files keeps if nothing is said.
    pub const DEFAULT_OF_FILES: Self = Self::Bytes(1 << 30);

    /// What a log in PostgreSQL keeps if nothing is said: its history is there because somebody wants to query it.
    pub const DEFAULT_OF_TABLES: Self = Self::All;
}
