//! The names of the server: a web page must not reach a server that trusts its machine.

use std::process::Command;

use crate::harness::{BASE, Kvs, request_bytes};
use crate::{ask, serve, serve_with_token};

/// The status of a put with these headers.
fn put(kvs: &Kvs, headers: &[&str]) -> u16 {
    let put = ["PUT BASE/int-incr/n HTTP/1.1", "Content-Length: 0"];
    ask(kvs, &[&put[..], headers].concat()).status
}

#[test]
fn a_loopback_server_answers_to_loopback_names() {
    let (_folder, kvs) = serve(&[]);
    let port = kvs.addr.port();
    let own = format!("Host: {}", kvs.addr);
    let own_name = format!("Host: localhost:{port}");
    for host in [
        &own,
        &own_name,
        "Host: localhost",
        "Host: LOCALHOST:80",
        "Host: localhost.",
        "Host: kvs.localhost",
        "Host: 127.9.8.7",
        "Host: [::1]",
        "Host: [::1]:8080",
        "Host: 192.168.1.7:8080",
        "Host: [2001:db8::1]:1",
    ] {
        assert_eq!(put(&kvs, &[host]), 200, "{host}");
    }
    let before = kvs.connect().get("int-get/n").text().to_string();
    for host in [
        "Host: evil.example",
        "Host: evil.example:8080",
        "Host: localhost.evil.example",
        "Host: evillocalhost",
        "Host: kvs",
        "Host:",
        "Host: 127.0.0.1.evil.example",
        "Host: localhost:80:80",
        "Host: [::1",
        "Host: 0x7f.1",
        "Host: 127.0.0.1:x",
    ] {
        let refused = ask(&kvs, &["PUT BASE/int-incr/n HTTP/1.1", host]);
        refused.assert_error(421, host);
        assert!(refused.text().contains("--allowed-hosts"), "it says what to do: {}", refused.text());
    }
    let rebound = ["Host: evil.example", "Origin: http://evil.example"];
    assert_eq!(put(&kvs, &rebound), 421);
    // A name in the target goes before that of the header.
    let target = "PUT http://evil.example/kvs/v1-0-0/int-incr/n HTTP/1.1";
    ask(&kvs, &[target, "Host: localhost"]).assert_error(421, target);
    assert_eq!(kvs.connect().get("int-get/n").text(), before, "nothing of it was carried out");
}

#[test]
fn pages_of_other_sites_are_refused() {
    let (_folder, kvs) = serve(&["--allowed-hosts", "kvs.example,other.example"]);
    for origin in [
        "Origin: http://localhost",
        "Origin: http://localhost:3000",
        "Origin: https://127.0.0.1",
        "Origin: http://[::1]:1",
        "Origin: https://kvs.example",
        "Origin: http://192.168.1.7:8080",
    ] {
        assert_eq!(put(&kvs, &["Host: 192.168.1.7:8080", origin]), 200, "{origin}");
    }
    for origin in [
        "Origin: http://evil.example",
        "Origin: null",
        "Origin:",
        "Origin: http://localhost.evil.example",
        "Origin: http://192.168.1.8:8080",
        "Origin: http://192.168.1.7:8081",
        "Origin: localhost",
    ] {
        let lines = ["PUT BASE/int-incr/n HTTP/1.1", "Host: 192.168.1.7:8080", origin];
        ask(&kvs, &lines).assert_error(403, origin);
    }
    for (host, status) in [("kvs.example", 200), ("OTHER.example:80", 200), ("localhost", 200), ("third.example", 421)]
    {
        assert_eq!(put(&kvs, &[&format!("Host: {host}")]), status, "{host}");
    }
    let refused =
        Command::new(env!("CARGO_BIN_EXE_kvs")).args(["--allowed-hosts", "kvs:8080"]).output().expect("it runs");
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("without a port"));
}

#[test]
fn a_server_with_a_token_or_for_other_machines_answers_to_any_name() {
    let evil = ["Host: evil.example", "Origin: http://evil.example"];
    let (_secrets, _folder, kvs) = serve_with_token("secret", &[]);
    assert_eq!(put(&kvs, &evil), 401);
    assert_eq!(put(&kvs, &[&evil[..], &["Authorization: Bearer secret"]].concat()), 200);

    let open = |args: &[&str]| {
        let mut command = Kvs::program();
        Kvs::try_start(command.args(["--http-addr", "0.0.0.0:0", "--log", "off", "--allow-anonymous"]).args(args))
            .expect("kvs starts")
    };
    assert_eq!(put(&open(&[]), &evil), 200);
    let restricted = open(&["--allowed-hosts", "kvs"]);
    assert_eq!(put(&restricted, &evil), 421);
    for host in ["Host: kvs:8080", "Host: localhost", "Host: 10.0.0.7"] {
        assert_eq!(put(&restricted, &[host]), 200, "{host}");
    }
}

#[test]
fn a_probe_of_health_is_answered_however_the_server_is_called() {
    let (_secrets, _folder, with_token) = serve_with_token("secret", &[]);
    let (_other, restricted) = serve(&["--allowed-hosts", "kvs.example"]);
    let (_third, plain) = serve(&[]);
    for kvs in [with_token, restricted, plain] {
        let mut health = Command::new(env!("CARGO_BIN_EXE_kvs"));
        let output = health.args(["health", "--http-addr", &kvs.addr.to_string()]).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn pages_of_origins_that_the_operator_names_may_use_the_server() {
    let (_secrets, _folder, kvs) =
        serve_with_token("secret", &["--cors-origins", "https://app.example,http://localhost:3000"]);
    let preflight = |origin: &str| {
        let head = format!(
            "OPTIONS {BASE}/str-put/k HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: PUT\r\n\r\n"
        );
        kvs.connect().exchange(head.as_bytes())
    };
    let allowed = preflight("https://app.example");
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (204, Some("https://app.example")));
    assert!(allowed.header("access-control-allow-methods").is_some_and(|methods| methods.contains("PUT")));
    assert!(allowed.header("access-control-allow-headers").is_some_and(|headers| headers.contains("Authorization")));
    let other = preflight("https://evil.example");
    assert_eq!((other.status, other.header("access-control-allow-origin")), (401, None));
    for (token, status) in [("secret", 200), ("wrong", 401)] {
        let headers = [("Origin", "https://app.example"), ("Authorization", &format!("Bearer {token}"))];
        let answer = kvs.connect().exchange(&request_bytes("PUT", "str-put/k", &headers, b"v"));
        assert_eq!(
            (answer.status, answer.header("access-control-allow-origin")),
            (status, Some("https://app.example"))
        );
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
    let plain = kvs.connect().exchange(&request_bytes("GET", "str-get/k", &[], b""));
    assert_eq!((plain.header("access-control-allow-origin"), plain.header("vary")), (None, Some("Origin")));
    // On a loopback address without identities other origins are refused, these are not.
    let (_other, open) = serve(&["--cors-origins", "*"]);
    let headers = [("Origin", "https://anything.example")];
    let answer = open.connect().exchange(&request_bytes("GET", "str-get/k", &headers, b""));
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (404, Some("*")));
}
