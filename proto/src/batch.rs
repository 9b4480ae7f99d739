//! A sealed run of records: the unit that is sent to a sink, made durable and acknowledged.
//!
//! Integers are little-endian. The layout is the same on the wire and on disk:
//!
//! ```text
//!   offset  bytes  field
//!        0      4  magic "KVSB"
//!        4      2  format version: 1 or 2, that of the records
//!        6      2  flags: 1 = sealed (the log continues in another place)
//!        8      4  length of the whole batch, including the header
//!       12      4  number of records
//!       16      8  log id: random, the same in every batch of one log
//!       24      8  epoch of the writer
//!       32      8  lsn of the first record
//!       40      8  base time of the records: Unix microseconds
//!       48      8  durable lsn that the writer knew when it sealed the batch
//!       56      4  checksum of the previous batch: the chain (for the first: CRC32C of the log id)
//!       60      4  CRC32C of bytes 0..60 and the records
//!       64      …  records, see record.rs
//! ```
//!
//! A batch without records is a *mark*: it stores nothing, carries the durable lsn, and is not part of the chain. This
//! code writes version 2 and also reads version 1. A log may change from 1 to 2 between any two batches. Both versions
//! have the same header.
//!
//! The log id makes it infeasible for a client to embed bytes in a value that look like a batch of this log.

use bytes::Bytes;

use crate::counter::Effect;
use crate::limits::{BATCH_HEADER_BYTES, MAX_BATCH_BYTES};
use crate::lsn::{Epoch, Lsn, Micros};
use crate::op::Op;
use crate::options::RecordOptions;
use crate::record::{self, Record, RecordError, RecordHead, field};

/// The first bytes of every batch.
pub const BATCH_MAGIC: [u8; 4] = *b"KVSB";

/// The version that this code writes.
pub const BATCH_VERSION: u16 = 2;

/// The oldest version that this code reads. It reads every version from this one on.
pub const OLDEST_BATCH_VERSION: u16 = 1;

const FLAG_SEALED: u16 = 1;

const VERSION_AT: usize = BATCH_MAGIC.len();
const FLAGS_AT: usize = VERSION_AT + 2;
const LENGTH_AT: usize = FLAGS_AT + 2;
const COUNT_AT: usize = LENGTH_AT + 4;
const LOG_ID_AT: usize = COUNT_AT + 4;
const EPOCH_AT: usize = LOG_ID_AT + 8;
const FIRST_LSN_AT: usize = EPOCH_AT + 8;
const BASE_TIME_AT: usize = FIRST_LSN_AT + 8;
const DURABLE_LSN_AT: usize = BASE_TIME_AT + 8;
const PREVIOUS_AT: usize = DURABLE_LSN_AT + 8;
const CHECKSUM_AT: usize = PREVIOUS_AT + 4;

const HEADER_BYTES: usize = CHECKSUM_AT + 4;
const _: () = assert!(HEADER_BYTES == BATCH_HEADER_BYTES);

/// Why bytes are not a valid batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum BatchError {
    #[error("no batch starts here")]
    Magic,
    #[error(
        "the batch has format version {0}, this program reads versions {OLDEST_BATCH_VERSION} to {BATCH_VERSION}; use a newer program"
    )]
    Version(u16),
    #[error("the batch claims {claimed} bytes, but only {available} are available")]
    Length { claimed: usize, available: usize },
    #[error("the batch's checksum does not match its bytes")]
    Checksum,
    #[error("record {index} of the batch: {error}")]
    Record { index: u32, error: RecordError },
    #[error("the batch's lsns, starting at {0}, exceed 64 bits")]
    Lsn(Lsn),
    #[error("the number of records in the batch differs from its header")]
    Count,
}

/// The end of the log's chain: what the next batch must continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The log's random id.
    pub log_id: u64,
    /// The last record's lsn.
    pub lsn: Lsn,
    /// The last batch's checksum.
    pub checksum: u32,
}

impl Chain {
    /// The chain of an empty log.
    pub fn start(log_id: u64) -> Self {
        Self { log_id, lsn: 0, checksum: crc32c::crc32c(&log_id.to_le_bytes()) }
    }

    /// Whether `batch` is the next one.
    pub fn continues_with(&self, batch: &Batch) -> bool {
        batch.log_id() == self.log_id && batch.first_lsn() == self.lsn + 1 && batch.previous() == self.checksum
    }

    /// The chain after `batch`.
    pub fn after(&self, batch: &Batch) -> Self {
        match batch.count() {
            0 => *self,
            _ => Self { log_id: self.log_id, lsn: batch.last_lsn(), checksum: batch.checksum() },
        }
    }
}

/// A batch that is being filled: space for the header, then records in their final form.
#[derive(Debug)]
pub struct BatchBuffer {
    bytes: Vec<u8>,
    count: u32,
    first_lsn: Lsn,
    base_time: Micros,
}

impl BatchBuffer {
    /// An empty buffer whose first record will be `first_lsn`. `bytes` is memory to reuse; its content is discarded.
    pub fn new(first_lsn: Lsn, mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        bytes.resize(HEADER_BYTES, 0);
        Self { bytes, count: 0, first_lsn, base_time: 0 }
    }

