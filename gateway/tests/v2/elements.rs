//! Changes of a part: counters, fields of maps, members of sets.

use serde_json::json;

use crate::{Server, etag, json, problem};

#[test]
fn counters_move_within_bounds() {
    let mut server = Server::start(&[]);
    let mut change = |body: &str| server.ask("PATCH", "int/n", body);
    assert_eq!(json(&change(r#"{"incr":41}"#)), json!({"before": 0, "value": 41}));
    assert_eq!(json(&change(r#"{"incr":5,"min":0,"max":46}"#)), json!({"before": 41, "value": 46}));
    for beyond in [r#"{"incr":1,"max":46}"#, r#"{"incr":-47,"min":0}"#, r#"{"incr":1,"min":48}"#] {
        assert_eq!(problem(&change(beyond), 409, "limit")["value"], 46);
    }
    assert_eq!(json(&change(r#"{"incr":0.0,"min":-1e3,"max":46.0}"#)), json!({"before": 46, "value": 46}));
    problem(&change(r#"{"incr":2147483647}"#), 409, "overflow");
    problem(&change(r#"{"incr":9223372036854775807}"#), 409, "overflow");
    for malformed in ["", "[]", "5", r#"{"incr":1.5}"#, r#"{"incr":"1"}"#, r#"{"incr":1,"ttl":3}"#, r#"{"incr":1"#] {
        problem(&change(malformed), 400, "malformed");
    }
    assert_eq!(server.ask("GET", "int/n", "").text(), "46");
    assert_eq!(json(&server.ask("PATCH", "uint/n", r#"{"incr":4294967295}"#))["value"], 4_294_967_295_u32);
    let tag = server.ask("GET", "int/n", "");
    assert_eq!(server.with("PATCH", "int/n", &[("If-Match", etag(&tag))], r#"{"incr":1}"#).status, 200);
    problem(&server.with("PATCH", "int/n", &[("If-Match", etag(&tag))], r#"{"incr":1}"#), 412, "condition");
}

#[test]
fn maps_are_merged() {
    let mut server = Server::start(&[]);
    problem(&server.ask("PATCH", "map/m", "{}"), 404, "no-entry");
    problem(&server.ask("PATCH", "map/m", r#"{"a":null}"#), 404, "no-entry");
    let created = server.ask("PATCH", "map/m", r#"{"a":"1","b":"2","c":null}"#);
    assert_eq!((created.status, json(&created)), (200, json!({"set": 2, "deleted": 0})));
    let merged = server.ask("PATCH", "map/m", r#"{"a":null,"b":"3","d":"4","d":"5"}"#);
    assert_eq!(json(&merged), json!({"set": 2, "deleted": 1}));
    let read = server.ask("GET", "map/m", "");
    assert_eq!((read.text(), etag(&read)), (r#"{"b":"3","d":"5"}"#, etag(&merged)));
    let nothing = server.ask("PATCH", "map/m", "{}");
    assert_eq!((json(&nothing), etag(&nothing)), (json!({"set": 0, "deleted": 0}), etag(&merged)));
    problem(&server.ask("PATCH", "map/m", r#"{"a":1}"#), 400, "malformed");
    problem(&server.ask("PATCH", "map/m", "{\"a\":\"\\u0000\"}"), 422, "not-representable");
    let many: serde_json::Map<_, _> = (0..1001).map(|n| (n.to_string(), json!("v"))).collect();
    assert_eq!(problem(&server.ask("PATCH", "map/m", &json!(many).to_string()), 413, "too-large")["limit"], 1000);
}

#[test]
fn members_are_added_and_removed_together() {
    let mut server = Server::start(&[]);
    problem(&server.ask("PATCH", "set/s", r#"{"remove":["a"]}"#), 404, "no-entry");
    let changed = server.ask("PATCH", "set/s", r#"{"add":["a","b","a"]}"#);
    assert_eq!(json(&changed), json!({"added": 2, "removed": 0}));
    let changed = server.ask("PATCH", "set/s", r#"{"add":["c","b"],"remove":["a","x"]}"#);
    assert_eq!(json(&changed), json!({"added": 1, "removed": 1}));
    let read = server.ask("GET", "set/s", "");
    assert_eq!((read.text(), etag(&read)), (r#"["b","c"]"#, etag(&changed)));
    problem(&server.ask("PATCH", "set/s", r#"{"added":["c"]}"#), 400, "malformed");
    for ty in ["str", "float"] {
        problem(&server.ask("PATCH", &format!("{ty}/k"), r#"{"add":["c"]}"#), 400, "malformed");
        problem(&server.ask("PATCH", &format!("{ty}/k"), "{}"), 404, "no-entry");
    }
    let refused = server.ask("PATCH", "map/k/f", "{}");
    assert_eq!(refused.header("allow"), Some("GET, HEAD, PUT, DELETE"));
    problem(&refused, 405, "wrong-method");
}

#[test]
fn fields_and_members_are_resources() {
    let mut server = Server::start(&[]);
    problem(&server.ask("GET", "map/m/f", ""), 404, "no-entry");
    problem(&server.ask("DELETE", "map/m/f", ""), 404, "no-entry");
    assert_eq!(server.status("PUT", "map/m/f%2Fg", "one"), 201);
    let replaced = server.ask("PUT", "map/m/f%2Fg", "two");
    assert_eq!(replaced.status, 204);
    let read = server.ask("GET", "map/m/f%2Fg", "");
    assert_eq!((read.text(), etag(&read)), ("two", etag(&replaced)));
    assert_eq!(server.with("GET", "map/m/f%2Fg", &[("If-None-Match", etag(&read))], "").status, 304);
    problem(&server.with("PUT", "map/m/f%2Fg", &[("If-None-Match", "*")], "no"), 412, "condition");
    problem(&server.ask("GET", "map/m/none", ""), 404, "no-entry");
    assert_eq!(server.status("DELETE", "map/m/f%2Fg", ""), 204);
    problem(&server.ask("DELETE", "map/m/f%2Fg", ""), 404, "no-entry");
    assert_eq!(server.ask("GET", "map/m", "").text(), "{}");

    problem(&server.ask("GET", "set/s/x", ""), 404, "no-entry");
    assert_eq!(server.status("PUT", "set/s/x", ""), 201);
    assert_eq!(server.status("PUT", "set/s/x", ""), 204);
    assert_eq!(server.status("GET", "set/s/x", ""), 204);
    problem(&server.ask("GET", "set/s/y", ""), 404, "no-entry");
    assert_eq!(server.status("DELETE", "set/s/x", ""), 204);
    problem(&server.ask("DELETE", "set/s/x", ""), 404, "no-entry");
    assert_eq!(server.ask("GET", "set/s", "").text(), "[]");
}
