//! The frame protocol as a black box: what it promises, and what it makes of clients that do not keep to it.
//!
//! ```text
//!   main.rs        what the tests share
//!   refused.rs     prefaces and requests that are refused: with which error, and without a trace
//!   slow.rs        clients that send or take too little, and those that are too many
//!   pipeline.rs    many requests at once: order, memory, multi-get and multi-put
//!   durable.rs     what a reply to a write means; the end of the server
//!   auth.rs        tokens
//!   spoilt.rs      connections cut at every byte, random bytes, spoilt requests
//! ```

mod auth;
mod durable;
#[path = "../frame_client/mod.rs"]
mod frame_client;
#[path = "../harness/mod.rs"]
mod harness;
mod pipeline;
mod refused;
mod slow;
mod spoilt;

use std::time::{Duration, Instant};

use frame_client::{FrameClient, ping};
use harness::{Kvs, folder};
use proto::frame::Answer;
use tempfile::TempDir;

/// Longest time that an undisturbed request may take on a busy machine.
const PROMPT: Duration = Duration::from_secs(2);

/// A server with a log of its own that does not make anybody wait.
fn serve(args: &[&str]) -> (TempDir, Kvs) {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &[&["--durability", "async"], args].concat());
    (folder, kvs)
}

/// Stops the server; panics if anything in it has panicked.
fn stop_unharmed(kvs: Kvs) {
    let (status, diagnostics) = kvs.stop();
    assert!(status.success() && !diagnostics.contains("panicked"), "{status}: {diagnostics}");
}

/// Panics unless a new client is served, and at once.
#[track_caller]
fn assert_serves(kvs: &Kvs) {
    let began = Instant::now();
    assert_eq!(FrameClient::connect(kvs.frame_addr).exchange(&ping(7)).answer(), Answer::Done);
    assert!(began.elapsed() < PROMPT, "another client's request took {:?}", began.elapsed());
}
