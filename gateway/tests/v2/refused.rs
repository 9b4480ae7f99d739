//! Requests that are refused: in their form, and because of who makes them.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Kvs, folder};
use crate::{Server, ask, json, problem};

#[test]
fn paths_and_methods() {
    let mut server = Server::start(&[]);
    for path in ["", "ints/k", "int/a/b", "keys/a", "set/a/b/c"] {
        problem(&server.ask("GET", path, ""), 404, "no-path");
    }
    for (method, path, allowed) in [
        ("POST", "int/k", "GET, HEAD, PUT, DELETE, PATCH"),
        ("PATCH", "map/k/f", "GET, HEAD, PUT, DELETE"),
        ("PUT", "keys", "GET, HEAD"),
        ("OPTIONS", "batch", "POST"),
    ] {
        let answer = server.ask(method, path, "");
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
        problem(&answer, 405, "wrong-method");
    }
    problem(&server.ask("GET", "int/%zz", ""), 400, "malformed");
    problem(&server.ask("GET", &format!("int/{}", "k".repeat(513)), ""), 400, "malformed");
    problem(&server.ask("GET", "int/k?x=1", ""), 400, "malformed");
    problem(&server.ask("PUT", "int/k", "3000000000"), 422, "not-representable");
    for malformed in ["x", "", "1.5", "1e", "0x1", "\"1\""] {
        problem(&server.ask("PUT", "int/k", malformed), 400, "malformed");
    }
    problem(&server.ask("PUT", "int/k", "3e9"), 422, "not-representable");
    problem(&server.with("PUT", "int/k", &[("Kvs-Durability", "soon")], "1"), 400, "malformed");
    for tags in ["x", "\"x", "\"x\" \"y\"", "\"x\",,", "*, \"x\""] {
        problem(&server.with("PUT", "int/k", &[("If-Match", tags)], "1"), 400, "malformed");
    }
    assert_eq!(server.status("GET", "int/k", ""), 404, "nothing of it was stored");
}

#[test]
fn a_page_of_another_origin_may_use_conditions_and_places() {
    let mut server = Server::start(&["--cors-origins", "https://app.example"]);
    let origin = ("Origin", "https://app.example");
    let asked = server.with("OPTIONS", "int/k", &[origin, ("Access-Control-Request-Method", "PATCH")], "");
    let lists = |answer: &crate::Answer, name: &str| -> Vec<String> {
        answer.header(name).unwrap_or_default().split(", ").map(str::to_lowercase).collect()
    };
    assert!(
        asked.status == 204 && lists(&asked, "access-control-allow-methods").contains(&"patch".into()),
        "{asked:?}"
    );
    let sent = lists(&asked, "access-control-allow-headers");
    let needed = ["idempotency-key", "if-match", "if-none-match", "kvs-min-token", "kvs-ttl", "last-event-id"];
    assert!(needed.iter().all(|name| sent.iter().any(|sent| sent == name)));
    let put = server.with("PUT", "int/k", &[origin, ("Kvs-Ttl", "1h")], "1");
    assert_eq!(put.status, 201, "{put:?}");
    let got = server.with("GET", "int/k", &[origin], "");
    assert!(got.header("kvs-expires").is_some(), "{got:?}");
    let read = lists(&got, "access-control-expose-headers");
    for (name, _) in got.headers.iter().filter(|(name, _)| name == "etag" || name.starts_with("kvs-")) {
        assert!(read.contains(name), "{name}: {got:?}");
    }
}

#[test]
fn what_a_problem_means_is_told() {
    let mut server = Server::start(&[]);
    let document = problem(&server.ask("GET", "int/none", ""), 404, "no-entry");
    let path = document["type"].as_str().expect("a path").strip_prefix("/v2/").expect("a path of this API");
    let page = server.ask("GET", path, "");
    assert!(page.status == 200 && page.text().contains("no entry"), "{page:?}");
    problem(&server.ask("GET", "problems/none", ""), 404, "no-path");
    problem(&server.ask("PUT", "problems/no-entry", ""), 405, "wrong-method");
    let description = json(&server.ask("GET", "openapi.json", ""));
    assert_eq!((&description["openapi"], &description["info"]["version"]), (&json!("3.1.0"), &json!("2.0.0")));
}

