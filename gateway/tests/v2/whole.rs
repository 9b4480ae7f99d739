//! Whole listings as streams of lines.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::harness::{Answer, Kvs, eventually, seed};
use crate::listing::put;
use crate::stream_client::StreamClient;
use crate::{Server, ask, json, problem};

const LINES: (&str, &str) = ("Accept", "application/x-ndjson");

/// What came of a stream.
#[derive(Debug, Default)]
struct Told {
    /// By type, which is empty if the listing is of one, and key.
    entries: BTreeMap<(String, String), Value>,
    feed: Option<String>,
    /// The last of the cursors.
    next: Option<String>,
    /// Pieces that had a cursor at their end.
    bookmarks: usize,
    end: Value,
}

impl Told {
    /// Adds a line. Panics if its entry was told before, or something after the end.
    fn add(&mut self, line: Value) {
        assert!(self.end.is_null(), "after the end: {line}");
        match line["op"].as_str() {
            None => {
                let text = |name: &str| line[name].as_str().unwrap_or("").to_owned();
                assert!(line["etag"].is_string(), "{line}");
                let twice = self.entries.insert((text("type"), text("key")), line);
                assert_eq!(twice, None, "listed twice");
            }
            Some("begin") => {
                assert!(self.entries.is_empty() && self.feed.is_none() && self.bookmarks == 0, "it is the first line");
                self.feed = line["feed"].as_str().map(str::to_owned);
            }
            Some("bookmark") => {
                self.bookmarks += 1;
                self.next = line["next"].as_str().map(str::to_owned);
            }
            _ => self.end = line,
        }
    }

    fn is_whole(&self) -> bool {
        self.end == json!({"op": "end", "status": 200})
    }
}

