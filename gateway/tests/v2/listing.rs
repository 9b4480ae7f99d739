//! Listings: each entry that stays is listed exactly once, whatever others do.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::harness::{Client, seed};
use crate::{Server, ask, etag, json, problem};

/// Every entry of a listing, page by page. Panics if one comes twice.
fn list(client: &mut Client, path: &str, query: &str) -> BTreeMap<(String, String), Value> {
    let (mut found, mut cursor, mut pages) = (BTreeMap::new(), String::new(), 0);
    loop {
        let answer = ask(client, "GET", &format!("{path}?{query}{cursor}"), &[], "");
        assert_eq!(answer.status, 200, "{answer:?}");
        let page = json(&answer);
        for entry in page["entries"].as_array().expect("entries") {
            let text = |name: &str| entry[name].as_str().unwrap_or("").to_owned();
            assert!(entry["etag"].is_string(), "{entry}");
            let twice = found.insert((text("type"), text("key")), entry.clone());
            assert_eq!(twice, None, "listed twice: {entry}");
        }
        pages += 1;
        assert!(pages < 100_000, "it does not end");
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

pub(crate) fn put(server: &mut Server, entries: &[(&str, String, Value)]) {
    for entries in entries.chunks(1000) {
        let put =
            |(ty, key, value): &(&str, String, Value)| json!({"op": "put", "type": ty, "key": key, "value": value});
        let ops: Vec<Value> = entries.iter().map(put).collect();
        assert_eq!(server.batch(&json!({"ops": ops})).status, 200);
    }
}

#[test]
fn pages_have_every_entry_once() {
    let mut server = Server::start(&["--durability", "async"]);
    let entries: Vec<_> = (0..3000)
        .flat_map(|n| [("int", format!("user_{n}"), json!(n)), ("str", format!("s{n}"), json!(n.to_string()))])
        .collect();
    put(&mut server, &entries);
    let client = &mut server.client;
    for limit in [1000, 7, 100] {
        assert_eq!(list(client, "int", &format!("limit={limit}")).len(), 3000, "{limit}");
    }
    let with_values = list(client, "int", "values=true&limit=500");
    assert!(with_values.values().all(|entry| entry["key"] == format!("user_{}", entry["value"])));
    assert_eq!(list(client, "keys", "limit=900").len(), 6000);
    assert_eq!(list(client, "keys", "prefix=user_29").len(), 111);
    assert_eq!(list(client, "str", "prefix=user_").len(), 0);
    assert_eq!(list(client, "map", "").len(), 0);
    let one = list(client, "str", "prefix=s17&values").remove(&(String::new(), "s17".into())).expect("it is there");
    let read = ask(client, "GET", "str/s17", &[], "");
    assert_eq!((&one["value"], &one["etag"]), (&json!("17"), &json!(etag(&read))));
}

#[test]
fn queries_that_are_refused() {
    let mut server = Server::start(&[]);
    for query in ["limit=0", "limit=1001", "limit=x", "cursor=x", "values=1", "more=1", "limit=1&limit=2", "prefix=%zz"]
    {
        problem(&server.ask("GET", &format!("int?{query}"), ""), 400, "malformed");
    }
    let entries: Vec<_> = (0..3).map(|n| ("int", n.to_string(), json!(n))).collect();
    put(&mut server, &entries);
    let next = json(&server.ask("GET", "int?limit=1", ""))["next"].as_str().expect("there is more").to_owned();
    problem(&server.ask("GET", &format!("str?cursor={next}"), ""), 400, "malformed");
    let mut other = Server::start(&[]);
    problem(&other.ask("GET", &format!("int?cursor={next}"), ""), 410, "gone");
    problem(&server.ask("POST", "int", ""), 405, "wrong-method");
}

#[test]
fn entries_that_stay_are_listed_once_while_others_come_and_go() {
    const STAY: usize = 4_000;
    let mut server = Server::start(&["--durability", "async"]);
    let entries: Vec<_> = (0..STAY).map(|n| ("int", format!("stays {n}"), json!(n))).collect();
    put(&mut server, &entries);
    let (seed, is_done) = (seed(), AtomicBool::new(false));
    let connect = || server.kvs.connect();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let (mut client, mut chance, mut written) = (connect(), StdRng::seed_from_u64(seed), 0);
            let mut next = 0;
            while !is_done.load(Ordering::Relaxed) {
                // Tables grow by leaps, then shrink to nothing but what stays.
                let grows = chance.random_bool(0.6);
                let ops: Vec<Value> = (0..1000)
                    .map(|_| {
                        next += 1;
                        let key = format!("goes {}", if grows { next } else { chance.random_range(0..=next) });
                        if grows {
                            json!({"op": "put", "type": "int", "key": key, "value": 1})
                        } else {
                            json!({"op": "del", "type": "int", "key": key})
                        }
                    })
                    .collect();
                assert_eq!(ask(&mut client, "POST", "batch", &[], &json!({"ops": ops}).to_string()).status, 200);
                written += ops.len();
            }
            written
        });
        let mut client = connect();
        for round in 0..12 {
            let listed = list(&mut client, "int", &format!("prefix=stays%20&limit={}", 1 + 83 * round));
            assert_eq!(listed.len(), STAY, "round {round}, seed {seed}");
        }
        is_done.store(true, Ordering::Relaxed);
        let written = writer.join().expect("no panic");
        assert!(written > 10_000, "{written} writes meanwhile");
    });
}
