//! Slow clients: who makes progress is served, who does not is not kept; and those that take nothing cost little.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use proto::ValueType::Str;
use proto::frame::{Answer, ClientPreface};
use socket2::{Domain, Socket, Type};

use crate::frame_client::{FrameClient, get, ping, put_str};
use crate::harness::{BASE, Client, DEADLINE, Kvs, eventually, request_bytes};
use crate::{serve, serve_with_token};

/// How much later than its deadline a client may be cut off: the reaper's tick, and a busy machine.
const SLACK: Duration = Duration::from_secs(3);

/// Some short timeouts, and a rate that tells steady from slow clients.
const PACE: [&str; 6] = ["--request-timeout", "1s", "--idle-timeout", "1s", "--min-rate", "64KiB"];

/// Sends `bytes` at about 1 MiB a second.
fn send_steadily(bytes: &[u8], mut send: impl FnMut(&[u8]) -> std::io::Result<()>) {
    let began = Instant::now();
    for (part, number) in bytes.chunks(64 << 10).zip(1..) {
        send(part).unwrap_or_else(|e| panic!("{e} after {:?}", began.elapsed()));
        // The pace is what is tested.
        std::thread::sleep((number * Duration::from_micros(62_500)).saturating_sub(began.elapsed()));
    }
    assert!(began.elapsed() > Duration::from_millis(2500), "longer than any timeout");
}

#[test]
fn an_upload_takes_the_time_that_it_needs() {
    let (_folder, kvs) = serve(&PACE);
    let text = "0123456789abcdef".repeat(3 << 16);
    let head = |lines: &str| format!("PUT {BASE}/str-put/slow HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n\r\n");
    let counted = head(&format!("Content-Length: {}", text.len())) + &text;
    let chunks: String = text
        .as_bytes()
        .chunks(50_000)
        .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), std::str::from_utf8(chunk).expect("ASCII")))
        .collect();
    let chunked = head("Transfer-Encoding: chunked") + &chunks + "0\r\n\r\n";
    let frame = put_str(1, "frame", &text);
    std::thread::scope(|scope| {
        for request in [&counted, &chunked] {
            scope.spawn(|| {
                let mut client = kvs.connect();
                send_steadily(request.as_bytes(), |part| client.send(part));
                assert_eq!(client.receive().expect("an answer").status, 200);
                assert!(client.get("str-get/slow").body == text.as_bytes());
            });
        }
        scope.spawn(|| {
            let mut client = FrameClient::connect(kvs.frame_addr);
            send_steadily(&frame, |part| client.send(part));
            assert_eq!(client.receive().expect("a reply").answer(), Answer::Done);
            assert!(client.get_str("frame") == Some(text.clone()));
        });
    });
}

#[test]
fn an_upload_without_progress_is_told_so() {
    let (_folder, kvs) = serve(&PACE);
    let begin = |expect: &str| {
        let mut client = kvs.connect();
        let head =
            format!("PUT {BASE}/str-put/stuck HTTP/1.1\r\nHost: localhost\r\n{expect}Content-Length: 1000000\r\n\r\n");
        client.send(head.as_bytes()).expect("kvs reads");
        client
    };
    let told = |mut client: Client, began: Instant| {
        client.receive().expect("an answer").assert_error(408, "a slow body");
        assert!(client.is_closed());
        let after = began.elapsed();
        assert!((Duration::from_millis(700)..Duration::from_secs(2) + SLACK).contains(&after), "after {after:?}");
    };
    std::thread::scope(|scope| {
        let begin = &begin;
        scope.spawn(move || {
            let began = Instant::now();
            let mut stuck = begin("");
            stuck.send(&[b'x'; 100]).expect("kvs reads");
            told(stuck, began);
        });
        scope.spawn(move || {
            // A stop is a stop, however much came before.
            let began = Instant::now();
            let mut stuck = begin("");
            stuck.send(&[b'x'; 900_000]).expect("kvs reads");
            told(stuck, began);
        });
        scope.spawn(move || {
            let began = Instant::now();
            let mut asked = begin("Expect: 100-continue\r\n");
            assert_eq!(asked.receive().expect("an answer").status, 100);
            told(asked, began);
        });
        scope.spawn(move || {
            let (began, mut dripping) = (Instant::now(), begin(""));
            while !dripping.answers_within(Duration::from_millis(50)) {
                dripping.send(b"x").expect("kvs reads");
                assert!(began.elapsed() < DEADLINE, "the server waits");
            }
            told(dripping, began);
        });
    });
    kvs.connect().get("str-get/stuck").assert_error(404, "half a body");
}

