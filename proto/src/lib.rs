//! The vocabulary of KVS and its byte layouts, shared by every other crate.
//!
//! Pure by construction: no I/O, no clock, no locks, no async, no serde. Boundaries convert into these types; the
//! engine executes them; the log stores them.
//!
//! ```text
//!   key.rs, text.rs, strings.rs    validated building blocks: keys, text values, packed lists of strings
//!   value.rs                       ValueType (the six types), ValueRef (borrowed), Value (owned)
//!   op.rs                          Op (one request), Reply (its answer)
//!   refusal.rs                     Refusal: why there is no reply, what was left behind, whether to try again
//!   payload.rs                     what an op carries besides its key, as bytes
//!   record.rs                      one op as the log keeps it, byte layout
//!   batch.rs                       a sealed run of records: header, checksum, chain, byte layout
//!   frame/                         the binary protocol between clients and kvs, byte layout
//!   limits.rs                      every limit, with its unit
//! ```
//!
//! To add a value type: a variant in [`ValueType`], [`ValueRef`] and [`Value`], its payload in `payload.rs`, and a table
//! in the engine's shard; the compiler's exhaustiveness checks lead to each of these places.

pub mod batch;
pub mod frame;
pub mod key;
pub mod limits;
pub mod op;
pub mod payload;
pub mod record;
pub mod refusal;
pub mod strings;
pub mod text;
pub mod value;

pub use batch::{Batch, BatchBuffer, BatchError, Chain};
pub use key::{Key, KeyError};
pub use op::{Op, OpKind, Reply};
pub use payload::PayloadError;
pub use record::{Record, RecordError};
pub use refusal::{Refusal, Trace};
pub use strings::{Strings, StringsBuf, StringsError};
pub use text::{Text, TextError, check_text};
pub use value::{CounterType, Value, ValueRef, ValueType};

/// Log sequence number: the position of a record in the log's one total order. The first record has 1; there are no
/// holes. 0 stands for "before the first record".
pub type Lsn = u64;

/// The number of a writer's term. A higher epoch fences a lower one.
pub type Epoch = u64;

/// Microseconds since the Unix epoch, UTC.
pub type Micros = i64;
