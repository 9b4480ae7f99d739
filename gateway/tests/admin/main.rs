//! The operator's listener: health, readiness by named checks, metrics.
//!
//! ```text
//!   main.rs        what the tests share
//!   checkpoint.rs  checkpoints on request
//!   ready.rs       whether the server is ready, and who may ask
//!   metrics.rs     metrics are right, documented, and used by dashboard and alerts as they are
//! ```

mod checkpoint;
#[path = "../frame_client/mod.rs"]
mod frame_client;
#[path = "../harness/mod.rs"]
mod harness;
mod metrics;
mod ready;
#[path = "../txnd_server/mod.rs"]
mod txnd_server;

use std::path::{Path, PathBuf};

use harness::{Kvs, folder};
use tempfile::TempDir;

fn serve(args: &[&str]) -> (TempDir, Kvs) {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), args);
    (folder, kvs)
}

/// A file of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root").join(path)
}
