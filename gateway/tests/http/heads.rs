//! What a head means, and those that have no definite meaning.

use crate::harness::{BASE, Client, Kvs, folder, request_bytes};
use crate::{ask, assert_refused, request, serve, serve_with_token};

/// Raw bytes as a target of a put of an int.
fn put_to(kvs: &Kvs, target: &[u8]) -> crate::harness::Answer {
    let head: [&[u8]; 3] = [b"PUT ", target, b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n7"];
    kvs.connect().exchange(&head.concat())
}

#[test]
fn a_target_is_taken_as_it_came_or_not_at_all() {
    let (_folder, kvs) = serve(&[]);
    let path = |end: &[u8]| [format!("{BASE}/int-put/a").as_bytes(), end].concat();
    let mut targets: Vec<Vec<u8>> = [
        &b"#b"[..],
        b"#",
        b"?q#b",
        b"?#",
        b"%23#",
        b"<",
        b">",
        b"`",
        b" b",
        b"\tb",
        b"\x01",
        b"\x7f",
        b"\0",
        b"\xff",
        b"\xc3",
        b"\xc3\x28",
        b"\xed\xa0\x80",
    ]
    .map(path)
    .into();
    targets.extend([&b"#"[..], b"/#", b"a", b"?a", b"#a", b"localhost:1"].map(<[u8]>::to_vec));
    for start in ["http://localhost#", "http://localhost/#", "http://user@localhost", "http://local<host"] {
        targets.push([start.as_bytes(), &path(b"")].concat());
    }
    targets.push([b"http://localhost", &path(b"#b")[..]].concat());
    for target in targets {
        let shown = String::from_utf8_lossy(&target);
        assert_refused(&put_to(&kvs, &target), 400, &shown);
        assert_eq!(kvs.connect().get("int-get/a").status, 404, "{shown} was taken for a");
    }
    // Letters beyond ASCII and braces are not for URIs, but mean what they are.
    for (target, same) in [("ä", "%C3%A4"), ("{a}|^\"\\", "%7Ba%7D%7C%5E%22%5C"), ("%23b", "%23b"), ("..", "%2E%2E")] {
        assert_eq!(put_to(&kvs, format!("{BASE}/int-put/{target}").as_bytes()).status, 200, "{target}");
        assert_eq!(kvs.connect().get(&format!("int-get/{same}")).text(), "7", "{target}");
    }
    // A number sign elsewhere means nothing.
    let pipelined = [
        request_bytes("PUT", "str-put/h", &[("X", "#")], b"#a# HTTP/1.1"),
        request_bytes("GET", "str-get/h", &[], b""),
    ];
    let mut client = kvs.connect();
    client.send(&pipelined.concat()).expect("kvs reads");
    assert_eq!(client.receive().expect("an answer").status, 200);
    assert_eq!(client.receive().expect("an answer").text(), "#a# HTTP/1.1");
}

#[test]
fn a_target_in_pieces_is_the_same_target() {
    let (_folder, kvs) = serve(&[]);
    let bytes = request(&["PUT BASE/int-put/a#b HTTP/1.1", "Host: localhost", "Content-Length: 1"]);
    let before = request_bytes("PUT", "str-put/b", &[], b"#");
    for at in 1..bytes.len() {
        let mut client = kvs.connect();
        client.send(&[&before, &bytes[..at]].concat()).expect("kvs reads");
        assert_eq!(client.receive().expect("an answer").status, 200);
        client.send(&bytes[at..]).expect("kvs reads");
        client.receive().expect("an answer").assert_error(400, &format!("cut at {at}"));
        assert!(client.is_closed());
    }
    kvs.connect().get("int-get/a").assert_error(404, "none was taken for a");
}

#[test]
fn a_request_says_once_whom_it_is_for() {
    let (_folder, kvs) = serve(&[]);
    let get = "GET BASE/int-get/a HTTP/1.1";
    for lines in [
        &[get][..],
        &[get, "Host: localhost", "Host: localhost"],
        &[get, "Host: localhost", "host: 127.0.0.1"],
        &["GET http://localhost/kvs HTTP/1.1"],
        &[get, "Host: local host"],
        &[get, "Host: localhost, localhost"],
        &[get, "Host: user@localhost"],
        &[get, "Host: localhost/a"],
        &[get, "Host: löcalhost"],
    ] {
        ask(&kvs, lines).assert_error(400, &lines.join(", "));
    }
    ask(&kvs, &["GET BASE/int-get/a HTTP/1.0"]).assert_error(404, "HTTP/1.0 need not say it");
    ask(&kvs, &["GET BASE/int-get/a HTTP/1.0", "Host: a", "Host: a"]).assert_error(400, "but not twice");
}

#[test]
fn a_header_that_may_be_there_once_is_refused_twice() {
    let (_folder, kvs) = serve(&[]);
    let put = ["PUT BASE/str-put/twice HTTP/1.1", "Host: localhost", "Content-Length: 0"];
    for twice in [
        ["Authorization: Bearer a", "Authorization: Bearer a"],
        ["Authorization: Bearer a", "AUTHORIZATION: Basic b"],
        ["Content-Type: text/plain", "Content-Type: text/plain"],
        ["Origin: http://localhost", "Origin: http://localhost"],
        ["Expect: 100-continue", "Expect: 100-continue"],
    ] {
        ask(&kvs, &[&put[..], &twice].concat()).assert_error(400, &twice.join(", "));
    }
    assert_eq!(kvs.connect().get("str-get/twice").status, 404);
    assert_eq!(ask(&kvs, &[&put[..], &["X: 1", "X: 2", "Connection: a", "Connection: b"]].concat()).status, 200);
}

#[test]
fn the_scheme_of_a_token_has_no_case() {
    const TOKEN: &str = "3f5e0a77c1";
    let (_secrets, _folder, kvs) = serve_with_token(TOKEN, &[]);
    let status = |authorization: &str| {
        let line = format!("Authorization: {authorization}");
        ask(&kvs, &["POST BASE/hello HTTP/1.1", "Host: localhost", &line]).status
    };
    for scheme in ["Bearer ", "bearer ", "BEARER ", "bEaReR   "] {
        assert_eq!(status(&format!("{scheme}{TOKEN}")), 200, "{scheme}");
    }
    for wrong in [
        "Bearer",
        "Bearer ",
        "Basic 3f5e0a77c1",
        "3f5e0a77c1",
        "Bearer3f5e0a77c1",
        "Bearer 3F5E0A77C1",
        "Bearer 3f5e0a77c1 x",
    ] {
        assert_eq!(status(wrong), 401, "{wrong}");
    }
}

#[test]
fn a_body_that_cannot_be_decoded_or_delimited_is_refused() {
    let (_folder, kvs) = serve(&[]);
    let put = ["PUT BASE/str-put/coded HTTP/1.1", "Host: localhost"];
    let chunks = "0";
    for (lines, status) in [
        (&["Transfer-Encoding: gzip, chunked"][..], 501),
        (&["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"], 501),
        (&["Transfer-Encoding: identity, Chunked"], 501),
        (&["Transfer-Encoding: gzip"], 400),
        (&["Transfer-Encoding: chunked, gzip"], 400),
        (&["Transfer-Encoding: chunked, chunked"], 400),
        (&["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], 400),
        (&["Transfer-Encoding: xchunked"], 400),
        (&["Content-Length: 5, 5"], 400),
        (&["Content-Length: 0x5"], 400),
        (&["Content-Length:"], 400),
    ] {
        let lines = [&put[..], lines, &["", chunks]].concat();
        assert_refused(&ask(&kvs, &lines), status, &lines.join(", "));
        kvs.connect().get("str-get/coded").assert_error(404, "the refused put");
    }
    let old = ["PUT BASE/str-put/coded HTTP/1.0", "Transfer-Encoding: chunked", "", chunks];
    assert_refused(&ask(&kvs, &old), 400, "chunks are not for HTTP/1.0");
    let fine = [&put[..], &["transfer-encoding: CHUNKED", "", chunks]].concat();
    assert_eq!(ask(&kvs, &fine).status, 200);
}

/// A put with these lines of Kvs-Durability.
fn put_with(client: &mut Client, key: &str, durabilities: &[&str]) -> u16 {
    let headers: Vec<_> = durabilities.iter().map(|durability| ("Kvs-Durability", *durability)).collect();
    client.exchange(&request_bytes("PUT", &format!("int-put/{key}"), &headers, b"1")).status
}

#[test]
fn the_strongest_line_of_durability_counts() {
    let folder = folder();
    for (round, lines) in [["async", "sync"], ["sync", "async"]].into_iter().enumerate() {
        let kvs = Kvs::start(folder.path(), &["--durability", "async"]);
        let client = &mut kvs.connect();
        for wrong in [&["async", "never"][..], &["sync", ""], &["never", "sync"], &["async", "async", "SYNC"]] {
            assert_eq!(put_with(client, "wrong", wrong), 400, "{wrong:?}");
        }
        assert_eq!(put_with(client, &format!("twice-{round}"), &lines), 200);
        kvs.kill();
    }
    let kvs = Kvs::start(folder.path(), &[]);
    for round in 0..2 {
        assert_eq!(kvs.connect().get(&format!("int-get/twice-{round}")).text(), "1", "it survives a kill");
    }
    kvs.connect().get("int-get/wrong").assert_error(404, "the refused puts");
}
