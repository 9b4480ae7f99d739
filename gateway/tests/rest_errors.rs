//! What REST API v1 refuses: with which status, in which form, and without a trace.

mod harness;

use std::time::Duration;

use harness::{Client, Kvs, folder, percent_encoded, request_bytes};

/// Every route about an entry: method, path up to the key, path behind the key, a body it accepts.
const ENTRY_ROUTES: [(&str, &str, &str, &str); 34] = [
    ("PUT", "int-put/", "", "1"),
    ("GET", "int-get/", "", ""),
    ("DELETE", "int-del/", "", ""),
    ("PUT", "int-incr/", "", ""),
    ("PUT", "int-incrby/", "", "1"),
    ("PUT", "uint/put/", "", "1"),
    ("GET", "uint/get/", "", ""),
    ("DELETE", "uint/del/", "", ""),
    ("PUT", "uint-put/", "", "1"),
    ("GET", "uint-get/", "", ""),
    ("DELETE", "uint-del/", "", ""),
    ("PUT", "uint-incr/", "", ""),
    ("PUT", "uint-incrby/", "", "1"),
    ("PUT", "float-put/", "", "1"),
    ("GET", "float-get/", "", ""),
    ("DELETE", "float-del/", "", ""),
    ("PUT", "str-put/", "", "a"),
    ("GET", "str-get/", "", ""),
    ("DELETE", "str-del/", "", ""),
    ("PUT", "map-put/", "", "{}"),
    ("GET", "map-get/", "", ""),
    ("DELETE", "map-del/", "", ""),
    ("GET", "map-get/", "/field", ""),
    ("PUT", "map-set/", "/field", "a"),
    ("DELETE", "map-del/", "/field", ""),
    ("PUT", "set-put/", "", "[]"),
    ("GET", "set-get/", "", ""),
    ("DELETE", "set-del/", "", ""),
    ("PUT", "set-add/", "", "[\"a\"]"),
    ("PUT", "set-rem/", "", "[\"a\"]"),
    ("GET", "set-has/", "/member", ""),
    ("DELETE", "del/", "", ""),
    ("GET", "set-has/", "/", ""),
    ("GET", "map-get/", "/", ""),
];

/// Routes about no entry.
const OTHER_ROUTES: [(&str, &str); 3] = [("POST", "echo"), ("POST", "hello"), ("POST", "fibo?n=1")];

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"];

/// A server of its own for one test.
fn serve(test: impl FnOnce(&mut Client)) {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &["--durability", "async"]);
    test(&mut kvs.connect());
}

/// The request gets this status, and the connection goes on.
#[track_caller]
fn assert_refused(client: &mut Client, method: &str, path: &str, body: impl AsRef<[u8]>, status: u16) {
    let body = body.as_ref();
    let shown = format!("{method} {path} {:?}", String::from_utf8_lossy(&body[..body.len().min(60)]));
    client.request(method, path, body).assert_error(status, &shown);
    assert_eq!(client.post("hello", "").status, 200, "the connection after {shown}");
}

/// Each of `bodies` gets this status on each of `paths` with PUT.
#[track_caller]
fn assert_bodies_refused<B: AsRef<[u8]>>(client: &mut Client, paths: &[&str], bodies: &[B], status: u16) {
    for path in paths {
        for body in bodies {
            assert_refused(client, "PUT", path, body, status);
        }
    }
}

#[test]
fn a_wrong_method_gets_405_and_the_right_one() {
    let entry_routes = ENTRY_ROUTES.map(|(method, path, item, _)| (method, format!("{path}key{item}")));
    let other_routes = OTHER_ROUTES.map(|(method, path)| (method, path.to_string()));
    serve(|client| {
        for (right, path) in entry_routes.into_iter().chain(other_routes) {
            let allowed = if right == "GET" { "GET, HEAD" } else { right };
            for method in METHODS.into_iter().filter(|method| !allowed.contains(method)) {
                let answer = client.request(method, &path, "");
                answer.assert_error(405, &format!("{method} {path}"));
                assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
            }
        }
    });
}

