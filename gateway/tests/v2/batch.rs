//! Batches: all or nothing, or each by itself.

use serde_json::json;

use crate::{Server, etag, json, problem};

fn op(op: &str, ty: &str, key: &str) -> serde_json::Value {
    json!({"op": op, "type": ty, "key": key})
}

#[test]
fn each_operation_has_its_result() {
    let mut server = Server::start(&[]);
    let answer = server.batch(&json!({"ops": [
        {"op": "put", "type": "str", "key": "s", "value": "text"},
        {"op": "incr", "type": "int", "key": "n", "value": 5, "min": 0, "max": 5},
        {"op": "incr", "type": "int", "key": "n"},
        {"op": "patch", "type": "map", "key": "m", "value": {"a": "1", "b": null}},
        {"op": "patch", "type": "set", "key": "t", "value": {"add": ["x", "y"]}},
        {"op": "put", "type": "float", "key": "f", "value": 1.5},
        {"op": "get", "type": "map", "key": "m"},
        {"op": "get", "type": "int", "key": "none"},
        {"op": "del", "type": "str", "key": "s"},
        {"op": "del", "type": "str", "key": "s"},
        {"op": "put", "type": "str", "key": "s", "value": "again"},
    ]}));
    assert_eq!(answer.status, 200, "{answer:?}");
    let results = json(&answer)["results"].as_array().expect("results").clone();
    let statuses: Vec<_> = results.iter().map(|result| result["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 200, 200, 200, 200, 201, 200, 404, 204, 404, 201]);
    assert_eq!((&results[1]["value"], &results[2]["before"]), (&json!(5), &json!(5)));
    assert_eq!((&results[3]["set"], &results[4]["added"]), (&json!(1), &json!(2)));
    assert_eq!((&results[6]["value"], &results[6]["etag"]), (&json!({"a": "1"}), &results[3]["etag"]));
    for (path, result) in [("str/s", 10), ("int/n", 2), ("set/t", 4)] {
        assert_eq!(json!(etag(&server.ask("GET", path, ""))), results[result]["etag"], "{path}");
    }
    assert_eq!(answer.header("kvs-lsn"), Some("8"), "the place of its last write");
}

#[test]
fn all_of_it_or_nothing() {
    let mut server = Server::start(&[]);
    assert_eq!(server.status("PUT", "int/a", "1"), 201);
    let before = server.ask("GET", "int/a", "");
    let put = json!({"op": "put", "type": "int", "key": "a", "value": 2});
    let fails = [
        (json!({"op": "incr", "type": "int", "key": "b", "min": 9}), 409, "limit"),
        (json!({"op": "incr", "type": "uint", "key": "b", "value": -1}), 409, "overflow"),
    ];
    for (last, status, name) in fails {
        let ops = json!([put, {"op": "put", "type": "str", "key": "new", "value": "v"}, last]);
        let refused = problem(&server.batch(&json!({"ops": ops})), status, name);
        assert_eq!(refused["op"], 2, "{refused}");
        assert_eq!(server.ask("GET", "int/a", "").header("etag"), before.header("etag"));
        assert_eq!(server.status("GET", "str/new", ""), 404);
    }
    let conditions = [
        (json!({"type": "int", "key": "a", "absent": true}), json!(1)),
        (json!({"type": "int", "key": "a", "etag": "\"x\""}), json!(1)),
        (json!({"type": "str", "key": "none", "present": true}), json!(null)),
    ];
    for (condition, value) in conditions {
        let holds = json!({"type": "int", "key": "a", "etag": etag(&before)});
        let refused = problem(&server.batch(&json!({"if": [holds, condition], "ops": [put]})), 412, "condition");
        assert_eq!((&refused["if"], &refused["value"]), (&json!(1), &value), "{refused}");
    }
    let holds = json!([
        {"type": "int", "key": "a", "etag": etag(&before)},
        {"type": "str", "key": "none", "absent": true},
        {"type": "int", "key": "a", "present": true},
    ]);
    assert_eq!(server.batch(&json!({"if": holds, "ops": [put]})).status, 200);
    assert_eq!(server.ask("GET", "int/a", "").text(), "2");
}

#[test]
fn each_by_itself() {
    let mut server = Server::start(&[]);
    let ops = json!([
        {"op": "put", "type": "int", "key": "a", "value": 1},
        {"op": "incr", "type": "int", "key": "a", "max": 1},
        {"op": "incr", "type": "int", "key": "a"},
        {"op": "get", "type": "int", "key": "a"},
    ]);
    let answer = server.batch(&json!({"atomic": false, "ops": ops}));
    let results = json(&answer)["results"].clone();
    assert_eq!((answer.status, &results[0]["status"], &results[3]["value"]), (200, &json!(201), &json!(2)));
    assert_eq!((&results[1]["status"], &results[1]["type"]), (&json!(409), &json!("/v2/problems/limit")));
    let with_if = json!({"atomic": false, "if": [{"type": "int", "key": "a", "present": true}], "ops": ops});
    problem(&server.batch(&with_if), 400, "malformed");
}

#[test]
fn what_is_malformed_does_nothing() {
    let mut server = Server::start(&[]);
    let put = json!({"op": "put", "type": "int", "key": "a", "value": 2});
    let mut bad = vec![
        op("get", "int", ""),
        op("get", "integer", "k"),
        op("put", "int", "k"),
        op("mul", "int", "k"),
        op("incr", "str", "k"),
        op("patch", "float", "k"),
        json!({"op": "get", "type": "int", "key": "k", "value": 1}),
        json!({"op": "put", "type": "int", "key": "k", "value": "1"}),
        json!({"op": "put", "type": "int", "key": "k", "value": 1, "max": 3}),
        json!({"op": "put", "type": "map", "key": "k", "value": ["a"]}),
        json!({"op": "put", "type": "str", "key": "k", "value": 1}),
    ];
    for bad in bad.drain(..) {
        let answer = server.batch(&json!({"ops": [put, bad]}));
        assert_eq!(problem(&answer, 400, "malformed")["op"], 1, "{bad}");
    }
    let over = problem(
        &server.batch(&json!({"ops": [put, {"op":"put","type":"int","key":"k","value":3e9 as i64}]})),
        422,
        "not-representable",
    );
    assert_eq!(over["op"], 1);
    for text in ["", "[]", "{}", r#"{"ops":{}}"#, r#"{"ops":[],"more":1}"#, r#"{"ops":[]"#] {
        problem(&server.ask("POST", "batch", text), 400, "malformed");
    }
    let many: Vec<_> = (0..1001).map(|n| op("get", "int", &n.to_string())).collect();
    assert_eq!(problem(&server.batch(&json!({"ops": many})), 413, "too-large")["limit"], 1000);
    assert_eq!(server.status("GET", "int/a", ""), 404);
    assert_eq!(json(&server.batch(&json!({"ops": []})))["results"], json!([]));
    problem(&server.ask("GET", "batch", ""), 405, "wrong-method");
}

#[test]
fn a_thousand_operations() {
    let mut server = Server::start(&[]);
    let puts: Vec<_> =
        (0..1000).map(|n| json!({"op": "put", "type": "int", "key": n.to_string(), "value": n})).collect();
    let results = json(&server.batch(&json!({"ops": puts})))["results"].clone();
    assert!(results.as_array().unwrap().iter().all(|result| result["status"] == 201));
    let gets: Vec<_> = (0..1000).map(|n| op("get", "int", &n.to_string())).collect();
    let results = json(&server.batch(&json!({"ops": gets})))["results"].clone();
    assert!(results.as_array().unwrap().iter().enumerate().all(|(n, result)| result["value"] == n));
}

#[test]
fn responses_have_a_bound() {
    let mut server = Server::start(&["--max-body", "16MiB"]);
    let member = "x".repeat(1 << 20);
    let members: Vec<String> = (0..12).map(|n| format!("{n}{member}")).collect();
    assert_eq!(server.status("PUT", "set/s", &json!(members).to_string()), 201);
    let gets: Vec<_> = (0..20).map(|_| op("get", "set", "s")).collect();
    let refused = problem(&server.batch(&json!({"ops": gets})), 413, "too-large");
    assert!(refused["op"].is_u64(), "{refused}");
}
