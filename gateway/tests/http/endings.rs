//! Connections that the server closes while input comes in: the client gets the whole answer and an orderly end, however much it sends
//! before it reads.

use std::net::TcpStream;
use std::time::Duration;

use proto::frame::{ClientPreface, PrefaceStatus};

use crate::frame_client::FrameClient;
use crate::harness::{BASE, DEADLINE, Kvs, eventually, request_bytes};
use crate::{assert_refused, serve};

/// Sent after what makes the server close. More than the kernel takes for a server that does not read.
const MUCH: usize = 16 << 20;

#[test]
fn an_early_end_costs_nobody_the_answer() {
    let (_folder, kvs) = serve(&["--max-body", "1MiB"]);
    let head = |lines: &str| format!("PUT {BASE}/str-put/a HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n\r\n");
    for (request, status) in [
        ("GARBAGE\r\n\r\n".into(), 400),
        (head("No colon"), 400),
        (head(&format!("X: {}", "x".repeat(20 << 10))), 431),
        (format!("PUT {BASE}/{} HTTP/1.1\r\n", "x".repeat(20 << 10)), 431),
        (head(&"X: y\r\n".repeat(100)), 431),
        (format!("PUT {BASE}/str-put/a#b HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MUCH}\r\n\r\n"), 400),
        (format!("PUT {BASE}/str-put/a HTTP/1.1\r\nContent-Length: {MUCH}\r\n\r\n"), 400),
        (head("Transfer-Encoding: gzip, chunked"), 501),
        (head("Transfer-Encoding: chunked\r\n\r\nno chunk"), 400),
        (head(&format!("Expect: 100-continue\r\nContent-Length: {MUCH}")), 413),
        (head("Connection: close\r\nContent-Length: 0"), 200),
        (head("Connection: close\r\nContent-Length: 1\r\n\r\na"), 200),
        (format!("POST {BASE}/hello HTTP/1.0\r\n\r\n"), 200),
    ] {
        let shown = &request[..request.len().min(120)];
        let mut client = kvs.connect();
        client.send(&[request.as_bytes(), &vec![b'x'; MUCH]].concat()).unwrap_or_else(|e| panic!("{shown}: {e}"));
        let answer = client.receive().unwrap_or_else(|e| panic!("{shown}: {e}"));
        assert!(answer.header("content-length").is_some(), "{shown}");
        if status != 200 {
            assert_refused(&answer, status, shown);
        }
        assert_eq!(answer.status, status, "{shown}");
        // An HTTP/1.0 client that did not ask to keep the connection need not be told.
        assert!(answer.header("connection") == Some("close") || request.contains("HTTP/1.0"), "{shown}");
        assert!(client.is_closed(), "{shown}");
    }
}

#[test]
fn the_reply_at_the_connection_limit_is_read_by_everybody() {
    let (_folder, kvs) = serve(&["--max-connections", "1"]);
    let mut held = kvs.connect();
    assert_eq!(held.post("hello", "").status, 200);
    for round in 0..100 {
        let put = request_bytes("PUT", "str-put/a", &[], &vec![b'x'; if round % 10 == 0 { MUCH } else { 100 }]);
        let mut client = kvs.connect();
        client.send(&put).expect("kvs reads");
        client.receive().expect("an answer").assert_error(503, "one connection too many");
        assert!(client.is_closed());
    }
    // Many at a time. Of those that have ended, each worker may not have seen one for each thread: 3 * 16 connections are
    // fewer than the 64 that are told at a time.
    let refused = |kvs: &Kvs| {
        let mut client = kvs.connect();
        client.send_request("PUT", "str-put/a", b"a").expect("kvs reads");
        client.receive().expect("an answer").assert_error(503, "one connection too many");
        assert!(client.is_closed());
    };
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| (0..40).for_each(|_| refused(&kvs)));
        }
    });
    let frames = [&ClientPreface::current().encode()[..], &vec![0; MUCH]].concat();
    for _ in 0..5 {
        let mut client = FrameClient::silent(kvs.frame_addr);
        client.send(&frames).expect("kvs reads");
        assert_eq!(client.receive_preface().expect("a preface").status, PrefaceStatus::TooManyConnections);
        assert!(client.is_closed());
    }
    // Those who were refused do not keep others out.
    let lingering: Vec<_> = (0..10).map(|_| kvs.connect()).collect();
    drop(held);
    eventually("there is room", || {
        kvs.connect().try_request("POST", "hello", "").is_ok_and(|answer| answer.status == 200)
    });
    drop(lingering);
}

/// Connections that are being closed when kvs is told to stop are not reset: a client that still sends gets its answer.
#[test]
fn a_stop_does_not_reset_connections_that_are_being_closed() {
    let (_folder, kvs) = serve(&[]);
    let mut http = kvs.connect();
    http.send(b"GARBAGE\r\n\r\n").expect("kvs reads");
    let mut frames = FrameClient::silent(kvs.frame_addr);
    frames.send(&[0; ClientPreface::BYTES]).expect("kvs reads");
    // A connection that nobody has accepted yet would end with its listener.
    assert!(http.answers_within(DEADLINE) && frames.answers_within(DEADLINE), "kvs has begun to close both");
    let mut send_on = || {
        http.send(b"more").expect("kvs reads on");
        frames.send(b"more").expect("kvs reads on");
    };
    kvs.signal("TERM");
    eventually("kvs accepts no more connections", || {
        send_on();
        TcpStream::connect(kvs.addr).is_err()
    });
    for _ in 0..50 {
        send_on();
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(http.receive().expect("an answer").status, 400);
    assert_ne!(frames.receive_preface().expect("a preface").status, PrefaceStatus::Welcome);
    assert!(http.is_closed() && frames.is_closed());
    let (status, diagnostics) = kvs.wait();
    assert!(status.success(), "{diagnostics}");
}
