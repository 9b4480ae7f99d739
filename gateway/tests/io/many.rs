//! Thousands of connections, idle and then all at once.

use std::io::Write;
use std::net::TcpStream;
use std::time::Instant;

use crate::frame_client::{FrameClient, get, ping};
use crate::harness::{Client, request_bytes, room_for_connections};
use crate::{PROMPT, with_each};

#[test]
fn thousands_are_idle_and_then_all_send_at_once() {
    /// More than a buffer of the driver together with a few others; each body comes in several pieces.
    const BODY: usize = 20_000;
    with_each(|kvs| {
        // Each has two descriptors here.
        let connections = room_for_connections(8000) / 2;
        let before = kvs.resident_bytes();
        let mut clients: Vec<Client> = (0..connections).map(|_| kvs.connect()).collect();
        for client in &mut clients {
            client.send(&request_bytes("POST", "hello", &[], b"")).expect("it is open");
        }
        for client in &mut clients {
            assert_eq!(client.receive().expect("an answer").status, 200);
        }
        let idle = kvs.resident_bytes().saturating_sub(before) / connections;
        assert!(idle < 32 << 10, "{idle} bytes for each idle connection");

        // All at once, twice: more than the buffers of a worker can take.
        for round in 0..2 {
            for (n, client) in clients.iter_mut().enumerate() {
                let body = format!("{round} {n} {}", "x".repeat(BODY));
                client.send(&request_bytes("PUT", &format!("str-put/{n}"), &[], body.as_bytes())).expect("it is open");
            }
            for client in &mut clients {
                assert_eq!(client.receive().expect("an answer").status, 200);
            }
            for (n, client) in clients.iter_mut().enumerate() {
                client.send(&request_bytes("GET", &format!("str-get/{n}"), &[], b"")).expect("it is open");
            }
            for (n, client) in clients.iter_mut().enumerate() {
                let answer = client.receive().expect("an answer");
                assert_eq!(answer.text(), format!("{round} {n} {}", "x".repeat(BODY)));
            }
        }
    });
}

#[test]
fn all_are_served_while_thousands_come_and_go() {
    with_each(|kvs| {
        let mut held = kvs.connect();
        for n in 0..2000 {
            // Without a word, with half a request, with a request whose response nobody reads.
            let mut stream = TcpStream::connect(kvs.addr).expect("kvs accepts");
            let request = request_bytes("POST", "hello", &[], b"");
            let part = [0, request.len() / 2, request.len()][n % 3];
            stream.write_all(&request[..part]).expect("kvs reads");
            drop(stream);
            if n % 20 == 0 {
                let began = Instant::now();
                assert_eq!(held.put("int-incr/n", "").status, 200);
                assert!(began.elapsed() < PROMPT, "a request took {:?}", began.elapsed());
            }
        }
        assert_eq!(held.get("int-get/n").text(), "100");
    });
}

#[test]
fn frames_of_many_connections_are_answered_to_whom_has_sent_them() {
    /// Requests of a connection at a time: their replies fill more than one piece of output.
    const DEPTH: u32 = 500;
    with_each(|kvs| {
        let mut clients: Vec<FrameClient> = (0..64).map(|_| FrameClient::connect(kvs.frame_addr)).collect();
        let text = "y".repeat(300);
        assert!(clients[0].exchange(&crate::frame_client::put_str(1, "k", &text)).error().is_none());
        for round in 0..5 {
            for (n, client) in clients.iter_mut().enumerate() {
                let first = (round * 64 + n as u32) * DEPTH;
                let requests: Vec<u8> = (first..first + DEPTH)
                    .flat_map(|id| if id % 2 == 0 { ping(id) } else { get(id, proto::ValueType::Str, "k") })
                    .collect();
                client.send(&requests).expect("kvs reads");
            }
            for (n, client) in clients.iter_mut().enumerate() {
                let first = (round * 64 + n as u32) * DEPTH;
                for id in first..first + DEPTH {
                    let reply = client.receive().expect("a reply");
                    assert!(reply.id() == id && reply.error().is_none(), "{reply:?} instead of {id}");
                }
            }
        }
    });
}
