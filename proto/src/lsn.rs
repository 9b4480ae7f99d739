//! The position of a record: in the log's order (lsn), in a writer's term (epoch), in time.

/// Log sequence number: the position of a record in the log's total order. The first record has 1; there are no gaps. 0
/// means "before the first record".
pub type Lsn = u64;

/// The number of a writer's term. A higher epoch fences a lower one.
pub type Epoch = u64;

/// Microseconds since the Unix epoch, UTC.
pub type Micros = i64;
