//! Copies of a log that are verified and restored.
//!
//! ```text
//!   DIR/
//!     BACKUP.json                        what the files are, with their hashes; replaced atomically
//!     0001-checkpoint-483920.batches     the state up to lsn 483920
//!     0001-log-483921-500000.batches     the records after it
//!     0001-log-500001-620000.batches     what a later run added
//!     0002-checkpoint-900000.batches     a later full backup
//!     0002-log-900001-901234.batches
//! ```
//!
//! A *set* is one full backup with the increments after it: a checkpoint, unless the log was read from its first record, and
//! every record after it without a hole. A set restores the log at any point between the end of its checkpoint and its
//! last record. The next run continues the last set. It begins a new one when it is asked to, or when the log no longer
//! keeps the records in between.
//!
//! The files are batches one after the other, in the form of the log's (`proto::batch`). A kind of log that stores batches
//! is copied as it is.
//!
//! **Crashes.** What BACKUP.json does not name does not count. It names a file once that is durable, and no run changes a
//! file that it names. So a run that dies leaves the backup as it was; the next one removes what is left of it.
//!
//! ```text
//!   take.rs      adds to a backup what the log has more than it
//!   reader.rs    a set as a log that can be read
//!   verify.rs    checks every byte
//!   part.rs      one file
//!   manifest.rs  BACKUP.json
//! ```

mod manifest;
mod part;
mod reader;
mod take;
mod verify;

pub use reader::BackupReader;
pub use take::{Options, Taken, take};
pub use verify::{Checked, verify};

/// Default limit of what a run reads and writes, in bytes per second.
pub const DEFAULT_RATE: u64 = 64 << 20;