/// A connection whose kernel keeps little of what its program does not read.
fn connect_with_small_buffer(addr: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(32 << 10).expect("a size");
    socket.connect(&addr.into()).expect("kvs accepts");
    socket.set_read_timeout(Some(DEADLINE)).expect("a TCP socket");
    socket.into()
}

/// Reads `bytes` bytes in parts of `part` with a pause after each, or until the connection ends; returns how many came.
fn read_slowly(stream: &mut TcpStream, bytes: usize, part: usize, pause: Duration) -> usize {
    let (mut buffer, mut taken) = (vec![0; part], 0);
    while taken < bytes {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => taken += read,
            Err(e) if e.kind() == ErrorKind::ConnectionReset => break,
            Err(e) => panic!("{e} after {taken} bytes"),
        }
        std::thread::sleep(pause);
    }
    taken
}

#[test]
fn a_response_may_be_taken_slowly_but_steadily() {
    const BYTES: usize = 4 << 20;
    let (_folder, kvs) = serve(&PACE);
    assert_eq!(kvs.connect().put("str-put/big", "x".repeat(BYTES)).status, 200);
    let over_http = request_bytes("GET", "str-get/big", &[("Connection", "close")], b"");
    let over_frames = [&ClientPreface::current().encode()[..], &get(1, Str, "big")].concat();
    let ask = |addr, request: &[u8]| {
        let mut client = connect_with_small_buffer(addr);
        std::io::Write::write_all(&mut client, request).expect("kvs reads");
        client
    };
    std::thread::scope(|scope| {
        for (addr, request) in [(kvs.addr, &over_http), (kvs.frame_addr, &over_frames)] {
            scope.spawn(move || {
                let began = Instant::now();
                let taken = read_slowly(&mut ask(addr, request), BYTES, 16 << 10, Duration::from_millis(10));
                assert!(taken >= BYTES, "cut off after {taken} bytes and {:?}", began.elapsed());
                assert!(began.elapsed() > Duration::from_secs(2), "longer than any timeout");
            });
            scope.spawn(move || {
                let (began, mut client) = (Instant::now(), ask(addr, request));
                let taken = read_slowly(&mut client, BYTES, 512, Duration::from_millis(50));
                assert!(taken < BYTES && began.elapsed() < DEADLINE, "served for {:?}", began.elapsed());
            });
        }
    });
}

