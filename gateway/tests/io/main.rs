//! I/O with clients, over io_uring and over epoll: the same cases with both, over real sockets. Where the kernel does not allow
//! io_uring, only those of epoll run.
//!
//! ```text
//!   main.rs     what the others share
//!   many.rs     thousands of connections, idle and then all at once
//!   rude.rs     clients that do not read, dribble, half-close, reset
//!   stopping.rs the server stops while output is in flight
//!   choice.rs   which driver is used, and why
//! ```

mod choice;
#[path = "../frame_client/mod.rs"]
mod frame_client;
#[path = "../harness/mod.rs"]
mod harness;
mod many;
mod rude;
mod stopping;

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use harness::{Kvs, folder};

/// Longest time that an undisturbed request may take on a busy machine.
const PROMPT: Duration = Duration::from_secs(2);

/// A kvs with this driver, and with one worker, so that all connections share it.
fn command(driver: &str, folder: &Path) -> Command {
    let mut command = Kvs::program();
    command.args(["--http-addr", "127.0.0.1:0", "--workers", "1", "--durability", "async", "--io", driver, "--log"]);
    command.arg(format!("file:{}", folder.display()));
    command
}

/// Whether io_uring is possible here.
fn has_uring() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| {
        let folder = folder();
        let has = Kvs::try_start(&mut command("uring", folder.path())).is_ok();
        if !has {
            println!("skipped: io_uring cannot be used here");
        }
        has
    })
}

/// Runs a case with each driver, on a kvs of its own.
fn with_each(case: impl Fn(Kvs)) {
    for driver in ["epoll", "uring"] {
        if driver == "uring" && !has_uring() {
            continue;
        }
        println!("{driver}");
        let folder = folder();
        let started = Kvs::try_start(&mut command(driver, folder.path()));
        case(started.unwrap_or_else(|e| panic!("kvs did not start: {e:?}")));
    }
}

/// Descriptors that a process has open.
fn descriptors(kvs: &Kvs) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", kvs.pid())).expect("the process runs").count()
}
