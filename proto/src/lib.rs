//! The vocabulary of KVS and its byte layouts, shared by every other crate.
//!
//! Pure by construction: no I/O, no clock, no locks, no async, no serde. Boundaries convert into these types; the
//! engine executes them; the log stores them.
//!
//! ```text
//!   limits.rs                      every limit, with its unit; imports nothing
//!   lsn.rs                         the numbers that place a record
//!   text.rs, strings.rs, key.rs    validated building blocks: text values, packed lists of strings, keys
//!   types.rs                       the table of value types, one line each
//!   packed.rs                      the bytes of one value
//!   value.rs                       ValueType, ValueRef (borrowed), Value (owned)
//!   counter.rs                     types that can be incremented; Effect, what came of an operation
//!   op.rs                          Op (one request), Reply (its answer)
//!   refusal.rs                     Refusal: why there is no reply, what was left behind, whether to try again
//!   payload.rs                     what an op carries besides its key, as bytes
//!   options.rs                     what a record may say besides its operation, byte layout
//!   record.rs                      one op as the log keeps it, byte layout
//!   batch.rs                       a sealed run of records: header, checksum, chain, byte layout
//!   frame/                         the binary protocol between clients and kvs, byte layout
//! ```
//!
//! To add a value type: a line in the table of `types.rs`, and [`Packed`] and `Unpack` for its Rust types, if they have
//! none yet. What is generated from the table follows; the compiler's exhaustiveness checks lead to the other places.

// The table comes first: macros are known from where they are defined on.
#[macro_use]
mod types;

mod batch;
mod counter;
pub mod frame;
mod key;
pub mod limits;
mod lsn;
mod op;
pub mod options;
mod packed;
mod payload;
mod record;
mod refusal;
mod strings;
mod text;
mod value;

pub use batch::{BATCH_MAGIC, BATCH_VERSION, Batch, BatchBuffer, BatchError, Chain, OLDEST_BATCH_VERSION, Records};
pub use counter::{Counter, CounterType, Effect};
pub use key::{Key, KeyError};
pub use lsn::{Epoch, Lsn, Micros};
pub use op::{Op, OpKind, Reply};
pub use packed::{Packed, Unpack, UnpackError};
pub use payload::PayloadError;
pub use record::{Record, RecordError, record_bytes};
pub use refusal::{Refusal, Trace};
pub use strings::{Pairs, Strings, StringsBuf, StringsError, packed_bytes};
pub use text::{INLINE_TEXT_BYTES, Text, TextError, check_text};
pub use value::{Operations, TypeSet, Value, ValueRef, ValueType};
