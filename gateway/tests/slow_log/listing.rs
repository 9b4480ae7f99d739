//! Listings while the log does not confirm what they would show.

use std::collections::BTreeSet;

use serde_json::Value;
use testkit::memory::MemoryLog;

use crate::A_MOMENT;
use crate::embedded::Embedded;
use crate::harness::request_to;
use crate::stream_client::StreamClient;

/// So many that the server is not done when the client has not read yet.
const ENTRIES: usize = 4_000;

/// Bytes of a value.
const VALUE: usize = 8_000;

const LINES: (&str, &str) = ("Accept", "application/x-ndjson");

fn stream(server: &Embedded, query: &str) -> StreamClient {
    StreamClient::begin(server.addr, &format!("/v2/str?values=true{query}"), &[LINES]).expect("kvs answers")
}

#[test]
fn each_piece_of_a_stream_waits_for_the_log() {
    let log = MemoryLog::default();
    let budget = (64 << 20).to_string();
    let flags =
        ["--http-addr", "127.0.0.1:0", "--durability", "async", "--log-timeout", "1s", "--log-budget", budget.as_str()];
    let server = Embedded::start_as(log.sink(), &flags);
    let mut client = server.connect();
    let value = "x".repeat(VALUE);
    for n in 0..ENTRIES {
        assert_eq!(client.put(&format!("str-put/{n}"), &value).status, 200);
    }
    let mut cut = stream(&server, "");
    assert_eq!(cut.next()["op"], "begin");
    log.stall(true);
    assert_eq!(client.put("str-put/late", "not confirmed").status, 200);
    // What was made before is told. Then the log is waited for, and nothing of what it has not confirmed is told.
    let (mut keys, mut last) = (BTreeSet::new(), Value::Null);
    while let Some(line) = cut.try_next().expect("the connection holds") {
        keys.extend(line["key"].as_str().map(str::to_owned));
        last = line;
    }
    assert_eq!((&last["op"], &last["status"]), (&"end".into(), &503.into()), "{last}");
    assert!(keys.len() < ENTRIES && !keys.contains("late"), "{} entries", keys.len());
    let next = last["next"].as_str().expect("where to go on");
    // Before the stream begins it is a response of its own.
    for method in ["GET", "HEAD"] {
        client.send(&request_to(method, "/v2/keys", &[LINES], b"")).expect("kvs reads");
        assert!(!client.answers_within(A_MOMENT), "{method}");
        let answer = if method == "HEAD" { client.receive_head() } else { client.receive() };
        assert_eq!(answer.expect("an answer").status, 503, "{method}");
    }
    log.stall(false);
    for line in stream(&server, &format!("&cursor={next}")).all() {
        if let Some(key) = line["key"].as_str() {
            assert!(keys.insert(key.to_owned()), "twice: {key}");
        }
    }
    keys.remove("late");
    assert_eq!(keys.len(), ENTRIES);
    server.stop().expect("everything becomes durable");
}