fn told(answer: &Answer) -> Told {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-ndjson")), "{answer:?}");
    let mut told = Told::default();
    for line in answer.text().lines() {
        told.add(serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")));
    }
    told
}

fn stream(server: &mut Server, path: &str) -> Told {
    let told = told(&server.with("GET", path, &[LINES], ""));
    assert!(told.is_whole(), "{path}: {}", told.end);
    told
}

fn begin(addr: SocketAddr, path: &str) -> StreamClient {
    StreamClient::begin(addr, &format!("/v2/{path}"), &[LINES]).expect("kvs answers")
}

#[test]
fn a_stream_has_every_entry_and_tells_where_to_go_on() {
    let mut server = Server::start(&["--durability", "async"]);
    let empty = stream(&mut server, "int");
    assert!(empty.entries.is_empty() && empty.feed.is_some() && empty.bookmarks == 0);
    let entries: Vec<_> = (0..3000)
        .flat_map(|n| [("int", format!("user_{n}"), json!(n)), ("str", format!("s{n}"), json!(n.to_string()))])
        .collect();
    put(&mut server, &entries);
    assert_eq!(server.with("PUT", "int/user_7", &[("Kvs-Ttl", "1h")], "7").status, 204);
    let all = stream(&mut server, "keys");
    assert_eq!(all.entries.len(), 6000);
    assert!(all.entries.keys().all(|(ty, _)| ty == "int" || ty == "str"));
    let with_values = stream(&mut server, "int?values=true&prefix=user_29");
    assert_eq!(with_values.entries.len(), 111);
    assert!(with_values.entries.values().all(|entry| entry["key"] == format!("user_{}", entry["value"])));

    // A line has what the entry of a page has.
    let page = json(&server.ask("GET", "int?prefix=user_7&values&limit=1000", ""));
    let lines = stream(&mut server, "int?prefix=user_7&values").entries;
    let page: BTreeMap<_, _> =
        page["entries"].as_array().unwrap().iter().map(|entry| (entry["key"].as_str().unwrap(), entry)).collect();
    assert!(page.contains_key("user_7") && page["user_7"]["expires_at"].is_string());
    assert!(lines.iter().map(|((_, key), entry)| (key.as_str(), entry)).eq(page));

    // From each place where it can be cut, the rest follows; on pages, too.
    let mut first = begin(server.kvs.addr, "keys");
    let (mut before, mut rest) = (Told::default(), Told::default());
    while before.bookmarks < 3 {
        before.add(first.next());
    }
    assert!(before.feed.is_some());
    let next = before.next.expect("a cursor");
    rest.entries = before.entries;
    for line in begin(server.kvs.addr, &format!("keys?cursor={next}")).all() {
        assert_ne!(line["op"], "begin", "the place of the feed is that of the beginning");
        rest.add(line);
    }
    assert_eq!(rest.entries, all.entries);
    let page = json(&server.ask("GET", &format!("keys?cursor={next}"), ""));
    assert!(page["entries"].is_array());

    let head = server.with("HEAD", "keys", &[LINES], "");
    assert_eq!((head.status, head.header("content-type")), (200, Some("application/x-ndjson")));
    assert!(head.header("kvs-token").is_some());
    assert_eq!(server.status("GET", "int/user_1", ""), 200, "the connection goes on");
}

#[test]
fn requests_for_streams_that_are_refused() {
    let mut server = Server::start(&[]);
    put(&mut server, &[("int", "k".into(), json!(1))]);
    for query in ["limit=1", "cursor=x", "values=1", "more=1", "prefix=%zz"] {
        problem(&server.with("GET", &format!("int?{query}"), &[LINES], ""), 400, "malformed");
    }
    for accepts in ["text/html", "text/event-stream", "application/json;q=0", "application/x-ndjson;q=0"] {
        for path in ["int", "keys"] {
            problem(&server.with("GET", path, &[("Accept", accepts)], ""), 406, "not-acceptable");
            assert_eq!(server.with("HEAD", path, &[("Accept", accepts)], "").status, 406);
        }
    }
    for accepts in ["application/json", "*/*", "application/*", "application/x-ndjson, application/json;q=0.5"] {
        let page = server.with("GET", "int", &[("Accept", accepts)], "");
        assert_eq!(page.header("content-type"), Some("application/json"), "{accepts}");
    }
    assert_eq!(told(&server.with("GET", "int", &[("Accept", "application/x-ndjson, text/html")], "")).entries.len(), 1);
    let mut other = Server::start(&[]);
    let entries: Vec<_> = (0..3000).map(|n| ("int", n.to_string(), json!(n))).collect();
    put(&mut other, &entries);
    let foreign = stream(&mut other, "int").next.expect("a cursor");
    problem(&server.with("GET", &format!("int?cursor={foreign}"), &[LINES], ""), 410, "gone");
    problem(&other.with("GET", &format!("str?cursor={foreign}"), &[LINES], ""), 400, "malformed");
    let token = other.ask("GET", "int/1", "").header("kvs-token").expect("a token").to_owned();
    problem(&server.with("GET", "int", &[LINES, ("Kvs-Min-Token", token.as_str())], ""), 410, "gone");

    // Without a log there is no feed.
    let kvs = Kvs::try_start(Kvs::program().args(["--http-addr", "127.0.0.1:0", "--log", "off"])).expect("kvs starts");
    ask(&mut kvs.connect(), "PUT", "int/k", &[], "1");
    let alone = told(&ask(&mut kvs.connect(), "GET", "int", &[LINES], ""));
    assert!(alone.is_whole() && alone.feed.is_none() && alone.entries.len() == 1, "{alone:?}");
}

#[test]
fn entries_that_stay_are_told_once_while_others_come_and_go() {
    const STAY: usize = 4_000;
    let mut server = Server::start(&["--durability", "async"]);
    let entries: Vec<_> = (0..STAY).map(|n| ("int", format!("stays {n}"), json!(n))).collect();
    put(&mut server, &entries);
    let (seed, is_done) = (seed(), AtomicBool::new(false));
    let kvs = &server.kvs;
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let (mut client, mut chance, mut written) = (kvs.connect(), StdRng::seed_from_u64(seed), 0);
            while !is_done.load(Ordering::Relaxed) {
                let (op, keys) = (["put", "put", "del"][chance.random_range(0..3)], chance.random_range(1..60_000));
                let value = if op == "put" { json!(1) } else { Value::Null };
                let mut key = || format!("goes {}", chance.random_range(0..keys));
                let ops: Vec<Value> =
                    (0..1000).map(|_| json!({"op": op, "type": "int", "key": key(), "value": value})).collect();
                assert_eq!(ask(&mut client, "POST", "batch", &[], &json!({"ops": ops}).to_string()).status, 200);
                written += ops.len();
            }
            written
        });
        let mut pieces = 0;
        for round in 0..20 {
            let query = if round % 2 == 0 { "int" } else { "int?values=true&prefix=stays%20" };
            let told = told(&ask(&mut kvs.connect(), "GET", query, &[LINES], ""));
            let stayed = told.entries.keys().filter(|(_, key)| key.starts_with("stays")).count();
            assert!(told.is_whole() && stayed == STAY, "round {round}: {stayed}, {}", told.end);
            pieces += told.bookmarks;
        }
        is_done.store(true, Ordering::Relaxed);
        let written = writer.join().expect("no panic");
        assert!(written > 10_000 && pieces > 60, "{written} writes meanwhile, {pieces} pieces");
    });
}

