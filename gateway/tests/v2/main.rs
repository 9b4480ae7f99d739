//! REST API v2 over real connections.
//!
//! ```text
//!   entries.rs    one entry: each method, etags and conditions, representations
//!   elements.rs   fields of maps, members of sets, changes of a part
//!   batch.rs      batches
//!   expiry.rs     entries that expire
//!   once.rs       requests that come again with their idempotency keys
//!   frames.rs     the same over frames
//!   listing.rs    pages of entries while others write
//!   whole.rs      whole listings as streams
//!   refused.rs    what is malformed, what an identity may not do
//!   model.rs      random requests against a model
//!   described.rs  the description in OpenAPI
//!   deaths.rs     kill -9 among batches, with every kind of log
//! ```

mod batch;
mod deaths;
#[path = "../deployment/mod.rs"]
mod deployment;
mod described;
mod elements;
mod entries;
mod expiry;
#[path = "../frame_client/mod.rs"]
mod frame_client;
mod frames;
#[path = "../harness/mod.rs"]
mod harness;
mod listing;
mod model;
#[path = "../odd_clock/mod.rs"]
mod odd_clock;
mod once;
mod refused;
#[path = "../stream_client/mod.rs"]
mod stream_client;
#[path = "../txnd_server/mod.rs"]
mod txnd_server;
mod whole;

use harness::{Answer, Client, Kvs, folder, request_to};
use serde_json::Value;
use tempfile::TempDir;

/// A kvs, and a connection to it.
struct Server {
    client: Client,
    kvs: Kvs,
    _folder: TempDir,
}

impl Server {
    fn start(args: &[&str]) -> Self {
        let folder = folder();
        let kvs = Kvs::start(folder.path(), args);
        Self { client: kvs.connect(), kvs, _folder: folder }
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> Answer {
        ask(&mut self.client, method, path, &[], body)
    }

    fn with(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        ask(&mut self.client, method, path, headers, body)
    }

    fn status(&mut self, method: &str, path: &str, body: &str) -> u16 {
        self.ask(method, path, body).status
    }

    /// The response to a batch.
    fn batch(&mut self, batch: &Value) -> Answer {
        self.ask("POST", "batch", &batch.to_string())
    }
}

/// A request for a path behind `/v2/`.
fn ask(client: &mut Client, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    client.send(&request_to(method, &format!("/v2/{path}"), headers, body.as_bytes())).expect("kvs reads");
    let received = if method == "HEAD" { client.receive_head() } else { client.receive() };
    received.unwrap_or_else(|e| panic!("{e}: {method} {path}"))
}

fn etag(answer: &Answer) -> &str {
    answer.header("etag").unwrap_or_else(|| panic!("an etag: {answer:?}"))
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|e| panic!("{e}: {answer:?}"))
}

/// Checks that an answer is a problem, and returns its document.
#[track_caller]
fn problem(answer: &Answer, status: u16, name: &str) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    let document = json(answer);
    assert_eq!(document["type"], format!("/v2/problems/{name}"), "{document}");
    assert_eq!(document["status"], status, "{document}");
    assert!(document["title"].is_string() && document["detail"].is_string(), "{document}");
    document
}
