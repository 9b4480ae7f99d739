//! The feed over real connections: over REST as events and as lines, and over frames.
//!
//! ```text
//!   follower.rs   one who follows over REST, and the state that it makes of what it is told
//!   told.rs       what is told of each kind of change, and to whom
//!   tokens.rs     places to begin from, and those that are refused
//!   lost.rs       what a crash has taken back is not mistaken for what is there now
//!   every_log.rs  listing and feed give the exact state, on every kind of log; what was trimmed is not skipped silently
//!   slow.rs       those who read slowly, or not at all
//!   deaths.rs     kill -9 of the server, and clients that break off: each durable change exactly once
//! ```

mod deaths;
#[path = "../deployment/mod.rs"]
mod deployment;
mod every_log;
mod follower;
#[path = "../frame_client/mod.rs"]
mod frame_client;
#[path = "../harness/mod.rs"]
mod harness;
mod lost;
mod slow;
#[path = "../stream_client/mod.rs"]
mod stream_client;
mod tokens;
mod told;
#[path = "../txnd_server/mod.rs"]
mod txnd_server;

use harness::{Answer, Client, Kvs, request_to};
use serde_json::Value;

/// A request for a path behind `/v2/`.
fn ask(client: &mut Client, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    client.send(&request_to(method, &format!("/v2/{path}"), headers, body.as_bytes())).expect("kvs reads");
    let received = if method == "HEAD" { client.receive_head() } else { client.receive() };
    received.unwrap_or_else(|e| panic!("{e}: {method} {path}"))
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|e| panic!("{e}: {answer:?}"))
}

/// The present place in the log.
fn place(kvs: &Kvs) -> String {
    let answer = ask(&mut kvs.connect(), "GET", "keys?limit=1", &[], "");
    json(&answer)["feed"].as_str().expect("the first page has a place").to_owned()
}
