//! Servers that the harness starts itself, on free ports, keeping nothing on disk unless requested.
//!
//! ```text
//!   kvs.rs     kvs: found beside this program, or built
//!   peers.rs   Redis, memcached, Webdis, nginx
//! ```

pub(crate) mod kvs;
pub(crate) mod peers;

use crate::process::child::Child;
use crate::process::usage;
use crate::target::Target;

/// A running server; it stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    /// What to measure.
    pub(crate) target: Target,
    /// Where to store entries before the run: another interface may be faster.
    pub(crate) preload: Target,
    /// Name and version.
    pub(crate) version: String,
    /// Dropped in this order: a server that uses another one stops first.
    children: Vec<Child>,
    /// Configuration and data.
    _folder: Option<tempfile::TempDir>,
}

impl Server {
    /// Its processes.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.children.iter().map(Child::pid).collect()
    }

    /// Resident memory of all its processes, in bytes.
    pub(crate) fn resident(&self) -> Result<u64, String> {
        usage::resident(&self.pids())
    }
}

fn temporary_folder() -> Result<tempfile::TempDir, String> {
    tempfile::Builder::new().prefix("kvs-loadtest-").tempdir().map_err(|e| format!("no temporary folder: {e}"))
}
