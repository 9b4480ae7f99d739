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

use harness::{Kvs, folder, output};
use tempfile::TempDir;

fn serve(args: &[&str]) -> (TempDir, Kvs) {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), args);
    (folder, kvs)
}

/// A file of identities in this folder, and the tokens of one with the scope admin and of one without it.
fn identities(folder: &Path) -> (String, [String; 2]) {
    let file = folder.join("identities.toml").display().to_string();
    let token = |name: &str, scope: &str| {
        let args = ["token", "new", name, "--scope", scope, "--identities", &file];
        output(&mut Kvs::tool(&args)).1.trim_end().to_owned()
    };
    let tokens = [token("operator", "admin"), token("user", "read,write")];
    (file, tokens)
}

/// A file of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root").join(path)
}