#[test]
fn an_unknown_path_gets_404() {
    let below_base = [
        "",
        "int-get",
        "int-put",
        "uint/get",
        "uint/",
        "uint",
        "del",
        "map-set",
        "map-set/a",
        "set-has/a",
        "nothing",
        "nothing/a",
        "int-get/a/b",
        "str-put/a/",
        "map-get/a/b/c",
        "set-has/a/b/c",
        "uint/get/a/b",
        "uint/incr/a",
        "uint-nothing/a",
        "str-incr/a",
        "float-incrby/a",
        "map-add/a",
        "set-set/a/b",
        "INT-GET/a",
        "int_get/a",
        "echo/",
        "echo/a",
        "hello/",
        "fibo/1",
        "del/a/b",
        "int%2Dget/a",
        "/int-get/a",
        "int-get/a/",
        "bytes-get/a",
    ];
    let outside = ["/kvs", "/kvs/v1-0-0", "/kvs/v2-0-0/int-get/a", "//kvs/v1-0-0/int-get/a", "/kvs/../int-get/a"];
    serve(|client| {
        for path in below_base {
            for method in ["GET", "PUT", "DELETE", "POST"] {
                assert_refused(client, method, path, "1", 404);
            }
        }
        for path in outside {
            let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            client.exchange(request.as_bytes()).assert_error(404, &request);
        }
    });
}

#[test]
fn a_bad_key_gets_400_on_every_route() {
    let too_long = "k".repeat(513);
    let too_long_encoded = percent_encoded(&too_long);
    let too_long_letters = percent_encoded("ä".repeat(257));
    #[rustfmt::skip]
    let keys = [
        "", "%00", "a%00b", "%", "a%", "%1", "%4", "%zz", "%+1", "%-1", "a%f", "%ff", "a%C3", "%C3%28",
        "%c0%80", "%ed%a0%80", "%F4%90%80%80", &too_long, &too_long_encoded, &too_long_letters,
    ];
    serve(|client| {
        for (method, path, item, body) in ENTRY_ROUTES {
            for key in keys {
                assert_refused(client, method, &format!("{path}{key}{item}"), body, 400);
            }
        }
    });
}

#[test]
fn a_bad_field_or_member_is_refused() {
    let routes = ENTRY_ROUTES.into_iter().filter(|(_, _, item, _)| item.len() > 1);
    serve(|client| {
        for (method, path, _, body) in routes {
            for (item, status) in [("%", 400), ("%g0", 400), ("%ff", 400), ("a%C3", 400), ("%00", 422), ("a%00b", 422)]
            {
                assert_refused(client, method, &format!("{path}key/{item}"), body, status);
            }
        }
    });
}

#[test]
fn what_is_missing_gets_404_and_its_name() {
    serve(|client| {
        for get in ["int-get", "uint-get", "uint/get", "float-get", "str-get", "map-get", "set-get"] {
            for (sent, key) in [("a", "a"), ("%25", "%"), ("%C3%A4%2F%F0%9F%98%80", "ä/😀"), ("a+b", "a+b")] {
                let answer = client.get(&format!("{get}/{sent}"));
                answer.assert_error(404, get);
                assert_eq!(answer.text(), format!("Key {key} not found"));
            }
        }
        client.put("map-put/here", "{}");
        for path in ["map-get/a/field", "set-has/a/member", "map-get/here/field"] {
            assert_refused(client, "GET", path, "", 404);
        }
    });
}

