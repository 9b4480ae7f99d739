//! What the REST port says about itself: a page, the description in OpenAPI, the figures of the page.

mod harness;

use std::collections::BTreeSet;

use harness::{Answer, Kvs, folder};
use serde_json::Value;

fn ask(kvs: &Kvs, request: &str) -> Answer {
    kvs.connect().exchange(format!("{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").as_bytes())
}

fn description(kvs: &Kvs) -> Value {
    description_at(kvs, "/openapi.json")
}

fn description_at(kvs: &Kvs, path: &str) -> Value {
    let answer = ask(kvs, &format!("GET {path}"));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// Each operation: path, method, and its description.
fn operations(api: &Value) -> Vec<(String, String, Value)> {
    let paths = api["paths"].as_object().expect("paths");
    let of = |(path, methods): (&String, &Value)| {
        let methods = methods.as_object().expect("methods").clone();
        methods.into_iter().map(|(method, it)| (path.clone(), method.to_uppercase(), it)).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

/// What stands behind a reference.
fn resolve<'a>(api: &'a Value, part: &'a Value) -> &'a Value {
    match part["$ref"].as_str() {
        Some(reference) => api.pointer(reference.strip_prefix('#').expect("a local reference")).expect("it is there"),
        None => part,
    }
}

/// A body that the schema of a media type allows.
fn sample(content: &Value) -> String {
    let (_, media) = content.as_object().and_then(|content| content.iter().next()).expect("a media type");
    match media["schema"]["type"].as_str().expect("a type") {
        "integer" | "number" => "7".into(),
        "array" => r#"["a"]"#.into(),
        "object" => r#"{"a":"b"}"#.into(),
        _ => "text".into(),
    }
}

#[test]
fn every_operation_is_described_and_works_as_described() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &["--durability", "async"]);
    let api = description(&kvs);
    assert_eq!(api["openapi"], "3.1.0");
    let operations = operations(&api);
    assert!(operations.len() > 40, "{}", operations.len());
    let ids: BTreeSet<&str> = operations.iter().map(|(_, _, it)| it["operationId"].as_str().expect("an id")).collect();
    assert_eq!(ids.len(), operations.len(), "each has an id of its own");
    // Writes first, so that there is something to read.
    for wanted in ["PUT", "GET", "HEAD", "POST", "DELETE"] {
        for (path, _, it) in operations.iter().filter(|(_, method, _)| method == wanted) {
            let query = if path.ends_with("/fibo") { "?n=10" } else { "" };
            let path = path.replace("{key}", "k").replace("{member}", "a").replace("{field}", "a");
            let body = it["requestBody"]["content"].as_object().map(|_| sample(&it["requestBody"]["content"]));
            let body = body.unwrap_or_default();
            let length = body.len();
            let head =
                format!("{wanted} {path}{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
            let mut client = kvs.connect();
            client.send(&[head.as_bytes(), body.as_bytes()].concat()).expect("kvs reads");
            let answer = if wanted == "HEAD" { client.receive_head() } else { client.receive() }.expect("an answer");
            let shown = format!("{wanted} {path}: {} {:?}", answer.status, String::from_utf8_lossy(&answer.body));
            let described = resolve(&api, &it["responses"][answer.status.to_string()]);
            assert!(described.is_object(), "not described: {shown}");
            assert_eq!(answer.status, 200, "{shown}");
            if wanted != "HEAD" {
                let media = described["content"].as_object().and_then(|content| content.keys().next());
                let sent = answer.header("content-type").map(|sent| sent.split(';').next().expect("a part"));
                assert_eq!(sent, media.map(String::as_str), "{shown}");
            }
        }
    }
    assert!(kvs.stop().0.success());
}

#[test]
fn every_operation_has_what_the_page_shows() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &[]);
    for path in ["/openapi.json", "/v2/openapi.json"] {
        let api = description_at(&kvs, path);
        let groups: BTreeSet<&str> =
            api["tags"].as_array().expect("tags").iter().filter_map(|tag| tag["name"].as_str()).collect();
        for (path, method, it) in operations(&api) {
            let group = it["tags"][0].as_str().expect("a tag");
            assert!(groups.contains(group), "{method} {path}: {group}");
            assert!(it["summary"].is_string() && it["parameters"].is_array(), "{method} {path}");
            for response in it["responses"].as_object().expect("responses").values() {
                assert!(resolve(&api, response)["description"].is_string(), "{method} {path}");
            }
        }
    }
}

#[test]
fn the_largest_floats_are_within_their_limits() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &[]);
    let api = description_at(&kvs, "/v2/openapi.json");
    let schema = &api["paths"]["/v2/float/{key}"]["put"]["requestBody"]["content"]["application/json"]["schema"];
    for limit in ["minimum", "maximum"] {
        let largest = schema[limit].to_string();
        let length = largest.len();
        let head = format!(
            "PUT /v2/float/{limit} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        assert_eq!(kvs.connect().exchange(format!("{head}{largest}").as_bytes()).status, 201, "{largest}");
        let told: f64 = ask(&kvs, &format!("GET /v2/float/{limit}")).text().parse().expect("a number");
        assert_eq!(Some(told), schema[limit].as_f64());
    }
}

#[test]
fn no_route_is_missing_in_the_description() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &[]);
    let api = description(&kvs);
    let described: BTreeSet<String> = api["paths"].as_object().expect("paths").keys().cloned().collect();
    // Those of docs/rest-v1.md.
    let document = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root").join("docs/rest-v1.md");
    let document = std::fs::read_to_string(document).expect("the document");
    let is_path = |word: &&str| word.contains("/{key}") || ["echo", "hello"].contains(word);
    let documented: BTreeSet<String> = document
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(is_path)
        .map(|path| format!("/kvs/v1-0-0/{path}"))
        .chain(["/kvs/v1-0-0/fibo".into()])
        .collect();
    assert_eq!(described, documented);
}

#[test]
fn the_page_is_for_everybody_and_its_figures_are_not() {
    let secrets = folder();
    let token = secrets.path().join("token");
    std::fs::write(&token, "secret\n").expect("a file");
    let log = folder();
    let kvs = Kvs::start(log.path(), &["--token-file", token.to_str().expect("a path")]);
    let page = ask(&kvs, "GET /");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'none'")));
    for foreign in ["http://", "https://", "//cdn", "@import", "url("] {
        assert!(!page.text().contains(foreign), "the page needs nothing from elsewhere: {foreign}");
    }
    assert_eq!(ask(&kvs, "GET /openapi.json").status, 200);
    ask(&kvs, "GET /status.json").assert_error(401, "GET /status.json");
    for path in ["/", "/openapi.json"] {
        ask(&kvs, &format!("POST {path}")).assert_error(405, "POST");
    }
    let other = folder();
    let open = Kvs::start(other.path(), &[]);
    assert_eq!(open.connect().put("str-put/k", "v").status, 200);
    let status: Value = serde_json::from_slice(&ask(&open, "GET /status.json").body).expect("JSON");
    assert_eq!((&status["log"], &status["requests"]["rest"]), (&"up".into(), &1.into()));
    assert!(status["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 0));
}
