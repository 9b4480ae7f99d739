//! One entry: each method, etags and conditions, representations.

use serde_json::json;

use crate::{Server, etag, json, problem};

#[test]
fn every_type_is_put_read_and_deleted() {
    let mut server = Server::start(&[]);
    let values = [
        ("int", "-7", "application/json"),
        ("uint", "4000000000", "application/json"),
        ("float", "0.5", "application/json"),
        ("str", "a \"text\"\nof lines", "text/plain; charset=utf-8"),
        ("map", r#"{"a":"1","b":"2"}"#, "application/json"),
        ("set", r#"["x","y"]"#, "application/json"),
    ];
    for (ty, value, media) in values {
        let path = format!("{ty}/key%2F1");
        problem(&server.ask("GET", &path, ""), 404, "no-entry");
        problem(&server.ask("DELETE", &path, ""), 404, "no-entry");
        let created = server.ask("PUT", &path, value);
        assert_eq!((created.status, created.text()), (201, ""), "{ty}");
        let read = server.ask("GET", &path, "");
        assert_eq!((read.status, read.text(), read.header("content-type")), (200, value, Some(media)));
        assert_eq!(etag(&read), etag(&created));
        let head = server.ask("HEAD", &path, "");
        assert_eq!((head.status, etag(&head)), (200, etag(&created)));
        let replaced = server.ask("PUT", &path, value);
        assert_eq!(replaced.status, 204);
        assert_ne!(etag(&replaced), etag(&created), "each write has an etag of its own");
        let document = json(&server.ask("GET", &format!("{path}?entry"), ""));
        let value = if ty == "str" { json!(value) } else { serde_json::from_str(value).unwrap() };
        assert_eq!(document, json!({"type": ty, "key": "key/1", "value": value, "etag": etag(&replaced)}));
        assert_eq!(server.status("DELETE", &path, ""), 204);
        assert_eq!(server.status("GET", &path, ""), 404);
    }
    // The same number in another form.
    for (number, read) in [("84.0", "84"), ("-2e3", "-2000"), ("1.2e1", "12")] {
        server.ask("PUT", "int/form", number);
        assert_eq!(server.ask("GET", "int/form", "").text(), read);
    }
    assert!(server.kvs.stop().0.success());
}

#[test]
fn a_write_on_a_condition_is_one_step() {
    let mut server = Server::start(&[]);
    let path = "str/k";
    // Only if it is there, or has a state: it is not there.
    for tags in ["*", "\"x\"", "\"x\", \"y\""] {
        let refused = server.with("PUT", path, &[("If-Match", tags)], "no");
        let told = problem(&refused, 412, "condition");
        assert_eq!((refused.header("etag"), &told["etag"], &told["value"]), (None, &json!(null), &json!(null)));
    }
    let first = server.with("PUT", path, &[("If-None-Match", "*")], "one");
    assert_eq!(first.status, 201);
    let refused = server.with("PUT", path, &[("If-None-Match", "*")], "no");
    let told = problem(&refused, 412, "condition");
    assert_eq!((refused.header("etag"), &told["etag"]), (Some(etag(&first)), &json!(etag(&first))));
    assert_eq!(told["value"], "one");

    let second = server.with("PUT", path, &[("If-Match", etag(&first))], "two");
    assert_eq!(second.status, 204);
    for (header, tags) in [("If-Match", etag(&first)), ("If-None-Match", etag(&second))] {
        problem(&server.with("PUT", path, &[(header, tags)], "no"), 412, "condition");
        problem(&server.with("DELETE", path, &[(header, tags)], ""), 412, "condition");
    }
    assert_eq!(server.ask("GET", path, "").text(), "two", "what was refused has changed nothing");
    // One of several, in several lines; weak ones never match a write.
    let lists = [("If-Match", etag(&first)), ("If-Match", etag(&second))];
    assert_eq!(server.with("PUT", path, &lists, "three").status, 204);
    let third = server.ask("GET", path, "");
    let weak = format!("W/{}", etag(&third));
    problem(&server.with("PUT", path, &[("If-Match", &weak)], "no"), 412, "condition");
    assert_eq!(server.with("DELETE", path, &[("If-Match", etag(&third))], "").status, 204);
    // The entry that comes after it has another state.
    assert_eq!(server.status("PUT", path, "three"), 201);
    problem(&server.with("PUT", path, &[("If-Match", etag(&third))], "no"), 412, "condition");
}

#[test]
fn a_read_on_a_condition() {
    let mut server = Server::start(&[]);
    let put = server.ask("PUT", "int/n", "5");
    let tag = etag(&put).to_owned();
    for tags in [&*tag, "*", &format!("W/{tag}"), &format!("\"x\", {tag}")] {
        let answer = server.with("GET", "int/n", &[("If-None-Match", tags)], "");
        assert_eq!((answer.status, etag(&answer), answer.text()), (304, &*tag, ""), "{tags}");
    }
    assert_eq!(server.with("GET", "int/n", &[("If-None-Match", "\"x\"")], "").text(), "5");
    assert_eq!(server.with("GET", "int/n", &[("If-Match", &tag)], "").text(), "5");
    problem(&server.with("GET", "int/n", &[("If-Match", "\"x\"")], ""), 412, "condition");
    problem(&server.with("GET", "int/none", &[("If-None-Match", "*")], ""), 404, "no-entry");
}

#[test]
fn an_etag_survives_a_restart_and_is_of_one_log() {
    let folder = crate::folder();
    let kvs = crate::Kvs::start(folder.path(), &[]);
    let tag = etag(&crate::ask(&mut kvs.connect(), "PUT", "str/k", &[], "v")).to_owned();
    kvs.kill();
    let kvs = crate::Kvs::start(folder.path(), &[]);
    let mut client = kvs.connect();
    assert_eq!(etag(&crate::ask(&mut client, "GET", "str/k", &[], "")), tag);
    assert_eq!(crate::ask(&mut client, "PUT", "str/k", &[("If-Match", &tag)], "w").status, 204);
    // The first write of another log.
    let mut other = Server::start(&[]);
    let others = other.ask("PUT", "str/k", "v");
    assert_ne!(etag(&others), tag);
    problem(&other.with("PUT", "str/k", &[("If-Match", &tag)], "w"), 412, "condition");
}

#[test]
fn places_in_the_log_are_told_and_may_be_required() {
    let mut server = Server::start(&[]);
    let mut token = String::new();
    for n in 1..4_u64 {
        let put = server.ask("PUT", "int/n", &n.to_string());
        let number = |name: &str| put.header(name).and_then(|lsn| lsn.parse::<u64>().ok()).expect("a number");
        assert_eq!((number("kvs-lsn"), number("kvs-durable-lsn")), (n, n), "a sync write is durable");
        token = put.header("kvs-token").expect("a token").to_owned();
    }
    let read = server.with("GET", "int/n", &[("Kvs-Min-Token", &token)], "");
    assert_eq!((read.status, read.header("kvs-token")), (200, Some(&*token)));
    problem(&server.with("GET", "int/n", &[("Kvs-Min-Token", "x")], ""), 400, "malformed");
    let mut other = Server::start(&[]);
    problem(&other.with("GET", "int/n", &[("Kvs-Min-Token", &token)], ""), 410, "gone");
}

#[test]
fn a_representation_that_there_is_not() {
    let mut server = Server::start(&[]);
    for (path, value) in [("str/k", "v"), ("int/k", "1")] {
        assert_eq!(server.status("PUT", path, value), 201);
    }
    for (path, accept, status) in [
        ("int/k", "application/json", 200),
        ("int/k", "text/html, application/*;q=0.5", 200),
        ("int/k", "*/*", 200),
        ("int/k", "text/plain", 406),
        ("int/k", "*/*, application/json;q=0", 406),
        ("str/k", "text/plain", 200),
        ("str/k", "application/json", 406),
        ("str/k?entry", "application/json", 200),
        ("str/k?entry", "text/plain", 406),
    ] {
        assert_eq!(server.with("GET", path, &[("Accept", accept)], "").status, status, "{path} {accept}");
    }
    problem(&server.with("GET", "int/k", &[("Accept", "image/png")], ""), 406, "not-acceptable");
    problem(&server.with("PUT", "int/k", &[("Content-Type", "image/png")], "1"), 415, "unsupported-media-type");
    assert_eq!(server.with("PUT", "int/k", &[("Content-Type", "application/json; charset=utf-8")], "1").status, 204);
    assert_eq!(server.with("PUT", "str/k", &[("Content-Type", "application/xml")], "<a/>").status, 204);
}