#[test]
fn a_malformed_number_gets_400() {
    #[rustfmt::skip]
    let no_number = [
        "", " ", "abc", "0x10", "0b1", "--1", "+-1", "-+1", "+", "-", "1-", "1 ", " 1", "1\n", "\t1", "1 2", "1,5", "1_0",
        "1\0", "½", "１", "\u{661}", "null", "\"1\"", "1e", "e1", "1f", "1..2", ".", "-.", "0x1p3", "1e1.5", "∞",
    ];
    let no_integer = ["1.5", "1.0", "1.", "1e3", "NaN", "inf", "-inf"];
    let integers = ["int-put/n", "int-incrby/n", "uint/put/n", "uint-put/n", "uint-incrby/n"];
    let not_utf8: [&[u8]; 3] = [b"\xff", b"1\xff", b"\xc3"];
    serve(|client| {
        assert_bodies_refused(client, &integers, &no_number, 400);
        assert_bodies_refused(client, &integers, &no_integer, 400);
        assert_bodies_refused(client, &integers, &not_utf8, 400);
        assert_bodies_refused(client, &["float-put/n"], &no_number, 400);
        assert_bodies_refused(client, &["float-put/n"], &not_utf8, 400);
        assert_bodies_refused(client, &["float-put/n", "int-put/n"], &["9x".repeat(1 << 20)], 400);
    });
}

#[test]
fn a_number_that_the_type_cannot_hold_gets_422() {
    let (huge, negative) = ("9".repeat(100_000), format!("-{}", "9".repeat(100)));
    let huge = [huge, negative];
    serve(|client| {
        assert_bodies_refused(
            client,
            &["int-put/n", "int-incrby/n"],
            &["2147483648", "-2147483649", "4294967296"],
            422,
        );
        assert_bodies_refused(client, &["uint/put/n", "uint-put/n"], &["-1", "4294967296", "-4294967295"], 422);
        assert_bodies_refused(client, &["uint-incrby/n"], &["4294967296", "-4294967296"], 422);
        let all = ["int-put/n", "int-incrby/n", "uint/put/n", "uint-put/n", "uint-incrby/n", "float-put/n"];
        assert_bodies_refused(client, &all, &huge, 422);
        let not_finite =
            ["NaN", "nan", "-NaN", "inf", "-inf", "Infinity", "1e39", "-1e39", "3.4028236e38", "1e999999999"];
        assert_bodies_refused(client, &["float-put/n"], &not_finite, 422);
    });
}

#[test]
fn text_without_utf8_gets_400_and_with_nul_422() {
    let not_utf8: [&[u8]; 5] = [b"\xff", b"abc\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80"];
    serve(|client| {
        assert_bodies_refused(client, &["str-put/s", "map-set/m/f"], &not_utf8, 400);
        assert_bodies_refused(client, &["str-put/s", "map-set/m/f"], &["\0", "a\0b", "a\0"], 422);
        for body in not_utf8 {
            assert_refused(client, "POST", "echo", body, 400);
        }
    });
}

#[test]
fn json_of_another_form_gets_400() {
    #[rustfmt::skip]
    let neither: [&[u8]; 17] = [
        b"", b" ", b"null", b"1", b"true", b"\"a\"", b"{", b"[", b"{]", b"\xef\xbb\xbf[]", b"[\"\xff\"]", b"[\"a\"", b"[\"a\" \"b\"]",
        b"[\"a\",]", b"[\"\\x\"]", b"[\"a\nb\"]", b"{\"a\":\"b\"",
    ];
    #[rustfmt::skip]
    let no_map = [
        "[]", r#"["a"]"#, r#"{"a":1}"#, r#"{"a":null}"#, r#"{"a":{}}"#, r#"{"a":["b"]}"#, r#"{"a":"b",}"#, r#"{"a":"b"} x"#,
        r#"{"a":"b"}{}"#, "{a:\"b\"}", "{'a':'b'}", r#"{"a"}"#, r#"{1:"a"}"#, r#"{"a":"\ud800"}"#, r#"{"\udc00":"a"}"#,
        r#"{"a":"\ud800\ud800"}"#, r#"{"a":"\u12"}"#, "{\"a\":\"b\0\"}", "{\"line\nbreak\":1}",
    ];
    #[rustfmt::skip]
    let no_set = [
        "{}", r#"{"a":"b"}"#, "[1]", "[null]", "[[]]", r#"["a",1]"#, r#"["a"] x"#, "['a']", r#"["\ud800"]"#,
        r#"["\udc00\ud800"]"#, r#"["\ud83dA"]"#, "[\"a\0\"]",
    ];
    let deep = ["[".repeat(1 << 20), "{\"a\":".repeat(1 << 18), format!("[\"a\",{}", "[".repeat(1 << 20))];
    let sets = ["set-put/s", "set-add/s", "set-rem/s"];
    serve(|client| {
        assert_bodies_refused(client, &sets, &neither, 400);
        assert_bodies_refused(client, &sets, &no_set, 400);
        assert_bodies_refused(client, &sets, &deep, 400);
        assert_bodies_refused(client, &["map-put/m"], &neither, 400);
        assert_bodies_refused(client, &["map-put/m"], &no_map, 400);
        assert_bodies_refused(client, &["map-put/m"], &deep, 400);
    });
}

