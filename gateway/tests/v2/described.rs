//! The description: every operation is in it, and answers as it says.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::request_to;
use crate::{Server, ask, json};

/// What stands behind a reference.
fn resolve<'a>(api: &'a Value, part: &'a Value) -> &'a Value {
    match part["$ref"].as_str() {
        Some(reference) => api.pointer(reference.strip_prefix('#').expect("a local reference")).expect("it is there"),
        None => part,
    }
}

/// A body for a path.
fn sample(path: &str, method: &str) -> String {
    match (path, method) {
        (path, "patch") if path.starts_with("/v2/map") => json!({"a": "b"}),
        (path, "patch") if path.starts_with("/v2/set") => json!({"add": ["a"]}),
        ("/v2/int/{key}" | "/v2/uint/{key}", "patch") => json!({"incr": 1}),
        (_, "patch") => json!({}),
        ("/v2/batch", _) => json!({"ops": [{"op": "get", "type": "int", "key": "k"}]}),
        ("/v2/map/{key}", _) => json!({"a": "b"}),
        ("/v2/set/{key}", _) => json!(["a"]),
        _ => json!(7),
    }
    .to_string()
}

#[test]
fn every_operation_answers_as_described() {
    let mut server = Server::start(&["--durability", "async"]);
    let api = json(&server.ask("GET", "openapi.json", ""));
    let paths = api["paths"].as_object().expect("paths");
    let mut ids = BTreeSet::new();
    for wanted in ["put", "patch", "post", "get", "head", "delete"] {
        for (path, methods) in paths {
            let Some(described) = methods.get(wanted) else { continue };
            assert!(ids.insert(described["operationId"].to_string()), "an id of its own: {described}");
            let used = path.replace("{key}", "k").replace("{field}", "a").replace("{member}", "a");
            let used = used.strip_prefix("/v2/").expect("the base path");
            let body = if described["requestBody"].is_object() { sample(path, wanted) } else { String::new() };
            // The feed has no end: its head must do, and its connection serves nothing else.
            let answer = match (path.as_str(), wanted) {
                ("/v2/feed", "get") => {
                    let mut client = server.kvs.connect();
                    client.send(&request_to("GET", path, &[], b"")).expect("kvs reads");
                    client.receive_head().expect("kvs answers")
                }
                _ => ask(&mut server.client, &wanted.to_uppercase(), used, &[], &body),
            };
            let response = resolve(&api, &described["responses"][answer.status.to_string()]);
            // Deleting a map or set comes before deleting what was in it.
            let gone = wanted == "delete" && answer.status == 404;
            assert!(response.is_object() || gone, "not described: {wanted} {path}: {answer:?}");
            if wanted != "head" && !gone {
                let media = response["content"].as_object().map(|content| content.keys().cloned().collect::<Vec<_>>());
                let sent = answer.header("content-type").map(|sent| sent.split(';').next().expect("a part").to_owned());
                let fits =
                    sent.as_ref().map_or(media.is_none(), |sent| media.is_some_and(|media| media.contains(sent)));
                assert!(fits, "{wanted} {path}: {sent:?}, {response}");
            }
        }
    }
    assert!(ids.len() > 35, "{ids:?}");
    for (path, methods) in paths {
        for (method, described) in methods.as_object().expect("methods") {
            for parameter in described["parameters"].as_array().expect("parameters") {
                assert!(resolve(&api, parameter)["name"].is_string(), "{method} {path}: {parameter}");
            }
        }
    }
}
