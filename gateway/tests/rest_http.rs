//! HTTP/1.1 as REST API v1 speaks it: limits, pipelining, chunks, odd and broken clients.

mod harness;

use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

use harness::{Answer, BASE, Client, Kvs, folder, request_bytes, seed};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Largest body, head, path and number of headers, as README and `--help` state them.
const MAX_BODY: usize = 16 << 20;
const MAX_HEAD: usize = 16 << 10;
const MAX_URI: usize = 8 << 10;
const MAX_HEADERS: usize = 64;

/// A server of its own for one test.
fn serve(args: &[&str], test: impl FnOnce(&Kvs)) {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), args);
    test(&kvs);
    assert_eq!(kvs.connect().post("hello", "").status, 200, "the server lives on");
}

/// A request with its body in chunks of `size` bytes.
fn chunked(method: &str, path: &str, body: &[u8], size: usize) -> Vec<u8> {
    let mut request =
        format!("{method} {BASE}/{path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            .into_bytes();
    for chunk in body.chunks(size) {
        request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    request
}

/// The answer and whether the connection was closed behind it.
fn only_answer(kvs: &Kvs, request: &[u8]) -> Answer {
    let mut client = kvs.connect();
    let answer = client.exchange(request);
    assert!(client.is_closed(), "the connection is closed after {}", answer.status);
    answer
}

#[test]
fn a_body_of_the_limit_is_taken_and_one_byte_more_is_not() {
    serve(&[], |kvs| {
        let largest = vec![b'x'; MAX_BODY];
        let too_large = vec![b'x'; MAX_BODY + 1];
        let client = &mut kvs.connect();
        assert_eq!(client.put("str-put/a", &largest).status, 200);
        assert!(client.get("str-get/a").body == largest);
        assert_eq!(client.exchange(&chunked("PUT", "str-put/b", &largest, 1 << 20)).status, 200);
        assert!(client.get("str-get/b").body == largest);

        // Both clients send everything before they read.
        kvs.connect().put("str-put/a", &too_large).assert_error(413, "a length over the limit");
        kvs.connect()
            .exchange(&chunked("PUT", "str-put/a", &too_large, 64 << 10))
            .assert_error(413, "chunks over the limit");
        assert!(client.get("str-get/a").body == largest);
    });
}

#[test]
fn the_limit_of_bodies_can_be_lowered() {
    serve(&["--max-body", "1KiB"], |kvs| {
        for (length, status) in [(1024, 200), (1025, 413), (1 << 20, 413)] {
            let body = vec![b'x'; length];
            for request in [request_bytes("PUT", "str-put/a", &[], &body), chunked("PUT", "str-put/a", &body, 1000)] {
                let answer = kvs.connect().exchange(&request);
                if status == 413 {
                    answer.assert_error(413, &format!("{length} bytes"));
                }
                assert_eq!(answer.status, status, "{length} bytes");
            }
        }
        assert_eq!(kvs.connect().get("str-get/a").body.len(), 1024);
    });
}

#[test]
fn the_memory_for_bodies_is_limited() {
    serve(&["--max-bodies", "64KiB"], |kvs| {
        kvs.connect().put("str-put/a", vec![b'x'; 8 << 20]).assert_error(503, "a body that does not fit into memory");
        assert_eq!(kvs.connect().put("str-put/a", vec![b'x'; 64 << 10]).status, 200);
    });
}

#[test]
fn a_head_over_its_limits_is_refused() {
    let with_headers = |count: usize| {
        let headers: String = (1..count).map(|n| format!("X-{n}: a\r\n")).collect();
        format!("POST {BASE}/hello HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
    };
    let with_head = |length: usize| {
        let request = format!("POST {BASE}/hello HTTP/1.1\r\nHost: localhost\r\nX: \r\n\r\n");
        request.replace("X: ", &format!("X: {}", "a".repeat(length - request.len())))
    };
    let with_uri = |length: usize| {
        let path = format!("{BASE}/hello?");
        format!("POST {path}{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(length - path.len()))
    };
    serve(&[], |kvs| {
        for (request, status) in [
            (with_headers(MAX_HEADERS), 200),
            (with_headers(MAX_HEADERS + 1), 431),
            (with_headers(1000), 431),
            (with_head(MAX_HEAD - 1024), 200),
            (with_head(MAX_HEAD + 1024), 431),
            (with_head(1 << 20), 431),
            (with_uri(MAX_URI), 200),
            (with_uri(MAX_URI + 1), 414),
        ] {
            let shown = format!("{}… ({} bytes)", &request[..60], request.len());
            let mut client = kvs.connect();
            let answer = client.exchange(request.as_bytes());
            assert_eq!(answer.status, status, "{shown}");
            assert!(status == 200 || status == 414 || client.is_closed(), "{shown}");
        }
    });
}

/// 200 requests of all kinds, and what each is answered.
fn mixed_requests() -> Vec<(Vec<u8>, u16, String)> {
    let rounds = (0..20).flat_map(|n| {
        [
            ("PUT", format!("int-put/k{n}"), n.to_string(), 200, String::new()),
            ("GET", format!("int-get/k{n}"), String::new(), 200, n.to_string()),
            ("PUT", "int-incr/n".into(), String::new(), 200, n.to_string()),
            ("GET", format!("str-get/{n}"), String::new(), 404, format!("Key {n} not found")),
            ("PUT", "int-put/k".into(), format!("{n}x"), 400, format!("\"{n}x\"")),
            ("POST", format!("int-get/{n}"), "a body".into(), 405, "GET".into()),
            ("PUT", format!("nothing/{n}"), "a body".repeat(50), 404, "no such path".into()),
            ("PUT", "uint-incrby/n".into(), "-1".into(), 409, "overflow".into()),
            ("PUT", format!("str-put/{n}"), "\0".into(), 422, "NUL".into()),
            ("POST", "echo".into(), format!("{n}a").repeat(100), 200, format!("{n}A").repeat(100)),
        ]
    });
    rounds
        .map(|(method, path, body, status, text)| (request_bytes(method, &path, &[], body.as_bytes()), status, text))
        .collect()
}

fn assert_mixed_answers(client: &mut Client, requests: &[(Vec<u8>, u16, String)]) {
    for (number, (request, status, text)) in requests.iter().enumerate() {
        let shown = String::from_utf8_lossy(request);
        let answer = client.receive().unwrap_or_else(|e| panic!("{e}: request {number}: {shown}"));
        if *status == 200 {
            assert_eq!((answer.status, answer.text()), (200, text.as_str()), "request {number}: {shown}");
        } else {
            answer.assert_error(*status, &shown);
            assert!(answer.text().contains(text), "request {number}: {shown}: {}", answer.text());
        }
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let requests = mixed_requests();
    let bytes: Vec<u8> = requests.iter().flat_map(|(request, ..)| request.clone()).collect();
    for durability in ["async", "sync"] {
        serve(&["--durability", durability], |kvs| {
            let client = &mut kvs.connect();
            client.send(&bytes).expect("the requests are sent");
            assert_mixed_answers(client, &requests);
        });
    }
}

#[test]
fn an_answer_does_not_wait_for_the_next_request() {
    // What may follow a request: a part of the next one, or the empty line that some clients send behind a body.
    serve(&[], |kvs| {
        for follows in ["\r\n", "P", "PUT /kvs/v1-0-0/int-put/a HTTP/1.1\r\nContent-Le"] {
            let client = &mut kvs.connect();
            client.stream.set_read_timeout(Some(Duration::from_secs(2))).expect("a TCP socket");
            client.send(&[&request_bytes("POST", "hello", &[], b""), follows.as_bytes()].concat()).expect("it is sent");
            let answer = client.receive();
            assert!(answer.is_ok_and(|answer| answer.status == 200), "no answer while {follows:?} follows the request");
        }
    });
}

#[test]
fn http_1_0_is_closed_unless_asked_to_stay() {
    serve(&[], |kvs| {
        let request = format!("POST {BASE}/hello HTTP/1.0\r\n\r\n");
        assert_eq!(only_answer(kvs, request.as_bytes()).status, 200);

        let stay = format!("POST {BASE}/hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        let client = &mut kvs.connect();
        for _ in 0..3 {
            let answer = client.exchange(stay.as_bytes());
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("connection"), Some("keep-alive"));
        }
        let put = format!("PUT {BASE}/str-put/a HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello");
        assert_eq!(only_answer(kvs, put.as_bytes()).status, 200);
        assert_eq!(client.get("str-get/a").text(), "hello");
    });
}

#[test]
fn connection_close_closes() {
    serve(&[], |kvs| {
        for (path, status) in [("str-put/a", 200), ("int-put/a", 400), ("nothing", 404)] {
            let answer = only_answer(kvs, &request_bytes("PUT", path, &[("Connection", "close")], b"text"));
            assert_eq!((answer.status, answer.header("connection")), (status, Some("close")));
        }
    });
}

#[test]
fn a_client_may_end_its_half_behind_the_request() {
    // As `printf … | nc -N` does.
    for durability in ["sync", "async"] {
        serve(&["--durability", durability], |kvs| {
            for n in 0..20 {
                let mut client = kvs.connect();
                client.send_request("PUT", "int-incr/n", b"").expect("the request is sent");
                client.stream.shutdown(Shutdown::Write).expect("it is open");
                let answer = client.receive().unwrap_or_else(|e| panic!("{durability}: no answer to number {n}: {e}"));
                assert_eq!(answer.text(), n.to_string());
                assert!(client.is_closed());
            }
        });
    }
}

#[test]
fn a_client_may_ask_before_it_sends_a_body() {
    serve(&[], |kvs| {
        let ask = |length: usize| {
            format!(
                "PUT {BASE}/str-put/a HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
            )
        };
        let client = &mut kvs.connect();
        for _ in 0..2 {
            assert_eq!(client.exchange(ask(5).as_bytes()).status, 100);
            assert_eq!(client.exchange(b"hello").status, 200);
        }
        assert_eq!(client.get("str-get/a").text(), "hello");
        // Refused for its head: no reason to ask for the body, which then may come or not, so the connection ends here.
        for (refused, status) in [(ask(MAX_BODY + 1), 413), (ask(5).replace("str-put", "nothing"), 404)] {
            let answer = only_answer(kvs, refused.as_bytes());
            answer.assert_error(status, &refused);
            assert_eq!(answer.header("connection"), Some("close"), "{refused}");
        }
    });
}

#[test]
fn bodies_may_come_in_chunks() {
    serve(&[], |kvs| {
        let client = &mut kvs.connect();
        let body = "0123456789".repeat(5000);
        for size in [1, 2, 1000, 100_000] {
            assert_eq!(client.exchange(&chunked("PUT", &format!("str-put/{size}"), body.as_bytes(), size)).status, 200);
            assert_eq!(client.get(&format!("str-get/{size}")).text(), body);
        }
        assert_eq!(client.exchange(&chunked("PUT", "str-put/empty", b"", 1)).status, 200);
        assert_eq!(client.get("str-get/empty").text(), "");
        let head = format!("PUT {BASE}/str-put/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
        let extras = format!("{head}3;name=value\r\nabc\r\n00003\r\ndef\r\n0\r\nTrailer: x\r\n\r\n");
        assert_eq!(client.exchange(extras.as_bytes()).status, 200);
        assert_eq!(client.get("str-get/a").text(), "abcdef");
        for broken in ["x\r\nabc\r\n", "3\r\nabcd\r\n0\r\n\r\n", "ffffffffffffffffff\r\n", "-1\r\n"] {
            let answer = only_answer(kvs, format!("{head}{broken}").as_bytes());
            answer.assert_error(400, broken);
        }
        assert_eq!(client.get("str-get/a").text(), "abcdef");
    });
}

#[test]
fn a_request_may_name_the_host_in_its_target() {
    serve(&[], |kvs| {
        let client = &mut kvs.connect();
        let put = format!(
            "PUT http://{}{BASE}/int-put/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n7",
            kvs.addr
        );
        assert_eq!(client.exchange(put.as_bytes()).status, 200);
        assert_eq!(client.get("int-get/a").text(), "7");
        for (target, status) in [("*", 404), ("http://localhost", 405), ("http://localhost/", 405)] {
            let options = format!("OPTIONS {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            kvs.connect().exchange(options.as_bytes()).assert_error(status, &options);
        }
    });
}

#[test]
fn what_is_no_http_gets_400_and_is_closed() {
    let put = format!("PUT {BASE}/str-put/a HTTP/1.1\r\nHost: localhost\r\n");
    let mut garbage: Vec<Vec<u8>> =
        vec![b"\0\0\0\0\r\n\r\n".into(), vec![0xff; 100], b"\x16\x03\x01\x02\0\x01\0\x01\xfc".into()];
    let lines = [
        "GARBAGE\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / FTP/1.1\r\n\r\n",
        "GET /a b HTTP/1.1\r\n\r\n",
    ];
    garbage.extend(lines.map(|line| line.as_bytes().to_vec()));
    let headers = [
        "Content-Length: abc",
        "Content-Length: -1",
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: +1",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, gzip",
        "No colon",
        "Space : a",
        ": no name",
        "X: \0",
    ];
    garbage.extend(headers.map(|header| format!("{put}{header}\r\n\r\na").into_bytes()));
    serve(&[], |kvs| {
        let mut unanswered = Vec::new();
        for request in garbage {
            let mut client = kvs.connect();
            client.send(&request).expect("it is sent");
            match client.receive() {
                Ok(answer) => assert_eq!(answer.status, 400, "{}", String::from_utf8_lossy(&request)),
                Err(_) => unanswered.push(String::from_utf8_lossy(&request).into_owned()),
            }
            assert!(client.is_closed());
        }
        assert!(unanswered.is_empty(), "closed without an answer: {unanswered:#?}");
        kvs.connect().get("str-get/a").assert_error(404, "none of it was taken for a put");
    });
}

#[test]
fn a_request_with_two_lengths_is_not_split_in_two() {
    serve(&[], |kvs| {
        // Whoever believes the length sees a second request, which would be smuggled past a proxy that believes the chunks.
        let inner = format!("PUT {BASE}/int-put/smuggled HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1");
        for lengths in
            ["Content-Length: 4\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 4"]
        {
            let outer = format!(
                "PUT {BASE}/str-put/a HTTP/1.1\r\nHost: localhost\r\n{lengths}\r\n\r\n{:x}\r\n{inner}\r\n0\r\n\r\n",
                inner.len()
            );
            let answer = kvs.connect().exchange(outer.as_bytes());
            assert!(answer.status == 400 || answer.status == 200, "{}", answer.status);
            assert_eq!(answer.header("connection"), Some("close"), "{lengths}");
            kvs.connect().get("int-get/smuggled").assert_error(404, "the inner request");
        }
    });
}

#[test]
fn a_request_may_come_in_two_parts_split_anywhere() {
    let mut command = Kvs::program();
    let kvs = Kvs::try_start(command.args(["--http-addr", "127.0.0.1:0", "--workers", "1", "--log", "off"]))
        .expect("kvs starts");
    let (client, other) = (&mut kvs.connect(), &mut kvs.connect());
    let put = request_bytes("PUT", "map-set/m/%C3%A4", &[], "välue".as_bytes());
    for request in [put, chunked("PUT", "map-set/m/%C3%A4", "välue".as_bytes(), 3)] {
        for at in 1..request.len() {
            client.send(&request[..at]).expect("the first part is sent");
            // With a single worker an answer to somebody else shows that the first part has been read alone.
            assert_eq!(other.post("hello", "").status, 200);
            assert_eq!(client.exchange(&request[at..]).status, 200, "split at {at}");
            assert_eq!(other.get("map-get/m/%C3%A4").text(), "välue", "split at {at}");
            other.delete("map-del/m");
        }
    }
}

#[test]
fn at_the_memory_limit_writes_are_refused_until_something_is_deleted() {
    serve(&["--max-memory", "4MiB", "--durability", "async"], |kvs| {
        let client = &mut kvs.connect();
        let body = "x".repeat(64 << 10);
        let put = |client: &mut Client, n: usize| client.put(&format!("str-put/{n}"), &body);
        let stored = (0..100).take_while(|n| put(client, *n).status == 200).count();
        assert!((32..64).contains(&stored), "{stored} values of 64 KiB");
        // Which shard a key falls into decides whether its put needs some KiB for slots, too; this fits nowhere.
        let larger = "x".repeat(96 << 10);
        for n in [stored, stored + 1] {
            client.put(&format!("str-put/{n}"), &larger).assert_error(503, "a put over the memory limit");
            client.get(&format!("str-get/{n}")).assert_error(404, "the refused put");
        }
        assert_eq!(client.get("str-get/0").text(), body);
        for n in 0..stored {
            assert!(client.delete(&format!("str-del/{n}")).deleted());
        }
        for n in 0..stored {
            assert_eq!(put(client, n).status, 200, "{n} after the deletions");
        }
    });
}

#[test]
fn a_request_may_ask_for_durability() {
    let put = |durability: &str, key: &str| {
        request_bytes("PUT", &format!("int-put/{key}"), &[("Kvs-Durability", durability)], b"1")
    };
    let folder = folder();
    for server in ["sync", "async"] {
        let kvs = Kvs::start(folder.path(), &["--durability", server]);
        let client = &mut kvs.connect();
        for bogus in ["bogus", "", "off", "sync, async"] {
            client.exchange(&put(bogus, "bogus")).assert_error(400, bogus);
        }
        client.get("int-get/bogus").assert_error(404, "the refused put");
        let get = request_bytes("GET", "int-get/bogus", &[("Kvs-Durability", "bogus")], b"");
        client.exchange(&get).assert_error(404, "for a read it means nothing");
        assert_eq!(client.exchange(&put("async", "async")).status, 200);
        assert_eq!(client.exchange(&put("sync", &format!("asked-of-{server}"))).status, 200);
        kvs.kill();
    }
    let kvs = Kvs::start(folder.path(), &[]);
    for key in ["asked-of-sync", "asked-of-async"] {
        assert_eq!(kvs.connect().get(&format!("int-get/{key}")).text(), "1", "{key} survives a kill");
    }
}

#[test]
fn without_a_log_everything_else_works() {
    let mut command = Kvs::program();
    let kvs = Kvs::try_start(command.args(["--http-addr", "127.0.0.1:0", "--log", "off"])).expect("kvs starts");
    let client = &mut kvs.connect();
    assert_eq!(client.put("int-put/a", "1").status, 200);
    assert_eq!(client.put("int-incr/a", "").text(), "1");
    assert_eq!(client.exchange(&request_bytes("PUT", "int-put/a", &[("Kvs-Durability", "sync")], b"5")).status, 200);
    client
        .exchange(&request_bytes("PUT", "int-put/a", &[("Kvs-Durability", "bogus")], b"6"))
        .assert_error(400, "bogus");
    assert_eq!(client.get("int-get/a").text(), "5");
    assert!(client.delete("del/a").deleted());
    let (status, diagnostics) = kvs.stop();
    assert!(status.success(), "{diagnostics}");
}

/// Breaks a request in one to three places.
fn mutate(request: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = request.to_vec();
    for _ in 0..random.random_range(1..=3) {
        let at = random.random_range(0..=bytes.len());
        let until = random.random_range(at..=bytes.len().min(at + 20));
        match random.random_range(0..6) {
            0 => bytes.insert(at, random.random()),
            1 => drop(bytes.drain(at..until)),
            2 => bytes.truncate(at.max(10)),
            3 => drop(bytes.splice(at..at, bytes[at..until].to_vec())),
            4 => drop(bytes.splice(at..at, *b"\r\n")),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.random()),
        }
    }
    bytes
}

/// The status codes of all answers in `bytes`.
fn statuses(bytes: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(bytes);
    text.match_indices("HTTP/1.1 ")
        .filter_map(|(at, found)| text.get(at + found.len()..)?.get(..3)?.parse().ok())
        .collect()
}

#[test]
fn thousands_of_broken_requests_do_no_harm() {
    let requests = mixed_requests();
    let long = chunked("PUT", "map-put/m", br#"{"a":"b","c":"\u00e4"}"#, 5);
    let seeds: Vec<&[u8]> =
        requests[..20].iter().map(|(request, ..)| request.as_slice()).chain([long.as_slice()]).collect();
    let mut random = StdRng::seed_from_u64(seed());
    serve(&["--durability", "async"], |kvs| {
        let mut answered = [0; 6];
        for _ in 0..4000 {
            let request = mutate(seeds[random.random_range(0..seeds.len())], &mut random);
            let mut client = kvs.connect();
            let sent = client.stream.write_all(&request).and_then(|()| client.stream.shutdown(Shutdown::Write));
            for status in statuses(&client.receive_rest()) {
                assert_ne!(status, 500, "{sent:?} {:?}", String::from_utf8_lossy(&request));
                answered[usize::from(status / 100).min(5)] += 1;
            }
        }
        println!("answers by the first digit of their status: {answered:?}");
        assert!(answered[2] > 50 && answered[4] > 100, "neither all right nor all wrong: {answered:?}");
    });
}
