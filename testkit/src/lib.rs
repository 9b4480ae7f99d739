//! Code shared by the tests of several crates. It is only a dev-dependency.
//!
//! ```text
//!   arbitrary.rs        operations that own their texts, and proptest strategies for them
//!   folder.rs           temporary folders
//!   memory.rs           a log in memory, with faults on request
//!   postgres_server/    a PostgreSQL server of the tests' own
//!   pki.rs              certificates, good and odd
//!   forgetful_disk.rs   a disk that may forget what was not synced
//!   mount_holder.rs     a shell that keeps mounts of its own
//!   loop_disk.rs        a disk with a real file system that can be frozen
//!   small_disk.rs       a disk of 1 MiB
//! ```

// In a test, anything unexpected panics, with its line.
#![allow(missing_docs)]

pub mod arbitrary;
pub mod folder;
pub mod forgetful_disk;
pub mod loop_disk;
pub mod memory;
mod mount_holder;
pub mod pki;
pub mod postgres_server;
pub mod small_disk;
