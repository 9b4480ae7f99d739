//! The data types of KVS and their byte layouts, shared by every other crate.
//!
//! Pure by construction: no I/O, no clock, no locks, no async, no serde. The boundaries convert into these types, the
//! engine executes them, and the log stores them.
//!
//! ```text
//!   limits.rs                      every limit, with its unit; imports nothing
//!   lsn.rs                         the numbers that place a record
//!   text.rs, strings.rs, key.rs    validated building blocks: text values, packed lists of strings, keys
//!   idempotency.rs                 keys of requests that may be sent again
//!   types.rs                       the table of value types, one line each
//!   packed.rs                      the bytes of one value
//!   value.rs                       ValueType, ValueRef (borrowed), Value (owned)
//!   counter.rs                     types that can be incremented; Effect: the result of an operation
//!   op.rs                          Op (one request), Reply (its result)
//!   refusal.rs                     Refusal: why a request failed, whether it had an effect, whether to retry
//!   outcome.rs                     byte layout of what a request with an idempotency key has come to
//!   payload.rs                     byte layout of an op's payload: everything except its key
//!   options.rs                     byte layout of a record's options: extra data besides its operation
//!   record.rs                      byte layout of one op in the log
//!   batch.rs                       byte layout of a sealed run of records: header, checksum, chain
//!   frame/                         byte layout of the binary protocol between clients and kvs
//! ```
//!
//! To add a value type, add a line to the table in `types.rs`, and implement [`Packed`] and `Unpack` for its Rust types
//! if they do not have them yet. Most code is generated from the table. The compiler's exhaustiveness checks find the
//! rest.

// The table comes first: a macro can only be used after its definition.
#[macro_use]
mod types;

mod batch;
mod counter;
pub mod frame;
mod idempotency;
mod key;
pub mod limits;
mod lsn;
mod op;
pub mod options;
mod outcome;
mod packed;
mod payload;
mod record;
mod refusal;
mod strings;
mod text;
mod value;

pub use batch::{BATCH_MAGIC, BATCH_VERSION, Batch, BatchBuffer, BatchError, Chain, OLDEST_BATCH_VERSION, Records};
pub use counter::{Counter, CounterType, Effect};
pub use idempotency::IdempotencyKey;
pub use key::{Key, KeyError};
pub use lsn::{Epoch, Lsn, Micros};
pub use op::{Fingerprint, Op, OpKind, Reply};
pub use outcome::{OutcomeError, OutcomeStep, Place, RecordedOutcome};
pub use packed::{Packed, Unpack, UnpackError};
pub use payload::PayloadError;
pub use record::{Record, RecordError, RecordHead, record_bytes};
pub use refusal::{Refusal, Trace};
pub use strings::{Pairs, Strings, StringsBuf, StringsError, packed_bytes};
pub use text::{INLINE_TEXT_BYTES, Text, TextError, check_text};
pub use value::{Operations, TypeSet, Value, ValueRef, ValueType};
