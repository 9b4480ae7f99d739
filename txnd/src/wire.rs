//! The messages of `proto/txn/v1/txn.proto`, and their domain types.

use bytes::Bytes;
use proto::{Batch, BatchError, Chain};
use tonic::Status;

use crate::{Bounds, Checkpoint, Term, TermStart};

/// Generated from `proto/txn/v1/txn.proto`; documented there.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::clone_on_ref_ptr)]
pub mod v1 {
    tonic::include_proto!("txn.v1");
}

impl From<Chain> for v1::Chain {
    fn from(Chain { log_id, lsn, checksum }: Chain) -> Self {
        Self { log_id, lsn, checksum }
    }
}

impl From<v1::Chain> for Chain {
    fn from(v1::Chain { log_id, lsn, checksum }: v1::Chain) -> Self {
        Self { log_id, lsn, checksum }
    }
}

impl From<Term> for v1::Term {
    fn from(Term { epoch, chain }: Term) -> Self {
        Self { epoch, chain: Some(chain.into()) }
    }
}

impl TryFrom<v1::Term> for Term {
    type Error = Status;

    fn try_from(v1::Term { epoch, chain }: v1::Term) -> Result<Self, Status> {
        let chain =
            chain.ok_or_else(|| Status::invalid_argument("the term has no chain; send it as Open returned it"))?;
        Ok(Self { epoch, chain: chain.into() })
    }
}

impl From<&TermStart> for v1::TermStart {
    fn from(&TermStart { epoch, base }: &TermStart) -> Self {
        Self { epoch, base_lsn: base }
    }
}

impl From<&v1::TermStart> for TermStart {
    fn from(&v1::TermStart { epoch, base_lsn }: &v1::TermStart) -> Self {
        Self { epoch, base: base_lsn }
    }
}

impl From<Checkpoint> for v1::Checkpoint {
    fn from(Checkpoint { base, end, entries, bytes, at }: Checkpoint) -> Self {
        Self { base_lsn: base, end_lsn: end, entries, bytes, begun_at: at }
    }
}

impl From<v1::Checkpoint> for Checkpoint {
    fn from(v1::Checkpoint { base_lsn, end_lsn, entries, bytes, begun_at }: v1::Checkpoint) -> Self {
        Self { base: base_lsn, end: end_lsn, entries, bytes, at: begun_at }
    }
}

/// Decodes the batch that makes up all of `bytes`. Its records are not checked.
pub(crate) fn whole_batch(bytes: &Bytes) -> Result<Batch, BatchError> {
    let batch = Batch::decode(bytes)?;
    match (batch.as_bytes().len(), bytes.len()) {
        (claimed, available) if claimed != available => Err(BatchError::Length { claimed, available }),
        _ => Ok(batch),
    }
}

/// The batch that makes up all of `bytes`, with every record checked: one that cannot be read would make what it is stored in
/// unreadable for good.
pub(crate) fn valid_batch(bytes: &Bytes) -> Result<Batch, Status> {
    let checked = whole_batch(bytes).and_then(|batch| batch.check().map(|()| batch));
    checked.map_err(|e| Status::invalid_argument(format!("not a valid batch: {e}")))
}

/// Counts and checksum of the batches that went through a stream, computed on both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamDigest {
    batches: u64,
    records: u64,
    checksum: u32,
}

impl StreamDigest {
    pub(crate) fn add(&mut self, batch: &Batch) {
        self.batches += 1;
        self.records += u64::from(batch.count());
        self.checksum = crc32c::crc32c_append(self.checksum, &batch.checksum().to_le_bytes());
    }

    /// The message that ends the stream.
    pub(crate) fn end(self, Bounds { oldest, durable }: Bounds) -> v1::End {
        let Self { batches, records, checksum } = self;
        v1::End { batches, records, checksum, chain: Some(durable.into()), oldest_lsn: oldest }
    }
}

impl From<&v1::End> for StreamDigest {
    fn from(end: &v1::End) -> Self {
        Self { batches: end.batches, records: end.records, checksum: end.checksum }
    }
}
