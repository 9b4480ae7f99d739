//! `Idempotency-Key`: the same request again does nothing and gets the same response, over each API and whatever the log.

use std::io::Write;
use std::net::TcpStream;

use proto::frame::{Answer, ErrorCode, StepItem, encode_transact};
use proto::{CounterType, IdempotencyKey, Key, Op};
use serde_json::json;

use crate::deployment::{self, Deployment};
use crate::frame_client::FrameClient;
use crate::harness::{Answer as Response, Client, Kvs, eventually, folder, request_to};
use crate::odd_clock::OddClock;
use crate::{Server, ask, etag, json, problem};

/// 15 January 2027, 08:00, in seconds since 1970.
const NOW: i64 = 1_800_000_000;

fn keyed(client: &mut Client, key: &str, method: &str, path: &str, body: &str) -> Response {
    ask(client, method, path, &[("Idempotency-Key", key)], body)
}

fn replayed(answer: &Response) -> bool {
    match answer.header("idempotency-replayed") {
        None => false,
        Some("true") => true,
        other => panic!("{other:?}"),
    }
}

/// What of a response says what the request has come to.
fn said(answer: &Response) -> (u16, Option<&str>, Option<&str>, Option<&str>, String) {
    let header = |name| answer.header(name);
    (answer.status, header("etag"), header("kvs-expires"), header("kvs-lsn"), answer.text().to_owned())
}