/// A kvs with identities, and the token of each.
struct Guarded {
    kvs: Kvs,
    tokens: Vec<(&'static str, String)>,
    _folder: tempfile::TempDir,
}

impl Guarded {
    fn start(identities: &[(&'static str, &[&str])]) -> Self {
        let folder = folder();
        let file = folder.path().join("identities");
        let new = |(name, args): &(&'static str, &[&str])| {
            let mut tool: Command = Kvs::tool(&["token", "new", name]);
            let made = tool.arg("--identities").arg(&file).args(*args).output().expect("it can be executed");
            assert!(made.status.success(), "{made:?}");
            (*name, String::from_utf8(made.stdout).expect("text").trim().to_owned())
        };
        let tokens = identities.iter().map(new).collect();
        let kvs = Kvs::start(&folder.path().join("log"), &["--identities", file.to_str().expect("a path")]);
        Self { kvs, tokens, _folder: folder }
    }

    fn ask(&self, who: &str, method: &str, path: &str, body: &str) -> crate::Answer {
        let token = self.tokens.iter().find(|(name, _)| *name == who).map(|(_, token)| format!("Bearer {token}"));
        let headers: Vec<(&str, &str)> = token.iter().map(|token| ("Authorization", token.as_str())).collect();
        ask(&mut self.kvs.connect(), method, path, &headers, body)
    }
}

#[test]
fn nothing_is_done_or_told_without_a_right() {
    let server = Guarded::start(&[
        ("all", &["--scope", "read,write"]),
        ("reader", &["--scope", "read", "--types", "int", "--prefix", "user_"]),
        ("writer", &["--scope", "write"]),
        ("operator", &["--scope", "admin"]),
    ]);
    for (path, value) in [("int/user_1", "1"), ("int/other", "1"), ("str/user_1", "v"), ("map/m", r#"{"a":"b"}"#)] {
        assert_eq!(server.ask("all", "PUT", path, value).status, 201);
    }
    let batch = |ops: serde_json::Value| json!({"ops": ops}).to_string();
    let get_other =
        batch(json!([{"op": "get", "type": "int", "key": "user_1"}, {"op": "get", "type": "int", "key": "other"}]));
    let put = batch(json!([{"op": "put", "type": "int", "key": "user_1", "value": 2}]));
    let conditional = json!({"if": [{"type": "str", "key": "user_1", "absent": true}], "ops": []}).to_string();
    let requests: [(&str, &str, &str); 14] = [
        ("GET", "int/other", ""),
        ("GET", "int/none", ""),
        ("GET", "str/user_1", ""),
        ("PUT", "int/user_1", "2"),
        ("PUT", "int/user_2", "2"),
        ("DELETE", "int/user_1", ""),
        ("PATCH", "int/user_1", r#"{"incr":1}"#),
        ("GET", "map/m/a", ""),
        ("PUT", "map/m/a", "x"),
        ("GET", "set/s/x", ""),
        ("GET", "str", ""),
        ("POST", "batch", &get_other),
        ("POST", "batch", &put),
        ("POST", "batch", &conditional),
    ];
    for (method, path, body) in requests {
        problem(&server.ask("nobody", method, path, body), 401, "unauthenticated");
        problem(&server.ask("reader", method, path, body), 403, "forbidden");
        problem(&server.ask("operator", method, path, body), 403, "forbidden");
    }
    problem(&server.ask("operator", "GET", "keys", ""), 403, "forbidden");
    problem(&server.ask("writer", "GET", "keys", ""), 403, "forbidden");
    assert_eq!(server.ask("all", "GET", "int/user_1", "").text(), "1");

    // What it may see, and nothing else.
    assert_eq!(server.ask("reader", "GET", "int/user_1", "").text(), "1");
    for path in ["keys", "int"] {
        let listed = json(&server.ask("reader", "GET", path, ""));
        let keys: Vec<_> = listed["entries"].as_array().expect("entries").iter().map(|entry| &entry["key"]).collect();
        assert_eq!(keys, [&json!("user_1")], "{path}");
    }
    // Who may only write learns that a condition failed, not what is there.
    let token = server.tokens.iter().find(|(name, _)| *name == "writer").map(|(_, token)| format!("Bearer {token}"));
    let token = token.expect("a token");
    let headers = [("Authorization", token.as_str()), ("If-None-Match", "*")];
    let refused = problem(&ask(&mut server.kvs.connect(), "PUT", "int/other", &headers, "3"), 412, "condition");
    assert_eq!(refused["value"], json!(null));
    // Descriptions are for everybody.
    for path in ["openapi.json", "problems/gone"] {
        assert_eq!(server.ask("nobody", "GET", path, "").status, 200, "{path}");
    }
}

#[test]
fn limits_count_what_a_client_counts() {
    let mut server = Server::start(&["--durability", "async"]);
    let op =
        |n: usize| json!({"op": "patch", "type": "set", "key": format!("s{n}"), "value": {"add": ["a"]}, "ttl": "1h"});
    let batch = |count: usize| json!({"ops": (0..count).map(op).collect::<Vec<_>>()});
    assert_eq!(server.batch(&batch(1_000)).status, 200);
    assert_eq!(problem(&server.batch(&batch(1_001)), 413, "too-large")["limit"], 1_000);
    let fields = |count: usize| -> Value {
        (0..count).map(|n| (format!("f{n}"), json!("x"))).collect::<serde_json::Map<_, _>>().into()
    };
    let patch =
        |server: &mut Server, count| server.with("PATCH", "map/m", &[("Kvs-Ttl", "1h")], &fields(count).to_string());
    assert_eq!(patch(&mut server, 1_000).status, 200);
    assert_eq!(problem(&patch(&mut server, 1_001), 413, "too-large")["limit"], 1_000);
    // Each of them allowed, but too much together.
    let many = json!({"ops": vec![json!({"op": "patch", "type": "map", "key": "m", "value": fields(1_000)}); 11]});
    assert_eq!(problem(&server.batch(&many), 413, "too-large")["limit"], 10_000);
}

#[test]
fn every_problem_says_what_has_become_of_the_request() {
    let kvs = Kvs::try_start(Kvs::program().args(["--http-addr", "127.0.0.1:0", "--log", "off"])).expect("kvs starts");
    let mut server = Server { client: kvs.connect(), kvs, _folder: folder() };
    let stored = server.ask("PUT", "int/k", "1");
    let places = ["kvs-lsn", "kvs-durable-lsn"].map(|name| stored.header(name));
    assert_eq!(places, [Some("0"), Some("0")], "without a log there are no places");
    for (answer, status) in [
        (server.with("PUT", "int/k", &[("If-None-Match", "*")], "2"), 412),
        (server.ask("PATCH", "int/k", r#"{"incr":1,"max":0}"#), 409),
        (server.ask("GET", "int/none", ""), 404),
        (server.ask("PUT", "int/k", "x"), 400),
        (server.with("PUT", "int/k", &[("If-Match", "")], "2"), 400),
    ] {
        assert_eq!((answer.status, &json(&answer)["outcome"]), (status, &json!("none")), "{answer:?}");
    }
    // A batch in which everything fails is a response all the same.
    let answer = server.batch(&json!({"atomic": false, "ops": [{"op": "incr", "type": "int", "key": "k", "max": 0}]}));
    assert_eq!((answer.status, answer.header("kvs-lsn")), (200, Some("0")), "{answer:?}");
}