#[test]
fn json_with_nul_gets_422() {
    serve(|client| {
        let sets = ["set-put/s", "set-add/s", "set-rem/s"];
        assert_bodies_refused(client, &sets, &[r#"["\u0000"]"#, r#"["a","b\u0000c"]"#], 422);
        let maps = [r#"{"\u0000":"a"}"#, r#"{"a":"\u0000"}"#, r#"{"a":"b","c":"d\u0000"}"#];
        assert_bodies_refused(client, &["map-put/m"], &maps, 422);
    });
}

#[test]
fn an_increment_that_overflows_gets_409_and_changes_nothing() {
    serve(|client| {
        for (ty, value, verb, by) in [
            ("int", "2147483647", "incr", ""),
            ("int", "2147483647", "incrby", "1"),
            ("int", "1", "incrby", "2147483647"),
            ("int", "-2147483648", "incrby", "-1"),
            ("int", "-2", "incrby", "-2147483647"),
            ("int", "-1", "incrby", "-2147483648"),
            ("uint", "4294967295", "incr", ""),
            ("uint", "4294967295", "incrby", "1"),
            ("uint", "1", "incrby", "4294967295"),
            ("uint", "0", "incrby", "-1"),
            ("uint", "5", "incrby", "-6"),
            ("uint", "4294967294", "incrby", "-4294967295"),
        ] {
            client.put(&format!("{ty}-put/n"), value);
            assert_refused(client, "PUT", &format!("{ty}-{verb}/n"), by, 409);
            assert_eq!(client.get(&format!("{ty}-get/n")).text(), value);
        }
        assert_refused(client, "PUT", "uint-incrby/missing", "-1", 409);
        assert_refused(client, "GET", "uint-get/missing", "", 404);
    });
}

#[test]
fn fibo_refuses_what_is_not_from_0_to_10000() {
    serve(|client| {
        let queries =
            ["", "?", "?n", "?n=", "?n=-1", "?n=10001", "?n=abc", "?n=1.5", "?n=99999999999999999999", "?m=5"];
        for query in queries.into_iter().chain(["?n=0x10", "?n=1e3", "?N=5", "?xn=5"]) {
            assert_refused(client, "POST", &format!("fibo{query}"), "", 400);
        }
    });
}

/// Requests that are refused for their head, and so before their body is there.
const REFUSED_FOR_THE_HEAD: [(&str, &str, u16); 5] = [
    ("PUT", "nothing/a", 404),
    ("POST", "str-put/a", 405),
    ("PUT", "str-get/a", 405),
    ("PUT", "int-put/%", 400),
    ("POST", "fibo?n=x", 400),
];

#[test]
fn a_connection_lives_on_when_the_body_comes_after_the_refusal() {
    serve(|client| {
        // As a client that sends head and body in two segments (Python's http.client does), at the worst moment.
        for (method, path, status) in REFUSED_FOR_THE_HEAD.into_iter().chain([("POST", "hello", 200)]) {
            let request = request_bytes(method, path, &[], b"a short body");
            let (head, body) = request.split_at(request.len() - b"a short body".len());
            let shown = format!("{method} {path} with a late body");
            client.send(head).expect("the head is sent");
            let early = client.answers_within(Duration::from_millis(50));
            client.send(body).expect("the body is sent");
            let answer = client.receive().expect("an answer");
            assert_eq!(answer.status, status, "{shown}");
            let goes_on = client.try_request("POST", "hello", "").is_ok_and(|answer| answer.status == 200);
            let announced = answer.header("connection") == Some("close");
            assert!(goes_on || announced, "{shown} (answered early: {early}): closed without a word");
        }
    });
}

#[test]
fn a_large_body_does_not_hide_the_refusal() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &[]);
    let body = vec![b'1'; 8 << 20];
    for (method, path, status) in REFUSED_FOR_THE_HEAD {
        // The client sends everything before it reads.
        let shown = format!("{method} {path} with a large body");
        let answer = kvs.connect().try_request(method, path, &body).unwrap_or_else(|e| panic!("{shown}: {e}"));
        answer.assert_error(status, &shown);
    }
}

#[test]
fn a_refused_write_leaves_no_trace() {
    #[rustfmt::skip]
    let values = [
        ("int", "2147483647"), ("uint", "4294967295"), ("float", "1.5"), ("str", "text"), ("map", r#"{"a":"b"}"#), ("set", r#"["a"]"#),
    ];
    #[rustfmt::skip]
    let refused: [(&str, &str, &str, u16); 21] = [
        ("PUT", "int-put/k", "x", 400), ("PUT", "int-put/k", "2147483648", 422), ("PUT", "int-incr/k", "", 409),
        ("PUT", "int-incrby/k", "1", 409), ("PUT", "int-incrby/k", "1.5", 400), ("GET", "int-put/k", "1", 405),
        ("PUT", "uint/put/k", "-1", 422), ("PUT", "uint-incr/k", "", 409), ("PUT", "uint-incrby/new", "-1", 409),
        ("PUT", "float-put/k", "NaN", 422), ("PUT", "float-put/k", "", 400), ("PUT", "str-put/k", "\0", 422),
        ("POST", "str-put/k", "a", 405), ("PUT", "map-put/k", r#"{"c":"d","e":1}"#, 400), ("PUT", "map-set/k/c", "\0", 422),
        ("PUT", "map-set/new/c", "\0", 422), ("PUT", "set-put/k", "[1]", 400), ("PUT", "set-add/k", r#"["b",1]"#, 400),
        ("PUT", "set-add/new", r#"["b\u0000"]"#, 422), ("PUT", "set-rem/k", r#"["a","\u0000"]"#, 422), ("PUT", "del/k", "", 405),
    ];
    let assert_unchanged = |client: &mut Client| {
        for (ty, value) in values {
            assert_eq!(client.get(&format!("{ty}-get/k")).text(), value);
            client.get(&format!("{ty}-get/new")).assert_error(404, ty);
        }
    };
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &[]);
    let client = &mut kvs.connect();
    for (ty, value) in values {
        assert_eq!(client.put(&format!("{ty}-put/k"), value).status, 200);
    }
    for (method, path, body, status) in refused {
        assert_refused(client, method, path, body, status);
        let absent = request_bytes(method, path, &[("Kvs-Durability", "never")], body.as_bytes());
        let answer = client.exchange(&absent);
        assert!((400..500).contains(&answer.status), "{method} {path}: {}", answer.status);
    }
    for (ty, value) in values {
        let put = request_bytes("PUT", &format!("{ty}-put/new"), &[("Kvs-Durability", "never")], value.as_bytes());
        client.exchange(&put).assert_error(400, "an unknown durability");
    }
    assert_unchanged(client);
    kvs.kill();

    let kvs = Kvs::start(folder.path(), &[]);
    assert_unchanged(&mut kvs.connect());
    let recovered = kvs.lines.iter().find(|line| line.contains("recovered the state")).expect("a log to recover from");
    assert!(
        recovered.contains(&format!("\"records\":{},", values.len())),
        "only what was accepted is logged: {recovered}"
    );
}