    /// Appends the record of `op`, executed at `at`, and returns its lsn. Returns `None` if `at` is too far (35
    /// minutes) from the first record's time: the record then belongs in a new buffer. Panics if `effect` cannot be an
    /// effect of `op`.
    #[inline]
    pub fn push(&mut self, op: &Op<'_>, effect: Effect, at: Micros) -> Option<Lsn> {
        self.push_with(op, effect, &RecordOptions::default(), at)
    }

    /// The same for a record with options.
    #[inline]
    pub fn push_with(&mut self, op: &Op<'_>, effect: Effect, options: &RecordOptions, at: Micros) -> Option<Lsn> {
        if self.count == 0 {
            self.base_time = at;
        }
        let delta = self.delta(at)?;
        record::encode(&mut self.bytes, op, effect, options, delta);
        self.count += 1;
        Some(self.first_lsn + u64::from(self.count) - 1)
    }

    /// The time relative to the first record's.
    #[inline]
    fn delta(&self, at: Micros) -> Option<i32> {
        i32::try_from(at.checked_sub(self.base_time)?).ok()
    }

    /// Whether records of this time can be appended; see [`BatchBuffer::push`].
    #[inline]
    pub fn takes(&self, at: Micros) -> bool {
        self.count == 0 || self.delta(at).is_some()
    }

    /// Whether the buffer has no records.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of records, without the header.
    pub fn body_bytes(&self) -> usize {
        self.bytes.len() - HEADER_BYTES
    }

    /// The lsn of the next record.
    pub fn next_lsn(&self) -> Lsn {
        self.first_lsn + u64::from(self.count)
    }

    /// Writes the header and closes the batch. `chain` is the end of the log before it.
    pub fn seal(mut self, chain: &Chain, epoch: Epoch, durable_lsn: Lsn) -> Batch {
        debug_assert_eq!(self.first_lsn, chain.lsn + 1);
        self.write_header(chain, epoch, durable_lsn, 0);
        Batch { bytes: self.bytes.into() }
    }

    fn write_header(&mut self, chain: &Chain, epoch: Epoch, durable_lsn: Lsn, flags: u16) {
        let length = self.bytes.len() as u32;
        let mut put = |at: usize, field: &[u8]| self.bytes[at..at + field.len()].copy_from_slice(field);
        put(0, &BATCH_MAGIC);
        put(VERSION_AT, &BATCH_VERSION.to_le_bytes());
        put(FLAGS_AT, &flags.to_le_bytes());
        put(LENGTH_AT, &length.to_le_bytes());
        put(COUNT_AT, &self.count.to_le_bytes());
        put(LOG_ID_AT, &chain.log_id.to_le_bytes());
        put(EPOCH_AT, &epoch.to_le_bytes());
        put(FIRST_LSN_AT, &self.first_lsn.to_le_bytes());
        put(BASE_TIME_AT, &self.base_time.to_le_bytes());
        put(DURABLE_LSN_AT, &durable_lsn.to_le_bytes());
        put(PREVIOUS_AT, &chain.checksum.to_le_bytes());
        let checksum = checksum_of(&self.bytes);
        self.bytes[CHECKSUM_AT..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
    }
}

fn checksum_of(batch: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&batch[..CHECKSUM_AT]), &batch[HEADER_BYTES..])
}

/// A sealed batch whose checksum is valid. Cloning it only increments a reference count.
#[derive(Clone, PartialEq, Eq)]
pub struct Batch {
    bytes: Bytes,
}

impl Batch {
    /// A mark at the end of `chain`: no records; everything up to the chain's lsn is durable. A `sealed` mark also says
    /// that the log continues elsewhere.
    pub fn mark(chain: &Chain, epoch: Epoch, at: Micros, sealed: bool) -> Self {
        let mut buffer = BatchBuffer::new(chain.lsn + 1, Vec::with_capacity(HEADER_BYTES));
        buffer.base_time = at;
        buffer.write_header(chain, epoch, chain.lsn, if sealed { FLAG_SEALED } else { 0 });
        Self { bytes: buffer.bytes.into() }
    }

    /// Decodes the batch at the start of `bytes`, which may contain more. Checks magic, version, length and checksum;
    /// [`Batch::records`] checks the content of the records.
    pub fn decode(bytes: &Bytes) -> Result<Self, BatchError> {
        let available = bytes.len();
        let head: &[u8; HEADER_BYTES] = match bytes.first_chunk() {
            Some(head) if head.starts_with(&BATCH_MAGIC) => head,
            Some(_) => return Err(BatchError::Magic),
            None => return Err(BatchError::Length { claimed: HEADER_BYTES, available }),
        };
        let claimed = u32::from_le_bytes(field(head, LENGTH_AT)) as usize;
        if !(HEADER_BYTES..=MAX_BATCH_BYTES).contains(&claimed) || claimed > available {
            return Err(BatchError::Length { claimed, available });
        }
        let batch = Self { bytes: bytes.slice(..claimed) };
        if checksum_of(&batch.bytes) != batch.checksum() {
            return Err(BatchError::Checksum);
        }
        if !(OLDEST_BATCH_VERSION..=BATCH_VERSION).contains(&batch.version()) {
            return Err(BatchError::Version(batch.version()));
        }
        match batch.first_lsn().checked_add(u64::from(batch.count())) {
            Some(_) => Ok(batch),
            None => Err(BatchError::Lsn(batch.first_lsn())),
        }
    }