#[test]
fn who_does_not_read_holds_nobody_up_and_goes_on_from_the_last_cursor() {
    const ENTRIES: usize = 4_000;
    const READERS: usize = 20;
    let args = ["--durability", "async", "--request-timeout", "1s", "--idle-timeout", "1s"];
    let mut server = Server::start(&args);
    let value = "x".repeat(10_000);
    let entries: Vec<_> = (0..ENTRIES).map(|n| ("str", format!("k{n}"), json!(value))).collect();
    for entries in entries.chunks(50) {
        put(&mut server, entries);
    }
    let kvs = &server.kvs;
    let before = kvs.resident_bytes();
    let stopped: Vec<_> = (0..READERS).map(|_| begin(kvs.addr, "str?values=true")).collect();
    // Whatever the others do.
    let whole = told(&ask(&mut kvs.connect(), "GET", "str?values=true", &[LINES], ""));
    assert!(whole.is_whole() && whole.entries.len() == ENTRIES);
    let put = ask(&mut kvs.connect(), "PUT", "str/k0", &[], &value);
    assert_eq!(put.status, 204);
    let grown = kvs.resident_bytes().saturating_sub(before);
    assert!(grown < (READERS as u64 + 4) * (4 << 20), "memory grew by {grown} bytes");
    eventually("connections that do not read are gone", || {
        let metrics = kvs.operator("/metrics");
        let open = metrics.text().lines().find_map(|line| line.strip_prefix("kvs_connections{protocol=\"rest\"} "));
        open.and_then(|open| open.parse::<f64>().ok()).expect("it is measured") < 3.0
    });
    for mut stopped in stopped {
        let mut told = Told::default();
        while let Ok(Some(line)) = stopped.try_next() {
            told.add(line);
        }
        let _ = stopped.socket().read_to_end(&mut Vec::new());
        assert!(told.end.is_null() && told.entries.len() < ENTRIES, "a cut listing does not look like a whole one");
        let Some(next) = told.next.take() else { continue };
        // What came after the last cursor is told again.
        let mut rest = Told::default();
        begin(kvs.addr, &format!("str?cursor={next}")).all().into_iter().for_each(|line| rest.add(line));
        assert!(rest.is_whole());
        let all: std::collections::BTreeSet<_> = told.entries.keys().chain(rest.entries.keys()).collect();
        assert_eq!(all.len(), ENTRIES);
    }
}