#[test]
fn who_does_not_ask_is_not_kept() {
    const TOKEN: &str = "3f5e0a77c1";
    let request_timeout = ["--request-timeout", "1s"];
    let authorization = format!("Bearer {TOKEN}");
    let hello = request_bytes("POST", "hello", &[("Authorization", &authorization)], b"");
    let cut_off = |what: &str, began: Instant, is_closed: bool| {
        let after = began.elapsed();
        assert!(is_closed, "{what}");
        assert!(
            (Duration::from_millis(500)..Duration::from_secs(1) + SLACK).contains(&after),
            "{what} after {after:?}"
        );
    };
    let (_secrets, _folder, with_token) = serve_with_token(TOKEN, &request_timeout);
    let (_other, without_token) = serve(&request_timeout);
    for (kvs, has_token) in [(&with_token, true), (&without_token, false)] {
        let mut established = kvs.connect();
        assert_eq!(established.exchange(&hello).status, 200);
        let began = Instant::now();
        let (mut silent, mut silent_frames) = (kvs.connect(), FrameClient::silent(kvs.frame_addr));
        let mut greeted = FrameClient::connect(kvs.frame_addr);
        let mut stranger = kvs.connect();
        let status = stranger.post("hello", "").status;
        cut_off("silent", began, silent.is_closed());
        cut_off("silent over frames", began, silent_frames.is_closed());
        cut_off("only greeted", began, greeted.is_closed());
        if has_token {
            assert_eq!(status, 401);
            cut_off("without a token", began, stranger.is_closed());
        } else {
            assert_eq!(stranger.post("hello", "").status, 200);
            let mut frames = FrameClient::connect(kvs.frame_addr);
            assert_eq!(frames.exchange(&ping(1)).answer(), Answer::Done);
            let mut late = FrameClient::silent(kvs.frame_addr);
            assert!(late.is_closed());
            assert_eq!(frames.exchange(&ping(2)).answer(), Answer::Done, "one that has asked is kept");
        }
        assert_eq!(established.exchange(&hello).status, 200, "one that has asked is kept");
    }
}

#[test]
fn what_clients_do_not_take_is_bounded_whatever_it_is() {
    const CLIENTS: usize = 24;
    const BODY: usize = 4 << 20;
    // Bodies up to their limit, twice while one is moved to larger memory; the responses; one that each worker is making.
    const MOST_MEMORY: u64 = (2 * 16 + 1 + 4 * 4 + 8) << 20;
    let (_folder, kvs) = serve(&["--max-answers", "1MiB", "--max-bodies", "16MiB"]);
    assert_eq!(kvs.connect().post("echo", "warm").text(), "WARM");
    let before = kvs.resident_bytes();
    let body = vec![b'x'; BODY];
    let mut clients: Vec<Client> = (0..CLIENTS)
        .map(|_| {
            let mut client = kvs.connect();
            client.send_request("POST", "echo", &body).expect("kvs reads");
            client
        })
        .collect();
    for client in &mut clients {
        assert!(client.answers_within(DEADLINE), "each is answered");
        let used = kvs.resident_bytes().saturating_sub(before);
        assert!(used < MOST_MEMORY, "{used} bytes for {CLIENTS} clients");
    }
    for mut client in clients {
        client.receive().expect("an answer").assert_error(503, "an echo beyond the memory for responses");
    }
}

#[test]
fn every_kind_of_large_response_is_counted() {
    let (_folder, kvs) = serve(&["--max-answers", "1MiB"]);
    let text = "x".repeat(700 << 10);
    kvs.connect().put("str-put/big", &text);
    kvs.connect().put("map-put/big", format!(r#"{{"field":"{text}"}}"#));
    kvs.connect().put("set-put/big", format!(r#"["{text}"]"#));
    for (method, path, body) in [
        ("GET", "str-get/big", ""),
        ("GET", "map-get/big", ""),
        ("GET", "map-get/big/field", ""),
        ("GET", "set-get/big", ""),
        ("POST", "echo", text.as_str()),
    ] {
        let ask = |kvs: &Kvs| kvs.connect().request(method, path, body);
        // The kernel must not take all of it for the client.
        let mut holder = Client::on(connect_with_small_buffer(kvs.addr));
        holder.send_request(method, path, body.as_bytes()).expect("kvs reads");
        let head = holder.receive_head().expect("an answer");
        assert_eq!(head.status, 200);
        ask(&kvs).assert_error(503, path);
        let length: usize = head.header("content-length").and_then(|text| text.parse().ok()).expect("a length");
        let mut rest = vec![0; length];
        holder.read_body(&mut rest).expect("the rest of the response");
        eventually("the memory is free again", || ask(&kvs).status == 200);
        assert_eq!(kvs.connect().request("HEAD", path, "").status, if method == "GET" { 200 } else { 405 });
    }
}
