//! What the fuzz targets share.
//!
//! ```text
//!   parts.rs    several parts in one input
//!   mend.rs     right checksums for wrong bytes, so that they get past the first check
//!   folder.rs   a folder in memory, and the log in it
//! ```

pub mod folder;
pub mod mend;
pub mod parts;