    /// Whether `bytes` start like a batch of the log `log_id`: a cheap test before [`Batch::decode`].
    pub fn begins(bytes: &[u8], log_id: u64) -> bool {
        bytes.starts_with(&BATCH_MAGIC) && bytes.get(LOG_ID_AT..EPOCH_AT) == Some(&log_id.to_le_bytes())
    }

    fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        field(&self.bytes, at)
    }

    /// The whole batch in its final form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The whole batch in its final form, as another reference to the same memory.
    pub fn to_bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// Returns the memory for another buffer, unless something else holds the batch.
    pub fn into_memory(self) -> Option<Vec<u8>> {
        self.bytes.try_into_mut().ok().map(Vec::from)
    }

    /// Bytes of records, without the header.
    pub fn body_bytes(&self) -> usize {
        self.bytes.len() - HEADER_BYTES
    }

    /// The format version of its records.
    pub fn version(&self) -> u16 {
        u16::from_le_bytes(self.field(VERSION_AT))
    }

    /// Number of records.
    pub fn count(&self) -> u32 {
        u32::from_le_bytes(self.field(COUNT_AT))
    }

    /// Whether the log continues in another place.
    pub fn is_sealed(&self) -> bool {
        u16::from_le_bytes(self.field(FLAGS_AT)) & FLAG_SEALED != 0
    }

    /// The id of the log that the batch belongs to.
    pub fn log_id(&self) -> u64 {
        u64::from_le_bytes(self.field(LOG_ID_AT))
    }

    /// The epoch of the writer.
    pub fn epoch(&self) -> Epoch {
        u64::from_le_bytes(self.field(EPOCH_AT))
    }

    /// The first record's lsn.
    pub fn first_lsn(&self) -> Lsn {
        u64::from_le_bytes(self.field(FIRST_LSN_AT))
    }

    /// The last record's lsn; for a mark, the lsn of the record before it.
    pub fn last_lsn(&self) -> Lsn {
        (self.first_lsn() + u64::from(self.count())).saturating_sub(1)
    }

    /// The highest lsn that the writer knew to be durable.
    pub fn durable_lsn(&self) -> Lsn {
        u64::from_le_bytes(self.field(DURABLE_LSN_AT))
    }

    /// The previous batch's checksum.
    pub fn previous(&self) -> u32 {
        u32::from_le_bytes(self.field(PREVIOUS_AT))
    }

    /// This batch's checksum.
    pub fn checksum(&self) -> u32 {
        u32::from_le_bytes(self.field(CHECKSUM_AT))
    }

    /// The same batch in memory of its own, no more than it needs.
    pub fn copied(&self) -> Self {
        Self { bytes: Bytes::copy_from_slice(&self.bytes) }
    }

    /// Decodes every record.
    pub fn check(&self) -> Result<(), BatchError> {
        self.records().try_for_each(|record| record.map(drop))
    }

    /// The records in order. Stops after the first error.
    pub fn records(&self) -> Records<'_> {
        Records {
            rest: &self.bytes[HEADER_BYTES..],
            index: 0,
            count: self.count(),
            version: self.version(),
            first_lsn: self.first_lsn(),
            base: i64::from_le_bytes(self.field(BASE_TIME_AT)),
        }
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch")
            .field("epoch", &self.epoch())
            .field("first_lsn", &self.first_lsn())
            .field("count", &self.count())
            .field("durable_lsn", &self.durable_lsn())
            .finish_non_exhaustive()
    }
}

/// Iterator over a batch's records.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
    index: u32,
    count: u32,
    version: u16,
    first_lsn: Lsn,
    base: Micros,
}

impl<'a> Records<'a> {
    /// The head of the next record, without looking at the rest of it; `None` at the end, and where [`Self::next`] fails.
    #[inline]
    pub fn peek(&self) -> Option<RecordHead<'a>> {
        if self.index == self.count {
            return None;
        }
        record::peek(self.rest, self.version, self.first_lsn + u64::from(self.index))
    }

    /// Goes past the next record, whose head was looked at.
    #[inline]
    pub fn pass(&mut self, head: &RecordHead<'_>) {
        self.rest = &self.rest[head.bytes..];
        self.index += 1;
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.index == self.count {
            return match std::mem::take(&mut self.rest) {
                [] => None,
                _ => Some(Err(BatchError::Count)),
            };
        }
        let index = self.index;
        self.index += 1;
        match record::decode(self.rest, self.version, self.first_lsn + u64::from(index), self.base) {
            Ok((record, rest)) => {
                self.rest = rest;
                Some(Ok(record))
            }
            Err(error) => {
                (self.rest, self.index) = (&[], self.count);
                Some(Err(BatchError::Record { index, error }))
            }
        }
    }
}
