//! What the system gives runs out, or behaves oddly, while kvs runs: no descriptor is left, no memory, no room in a file; the
//! disk is slow; the clock jumps. Whatever was acknowledged is there afterwards, and what is refused is said to be.
//!
//! ```text
//!   main.rs          what the others share
//!   descriptors.rs   RLIMIT_NOFILE
//!   memory.rs        RLIMIT_AS, and `--max-memory`
//!   file_size.rs     RLIMIT_FSIZE, of kvs and of txnd
//!   slow_disk.rs     each fdatasync takes long
//!   clock.rs         the clock steps, forward and back
//! ```

mod clock;
mod descriptors;
mod file_size;
#[path = "../frame_client/mod.rs"]
mod frame_client;
#[path = "../harness/mod.rs"]
mod harness;
mod memory;
#[path = "../odd_clock/mod.rs"]
mod odd_clock;
mod slow_disk;
#[path = "../txnd_server/mod.rs"]
mod txnd_server;

use std::path::Path;
use std::process::Command;

use harness::{Answer, Kvs};

/// Sets a limit of a running process, such as `--nofile=64:`.
fn limit(pid: u32, limit: &str) {
    let limited = Command::new("prlimit").args(["--pid", &pid.to_string(), limit]).status();
    assert!(limited.expect("prlimit can be executed").success(), "{limit}");
}

/// A value that tells which key it is of.
fn value(n: usize, bytes: usize) -> String {
    format!("{n}:{}", "x".repeat(bytes))
}

/// Whether this acknowledges a write. If not, it must be a refusal that says that nothing happened, or that the outcome is
/// unknown.
fn is_acknowledged(answer: &Answer) -> bool {
    match answer.status {
        200 => true,
        503 | 504 => {
            answer.assert_error(answer.status, "PUT");
            false
        }
        other => panic!("{other}: {}", answer.text()),
    }
}

/// Checks that a kvs that starts on this log has every one of these keys.
fn assert_kept(folder: &Path, acknowledged: &[usize], bytes: usize) {
    let kvs = Kvs::start(folder, &[]);
    let mut client = kvs.connect();
    for n in acknowledged {
        let found = client.get(&format!("str-get/{n}"));
        assert!(found.status == 200 && found.text() == value(*n, bytes), "{n} is lost: {}", found.status);
    }
}