/// Sends a request twice, with something else by others in between; returns the first response.
fn twice(server: &mut Server, key: &str, method: &str, path: &str, body: &str) -> Response {
    let first = keyed(&mut server.client, key, method, path, body);
    assert!(!replayed(&first), "{method} {path}: {first:?}");
    server.ask("PATCH", "int/others", r#"{"incr":1}"#);
    let again = keyed(&mut server.client, key, method, path, body);
    assert!(replayed(&again), "{method} {path}: {again:?}");
    assert_eq!(said(&first), said(&again), "{method} {path}");
    first
}

#[test]
fn the_same_request_again_does_nothing_and_gets_the_same_response() {
    let mut server = Server::start(&[]);
    let mut key = 0;
    let mut twice = |server: &mut Server, method: &str, path: &str, body: &str| {
        key += 1;
        twice(server, &format!("\"key-{key}\""), method, path, body)
    };
    assert_eq!(twice(&mut server, "PUT", "int/n", "1").status, 201);
    let second = twice(&mut server, "PUT", "int/n", "41");
    assert_eq!(second.status, 204);
    assert_eq!(etag(&server.ask("GET", "int/n", "")), etag(&second));
    let incremented = twice(&mut server, "PATCH", "int/n", r#"{"incr":1}"#);
    assert_eq!(json(&incremented), json!({"before": 41, "value": 42}));
    assert_eq!(twice(&mut server, "PATCH", "map/m", r#"{"a":"1","b":null}"#).status, 200);
    assert_eq!(twice(&mut server, "PUT", "map/m/f", "x").status, 201);
    assert_eq!(twice(&mut server, "PUT", "map/m/f", "y").status, 204);
    assert_eq!(twice(&mut server, "DELETE", "map/m/f", "").status, 204);
    problem(&twice(&mut server, "DELETE", "map/m/f", ""), 404, "no-entry");
    assert_eq!(twice(&mut server, "PUT", "set/s/a", "").status, 201);
    assert_eq!(
        json(&twice(&mut server, "PATCH", "set/s", r#"{"add":["b"],"remove":["c"]}"#)),
        json!({"added": 1, "removed": 0})
    );
    assert_eq!(twice(&mut server, "DELETE", "set/s", "").status, 204);
    // What the first one has come to, whatever others have done since.
    problem(&twice(&mut server, "DELETE", "str/s", ""), 404, "no-entry");
    let missing = keyed(&mut server.client, "k", "DELETE", "str/later", "");
    problem(&missing, 404, "no-entry");
    server.ask("PUT", "str/later", "x");
    problem(&keyed(&mut server.client, "k", "DELETE", "str/later", ""), 404, "no-entry");
    assert_eq!(server.ask("GET", "str/later", "").text(), "x");
    let batch = json!({"if": [{"type": "int", "key": "new", "absent": true}], "ops": [
        {"op": "incr", "type": "int", "key": "n", "value": 8},
        {"op": "put", "type": "str", "key": "new", "value": "text", "ttl": "1h"},
        {"op": "get", "type": "int", "key": "n"},
    ]});
    let results = json(&twice(&mut server, "POST", "batch", &batch.to_string()));
    assert_eq!((&results["results"][0]["before"], &results["results"][2]["value"]), (&json!(42), &json!(50)));
    assert_eq!(server.ask("GET", "int/n", "").text(), "50");
    // Quotes do not make it another key.
    assert!(replayed(&keyed(&mut server.client, "key-1", "PUT", "int/n", "1")));
    let metrics = server.kvs.operator("/metrics");
    let value =
        |name: &str| metrics.text().lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    assert_eq!((value("kvs_idempotency_keys "), value("kvs_idempotency_replays_total ")), (Some(14.0), Some(15.0)));
    assert!(value("kvs_idempotency_memory_bytes ").is_some_and(|bytes| bytes > 14.0 * 100.0));
}

#[test]
fn v1_responds_as_without_a_key() {
    let mut server = Server::start(&[]);
    let base = crate::harness::BASE;
    let mut send = |key: Option<&str>, method: &str, path: &str, body: &str| {
        let headers: Vec<_> = key.into_iter().map(|key| ("Idempotency-Key", key)).collect();
        server.client.exchange(&request_to(method, &format!("{base}/{path}"), &headers, body.as_bytes()))
    };
    let bare = |answer: &Response| {
        let mut headers = answer.headers.clone();
        headers.retain(|(name, _)| !["date", "idempotency-replayed", "x-request-id"].contains(&&*name.to_lowercase()));
        (answer.status, headers, answer.text().to_owned())
    };
    let requests = [
        ("PUT", "int-put/K", "7"),
        ("PUT", "int-incr/K", ""),
        ("PUT", "int-incrby/K", "5"),
        ("PUT", "map-set/K/f", "x"),
        ("DELETE", "map-del/K/f", ""),
        ("DELETE", "map-del/K/none", ""),
        ("PUT", "set-add/K", r#"["a"]"#),
        ("PUT", "set-rem/K", r#"["a","b"]"#),
        ("DELETE", "int-del/K", ""),
        ("DELETE", "int-del/K", ""),
        ("DELETE", "del/K", ""),
        ("PUT", "int-put/K", "8"),
    ];
    for (number, (method, path, body)) in requests.into_iter().enumerate() {
        let of = |key: &str| path.replace('K', key);
        let plain = send(None, method, &of("plain"), body);
        let key = Some(format!("key-{number}"));
        let first = send(key.as_deref(), method, &of("keyed"), body);
        let again = send(key.as_deref(), method, &of("keyed"), body);
        assert_eq!((replayed(&first), replayed(&again)), (false, true), "{path}");
        let said = |answer: &Response| {
            let (status, headers, text) = bare(answer);
            (status, headers, text.replace("keyed", "plain"))
        };
        assert_eq!(said(&first), said(&plain), "{path}");
        assert_eq!(said(&again), said(&plain), "{path}");
    }
    let other = send(Some("key-0"), "PUT", "int-put/keyed", "9");
    assert_eq!(other.status, 422, "{other:?}");
    assert_eq!(send(None, "GET", "int-get/keyed", "").text(), "8");
}

#[test]
fn another_request_with_the_same_key_is_refused() {
    let mut server = Server::start(&[]);
    let first = &[("Idempotency-Key", "key"), ("Kvs-Ttl", "1h"), ("If-None-Match", "*")];
    assert_eq!(server.with("PUT", "int/n", first, "1").status, 201);
    assert!(replayed(&server.with("PUT", "int/n", first, "1")));
    // How durable it must be is no part of what it does.
    let durable = [&first[..], &[("Kvs-Durability", "sync")]].concat();
    assert!(replayed(&server.with("PUT", "int/n", &durable, "1")));
    let key = ("Idempotency-Key", "key");
    for (method, path, headers, body) in [
        ("PUT", "int/n", &first[..], "2"),
        ("PUT", "int/m", first, "1"),
        ("PUT", "uint/n", first, "1"),
        ("PUT", "int/n", &first[..2], "1"),
        ("PUT", "int/n", &[key, ("Kvs-Ttl", "2h"), ("If-None-Match", "*")], "1"),
        ("PUT", "int/n", &[key, ("Kvs-Ttl", "1h"), ("If-Match", "*")], "1"),
        ("PATCH", "int/n", &[key, ("Kvs-Ttl", "1h"), ("If-None-Match", "*")], "{}"),
        ("DELETE", "int/n", &[key], ""),
        ("POST", "batch", &[key], r#"{"ops":[{"op":"del","type":"int","key":"n"}]}"#),
    ] {
        let document = problem(&server.with(method, path, headers, body), 422, "key-reused");
        assert_eq!(document["outcome"], "none", "{method} {path}");
    }
    assert_eq!(server.ask("GET", "int/n", "").text(), "1");
    assert_eq!(server.status("GET", "int/m", ""), 404);
    assert_eq!(server.ask("GET", "problems/key-reused", "").status, 200);
}

#[test]
fn a_refused_request_leaves_its_key_free_and_reads_have_none() {
    let mut server = Server::start(&[]);
    let put = &[("Idempotency-Key", "key"), ("If-Match", "*")];
    problem(&server.with("PUT", "int/n", put, "1"), 412, "condition");
    assert_eq!(server.status("PUT", "int/n", "0"), 201);
    let done = server.with("PUT", "int/n", put, "1");
    assert_eq!((done.status, replayed(&done)), (204, false));
    assert!(replayed(&server.with("PUT", "int/n", put, "1")));
    for (method, path, body) in [("GET", "int/n", ""), ("HEAD", "int/n", ""), ("GET", "int", "")] {
        let read = server.with(method, path, &[("Idempotency-Key", "key")], body);
        assert_eq!((read.status, replayed(&read)), (200, false), "{method} {path}");
    }
    let read = r#"{"ops":[{"op":"get","type":"int","key":"n"}]}"#;
    for _ in 0..2 {
        assert!(!replayed(&server.with("POST", "batch", &[("Idempotency-Key", "reads")], read)));
    }
    for key in ["", "\"", "\"\"", "a b", "\"a\\\"b\"", "é", &"x".repeat(65)] {
        problem(&server.with("PUT", "int/n", &[("Idempotency-Key", key)], "9"), 400, "malformed");
    }
    problem(&server.with("PUT", "int/n", &[("Idempotency-Key", "a"), ("Idempotency-Key", "a")], "9"), 400, "malformed");
    assert_eq!(server.ask("GET", "int/n", "").text(), "1");
    // What it replies would be too large to be kept.
    server.ask("PUT", "str/long", &"x".repeat(1_100_000));
    let large = r#"{"ops":[{"op":"put","type":"int","key":"n","value":9},{"op":"get","type":"str","key":"long"}]}"#;
    problem(&server.with("POST", "batch", &[("Idempotency-Key", "large")], large), 413, "too-large");
    assert_eq!(server.ask("GET", "int/n", "").text(), "1");
}

#[test]
fn a_batch_whose_operations_stand_alone_is_completed() {
    let mut server = Server::start(&[]);
    server.ask("PUT", "int/b", "5");
    let batch = json!({"atomic": false, "ops": [
        {"op": "incr", "type": "int", "key": "a"},
        {"op": "incr", "type": "int", "key": "b", "max": 5},
        {"op": "incr", "type": "int", "key": "c"},
        {"op": "get", "type": "int", "key": "b"},
    ]})
    .to_string();
    let send = |server: &mut Server| {
        let answer = server.with("POST", "batch", &[("Idempotency-Key", "key")], &batch);
        let results = json(&answer)["results"].clone();
        let each = [0, 1, 2, 3].map(|number| (results[number]["status"].clone(), results[number]["replayed"] == true));
        (each, replayed(&answer))
    };
    let done = |status: u16, replayed: bool| (json!(status), replayed);
    assert_eq!(send(&mut server), ([done(200, false), done(409, false), done(200, false), done(200, false)], false));
    server.ask("PUT", "int/b", "0");
    assert_eq!(send(&mut server), ([done(200, true), done(200, false), done(200, true), done(200, false)], false));
    assert_eq!(send(&mut server).0[..3], [done(200, true), done(200, true), done(200, true)]);
    let values = ["a", "b", "c"].map(|key| server.ask("GET", &format!("int/{key}"), "").text().to_owned());
    assert_eq!(values, ["1", "1", "1"]);
}

#[test]
fn beyond_the_limits_new_keys_are_refused_until_others_expire() {
    let home = folder();
    let clock = OddClock::new(home.path());
    clock.set(NOW);
    for limit in [["--idempotency-keys", "3"], ["--idempotency-memory", "1KiB"]] {
        clock.set(NOW);
        let (data, mut sent) = (folder(), 0);
        let mut command = Kvs::command(data.path());
        command.args(limit).args(["--idempotency-window", "1h"]);
        let kvs = Kvs::try_start(clock.on(&mut command)).expect("kvs starts");
        let mut client = kvs.connect();
        let incr = |client: &mut Client, number: u32| {
            keyed(client, &format!("key-{number}"), "PATCH", "int/n", r#"{"incr":1}"#)
        };
        let refused = loop {
            match incr(&mut client, sent) {
                answer if answer.status == 200 => sent += 1,
                refused => break refused,
            }
        };
        assert!((3..5).contains(&sent), "{limit:?}: {sent}");
        problem(&refused, 503, "too-many-keys");
        assert_eq!(refused.header("retry-after"), Some("1"));
        let again = incr(&mut client, 0);
        assert_eq!((replayed(&again), ask(&mut client, "PATCH", "int/n", &[], r#"{"incr":1}"#).status), (true, 200));
        clock.set(NOW + 3601);
        assert!(!replayed(&incr(&mut client, 0)), "it has expired");
        assert_eq!(incr(&mut client, sent).status, 200);
        assert_eq!(ask(&mut client, "GET", "int/n", &[], "").text(), (sent + 3).to_string());
        eventually("expired keys are forgotten", || {
            kvs.operator("/metrics").text().contains("\nkvs_idempotency_keys 2.0\n")
        });
    }
}

fn order(id: u32, key: &[u8], by: i64) -> Vec<u8> {
    let op = Op::IncrBy { ty: CounterType::Int, key: Key::new(b"n").expect("a key"), by };
    let mut bytes = Vec::new();
    encode_transact(&mut bytes, id, true, IdempotencyKey::new(key), &[], &[StepItem::from(op)]);
    bytes
}

#[test]
fn over_frames_it_is_the_same() {
    let mut server = Server::start(&[]);
    let mut frames = FrameClient::connect(server.kvs.frame_addr);
    let mut send = |key: &[u8], by: i64| {
        let reply = frames.exchange(&order(9, key, by));
        match reply.answer() {
            Answer::Transacted { replayed, results, token } => {
                let result = results.iter().next().expect("a step");
                Ok((replayed, format!("{token:?} {result:?}")))
            }
            _ => Err(reply.error().expect("an error")),
        }
    };
    let (replayed, first) = send(b"key", 5).expect("it is carried out");
    assert!(!replayed);
    for _ in 0..3 {
        assert_eq!(send(b"key", 5), Ok((true, first.clone())));
    }
    assert_eq!(send(b"key", 6), Err(ErrorCode::KeyReused));
    assert!(!send(b"other", 6).expect("it is carried out").0);
    assert_eq!(server.ask("GET", "int/n", "").text(), "11");
    // A key is used for one request, over whatever protocol.
    problem(&keyed(&mut server.client, "key", "PATCH", "int/n", r#"{"incr":5}"#), 422, "key-reused");
}

#[test]
fn identities_have_keys_of_their_own() {
    let home = folder();
    let identities = home.path().join("identities.toml");
    let new = |name: &str| {
        let path = identities.to_str().expect("a path");
        let (status, said) = crate::harness::output(&mut Kvs::tool(&[
            "token",
            "new",
            name,
            "--scope",
            "read,write",
            "--identities",
            path,
        ]));
        assert_eq!(status, Some(0), "{said}");
        said.split_whitespace().find(|word| word.len() > 30).expect("a token").to_owned()
    };
    let tokens = [new("a"), new("b")];
    let mut server = Server::start(&["--identities", identities.to_str().expect("a path")]);
    for (number, token) in tokens.iter().enumerate() {
        let bearer = format!("Bearer {token}");
        let headers = [("Idempotency-Key", "key"), ("Authorization", &*bearer)];
        for again in [false, true] {
            let answer = server.with("PATCH", "int/n", &headers, r#"{"incr":1}"#);
            assert_eq!((answer.status, replayed(&answer)), (200, again), "{answer:?}");
            assert_eq!(json(&answer)["value"], number + 1);
        }
    }
}

/// Has a checkpoint made.
fn checkpoint(kvs: &Kvs) {
    kvs.signal("USR1");
    kvs.says(&["wrote a checkpoint"]);
}

/// A response that never came: the request is sent, and kvs killed when it has been carried out.
fn sent_and_lost(kvs: &Kvs, key: &str) {
    let mut stream = TcpStream::connect(kvs.addr).expect("kvs listens");
    let request = request_to("PATCH", "/v2/int/lost", &[("Idempotency-Key", key)], br#"{"incr":1}"#);
    stream.write_all(&request).expect("kvs reads");
    let mut client = kvs.connect();
    eventually("it is carried out", || ask(&mut client, "GET", "int/lost", &[], "").status == 200);
}

fn in_sql(deployment: &Deployment, sql: &str) -> Option<String> {
    let (url, server) = deployment.tables.as_ref().zip(deployment.server)?;
    Some(server.psql(url, sql))
}

/// All kinds of logs at a time: most of it is waiting.
#[test]
fn keys_are_kept_by_every_log_over_deaths_checkpoints_and_writers() {
    std::thread::scope(|scope| {
        let running: Vec<_> =
            deployment::all().into_iter().map(|deployment| scope.spawn(move || keeps_its_keys(&deployment))).collect();
        let failed = running.into_iter().filter_map(|test| test.join().err()).count();
        assert_eq!(failed, 0, "failed logs; see above");
    });
}

fn keeps_its_keys(deployment: &Deployment) {
    let name = deployment.name;
    let incr = |client: &mut Client, key: &str| keyed(client, key, "PATCH", "int/n", r#"{"incr":1}"#);
    let kvs = deployment.start(&[]);
    let mut client = kvs.connect();
    let first = incr(&mut client, "first");
    assert_eq!((first.status, replayed(&first)), (200, false), "{name}");
    sent_and_lost(&kvs, "lost");
    kvs.kill();
    // From the log, from a checkpoint, from a checkpoint of what was read from one.
    for round in 0..3 {
        let kvs = deployment.start(&[]);
        let mut client = kvs.connect();
        let again = incr(&mut client, "first");
        assert!(replayed(&again), "{name}, {round}: {again:?}");
        assert_eq!(said(&again), said(&first), "{name}, {round}");
        problem(&keyed(&mut client, "first", "PATCH", "int/n", r#"{"incr":2}"#), 422, "key-reused");
        let lost = keyed(&mut client, "lost", "PATCH", "int/lost", r#"{"incr":1}"#);
        assert_eq!(json(&lost)["value"], 1, "{name}, {round}");
        assert!(replayed(&lost) || round == 0, "{name}, {round}");
        // What came before the last two checkpoints is removed where it may be.
        for _ in 0..2 {
            checkpoint(&kvs);
            assert_eq!(ask(&mut client, "PUT", "str/other", &[], &"x".repeat(20_000)).status / 100, 2);
        }
        // Another writer takes over, where it can while this one lives.
        if round == 2 && deployment.segments.is_none() {
            let next = deployment.start(&[]);
            assert!(replayed(&incr(&mut next.connect(), "first")), "{name}");
            next.kill();
        }
        kvs.kill();
    }
    let kvs = deployment.start(&[]);
    assert_eq!(ask(&mut kvs.connect(), "GET", "int/n", &[], "").text(), "1", "{name}");
    let keys = "SELECT string_agg(key, ', ' ORDER BY id) FROM outcomes WHERE expires_at > timestamp + interval '9 min'";
    if let Some(keys) = in_sql(deployment, keys) {
        assert_eq!(keys, "everyone first, everyone lost", "{name}");
        let written = "SELECT t.transaction_type FROM outcomes o JOIN integer_transactions t ON t.id = o.id + 1";
        assert_eq!(in_sql(deployment, written).as_deref(), Some("incrby\nincrby"), "{name}");
    }
    kvs.kill();
}

#[test]
fn a_backup_has_them_too() {
    let (deployment, work) = (deployment::file(), folder());
    let path = |name: &str| work.path().join(name).to_str().expect("a path").to_owned();
    let kvs = deployment.start(&[]);
    let first = keyed(&mut kvs.connect(), "key", "PATCH", "int/n", r#"{"incr":1}"#);
    assert_eq!(first.status, 200);
    kvs.kill();
    let (status, told) = deployment.tool(&["backup", &path("backup")]);
    assert_eq!(status, Some(0), "{told}");
    let restore = ["restore", &path("backup"), "--to", &format!("file:{}", path("restored"))];
    let (status, told) = crate::harness::output(&mut Kvs::tool(&restore));
    assert_eq!(status, Some(0), "{told}");
    let kvs = Kvs::start(&work.path().join("restored"), &[]);
    let mut client = kvs.connect();
    let again = keyed(&mut client, "key", "PATCH", "int/n", r#"{"incr":1}"#);
    assert!(replayed(&again));
    assert_eq!((again.text(), again.header("kvs-lsn")), (first.text(), first.header("kvs-lsn")));
    // The state of the entry in the new log.
    assert_ne!(etag(&again), etag(&first));
    assert_eq!(etag(&again), etag(&ask(&mut client, "GET", "int/n", &[], "")));
}
