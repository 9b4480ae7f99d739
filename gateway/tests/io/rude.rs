//! Clients that do not read, dribble, half-close, reset.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::frame_client::{FrameClient, incr};
use crate::harness::{Client, eventually, request_bytes};
use crate::{PROMPT, descriptors, with_each};

/// A value of so many bytes that shows where each byte belongs.
fn value(bytes: usize) -> String {
    (0..).flat_map(|n: u32| format!("{n:08x}").into_bytes()).map(char::from).take(bytes).collect()
}

#[test]
fn who_does_not_read_stops_nobody_and_loses_nothing() {
    const VALUE: usize = 4 << 20;
    const REQUESTS: usize = 10;
    with_each(|kvs| {
        let value = value(VALUE);
        let mut other = kvs.connect();
        assert_eq!(other.put("str-put/long", &value).status, 200);
        let mut greedy: Vec<Client> = (0..4).map(|_| kvs.connect()).collect();
        for client in &mut greedy {
            for _ in 0..REQUESTS {
                client.send(&request_bytes("GET", "str-get/long", &[], b"")).expect("kvs reads");
            }
        }
        for n in 0..200 {
            let began = Instant::now();
            assert_eq!(other.put("int-incr/n", "").text(), n.to_string());
            assert!(began.elapsed() < PROMPT, "a request took {:?}", began.elapsed());
        }
        for client in &mut greedy {
            for _ in 0..REQUESTS {
                assert!(client.receive().expect("an answer").text() == value, "other bytes than were stored");
            }
            assert_eq!(client.get("int-get/n").text(), "200");
        }
    });
}

#[test]
fn what_comes_in_dribbles_is_put_together() {
    with_each(|kvs| {
        let mut client = kvs.connect();
        // The pieces begin small and become larger than whatever they are received into.
        for (bytes, piece) in [(2_000, 1), (100_000, 977), (1 << 20, 16 << 10), (3 << 20, 300_001)] {
            let value = value(bytes);
            for part in request_bytes("PUT", "str-put/k", &[], value.as_bytes()).chunks(piece) {
                client.send(part).expect("kvs reads");
            }
            assert_eq!(client.receive().expect("an answer").status, 200);
            assert!(client.get("str-get/k").text() == value, "other bytes than were sent, in pieces of {piece}");
        }
    });
}

#[test]
fn a_batch_is_answered_after_a_half_close() {
    const REQUESTS: usize = 1000;
    with_each(|kvs| {
        let mut client = kvs.connect();
        let batch = request_bytes("PUT", "int-incr/rest", &[], b"").repeat(REQUESTS);
        client.send(&batch).expect("kvs reads");
        client.stream.shutdown(Shutdown::Write).expect("it is open");
        for n in 0..REQUESTS {
            assert_eq!(client.receive().expect("an answer").text(), n.to_string());
        }
        assert!(client.is_closed());

        let mut client = FrameClient::connect(kvs.frame_addr);
        let batch: Vec<u8> = (0..REQUESTS as u32).flat_map(|id| incr(id, "frames")).collect();
        client.send(&batch).expect("kvs reads");
        client.finish();
        let replies = client.receive_rest();
        assert!(replies.iter().map(|reply| reply.int()).eq(0..REQUESTS as i32), "{} replies", replies.len());
    });
}

/// Resets the connection when it is dropped.
fn will_reset(client: &Client) {
    SockRef::from(&client.stream).set_linger(Some(Duration::ZERO)).expect("a TCP socket");
}

#[test]
fn resets_in_the_middle_leave_nothing_behind() {
    with_each(|kvs| {
        let mut other = kvs.connect();
        let value = value(2 << 20);
        assert_eq!(other.put("str-put/long", &value).status, 200);
        let before = descriptors(&kvs);
        for n in 0..200 {
            let mut client = kvs.connect();
            will_reset(&client);
            match n % 4 {
                // In the middle of a request, of a head, of a response; with nothing under way.
                0 => client
                    .send(&request_bytes("PUT", "str-put/k", &[], value.as_bytes())[..100_000])
                    .expect("kvs reads"),
                1 => client.send(b"GET /kvs/v1-0-0/str").expect("kvs reads"),
                2 => {
                    client.send(&request_bytes("GET", "str-get/long", &[], b"").repeat(3)).expect("kvs reads");
                    client.stream.read_exact(&mut [0; 1000]).expect("the beginning of a response");
                }
                _ => assert_eq!(client.get("int-get/none").status, 404),
            }
        }
        eventually("all connections are gone", || descriptors(&kvs) <= before);
        assert!(other.get("str-get/long").text() == value, "others are not disturbed");
    });
}

#[test]
fn a_long_pipeline_is_answered_in_its_order() {
    const REQUESTS: usize = 50_000;
    with_each(|kvs| {
        let mut client = kvs.connect();
        let mut sender = client.stream.try_clone().expect("a socket can be cloned");
        let batch = request_bytes("PUT", "int-incr/n", &[], b"").repeat(REQUESTS);
        std::thread::scope(|scope| {
            scope.spawn(move || sender.write_all(&batch).expect("kvs reads"));
            for n in 0..REQUESTS {
                assert_eq!(client.receive().expect("an answer").text(), n.to_string());
            }
        });
    });
}
