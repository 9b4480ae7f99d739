//! Clients that send or take too little, and those that are too many.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use proto::ValueType::Str;
use proto::frame::{Answer, ClientPreface, ErrorCode, PrefaceStatus};

use crate::frame_client::{FrameClient, get, incr, ping, put_str};
use crate::harness::{DEADLINE, Kvs, eventually};
use crate::{PROMPT, assert_serves, serve, stop_unharmed};

/// How much later than its deadline a client may be cut off: the reaper's tick, and a busy machine.
const SLACK: Duration = Duration::from_secs(3);

/// A client that sends some bytes at once and then, with a pause before each, the others, or nothing more at all.
struct Slow {
    who: &'static str,
    at_once: Vec<u8>,
    one_by_one: Vec<u8>,
}

impl Slow {
    /// Waits until the server closes the connection; returns how long that took.
    fn until_cut_off(&self, addr: SocketAddr, pause: Duration) -> Duration {
        let mut client = FrameClient::silent(addr);
        client.send(&self.at_once).expect("kvs reads");
        let began = Instant::now();
        client.stream.set_read_timeout(Some(pause)).expect("a TCP socket");
        let mut rest = self.one_by_one.iter();
        while began.elapsed() < DEADLINE {
            let closed = match std::io::Read::read(&mut client.stream, &mut [0; 1024]) {
                Ok(0) => true,
                Ok(_) => false,
                Err(e) => !matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            };
            if closed || rest.next().is_some_and(|byte| client.send(&[*byte]).is_err()) {
                return began.elapsed();
            }
        }
        panic!("slow {}: the server waits for {DEADLINE:?}", self.who);
    }
}

/// Asks one request after the other until told to stop, each of which must be prompt; returns how many.
fn undisturbed(kvs: &Kvs, stop: &AtomicBool) -> i32 {
    let mut client = FrameClient::connect(kvs.frame_addr);
    let mut served = 0;
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        assert_eq!(client.exchange(&incr(1, "undisturbed")).int(), served);
        assert!(began.elapsed() < PROMPT, "another client's request took {:?}", began.elapsed());
        served += 1;
    }
    served
}

#[test]
fn a_client_that_sends_too_slowly_is_cut_off_and_nobody_else_notices() {
    let (timeout, pause) = (Duration::from_secs(2), Duration::from_millis(500));
    let preface = ClientPreface::current().encode();
    let put = put_str(1, "slow", &"x".repeat(100));
    let large = put_str(1, "slow", &"x".repeat(200_000));
    let slow = |who, at_once: &[&[u8]], one_by_one: &[u8]| Slow {
        who,
        at_once: at_once.concat(),
        one_by_one: one_by_one.to_vec(),
    };
    let clients = [
        slow("after half a preface", &[&preface[..5]], b""),
        slow("byte by byte in its preface", &[], &preface),
        slow("after half a header", &[&preface, &put[..7]], b""),
        slow("after half a request", &[&preface, &put[..60]], b""),
        slow("after half a large request", &[&preface, &large[..150_000]], b""),
        slow("after a request and a half", &[&preface, &ping(1), &put[..60]], b""),
        slow("byte by byte", &[&preface], &put),
        slow("byte by byte after a request", &[&preface, &ping(1)], &put),
        slow("byte by byte in a large request", &[&preface, &large[..100_000]], &large[100_000..100_100]),
    ];
    let (_folder, kvs) = serve(&["--request-timeout", "2s"]);
    let all_cut_off = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| undisturbed(&kvs, &all_cut_off));
        let cut_off: Vec<_> =
            clients.iter().map(|slow| scope.spawn(|| slow.until_cut_off(kvs.frame_addr, pause))).collect();
        let cut_off: Vec<_> = cut_off.into_iter().map(|slow| slow.join()).collect();
        all_cut_off.store(true, Ordering::Relaxed);
        let served = other.join().expect("the other client is served");
        for (Slow { who, .. }, after) in clients.iter().zip(cut_off) {
            let after = after.unwrap_or_else(|_| panic!("slow {who}: not cut off"));
            assert!((timeout / 2..timeout + SLACK).contains(&after), "slow {who}: cut off after {after:?}");
        }
        assert!(served > 50, "{served} requests of the other client");
    });
    assert_eq!(FrameClient::connect(kvs.frame_addr).get_str("slow"), None, "half a request is not applied");
    stop_unharmed(kvs);
}

#[test]
fn an_idle_connection_is_closed_after_the_idle_timeout() {
    let (_folder, kvs) = serve(&["--idle-timeout", "1s"]);
    let mut used = FrameClient::connect(kvs.frame_addr);
    assert_eq!(used.exchange(&ping(1)).answer(), Answer::Done);
    let began = Instant::now();
    for mut client in [used, FrameClient::connect(kvs.frame_addr), FrameClient::silent(kvs.frame_addr)] {
        assert!(client.is_closed());
        let after = began.elapsed();
        assert!((Duration::from_millis(500)..Duration::from_secs(1) + SLACK).contains(&after), "after {after:?}");
    }
}

#[test]
fn a_client_that_reads_nothing_is_cut_off_and_costs_little_memory() {
    const CLIENTS: usize = 8;
    const MOST_MEMORY: u64 = 64 << 20;
    let (_folder, kvs) = serve(&["--request-timeout", "2s"]);
    FrameClient::connect(kvs.frame_addr).exchange(&put_str(1, "big", &"x".repeat(1 << 20)));
    let before = kvs.resident_bytes();
    let asks_and_never_reads = || {
        let mut client = FrameClient::connect(kvs.frame_addr);
        let requests = get(1, Str, "big").repeat(1000);
        let began = Instant::now();
        while client.send(&requests).is_ok() {
            assert!(began.elapsed() < DEADLINE, "the server goes on reading requests");
        }
        began.elapsed()
    };
    std::thread::scope(|scope| {
        let rude: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(asks_and_never_reads)).collect();
        eventually("the clients are cut off", || {
            let used = kvs.resident_bytes().saturating_sub(before);
            assert!(used < MOST_MEMORY, "{used} bytes for {CLIENTS} clients");
            assert_serves(&kvs);
            rude.iter().all(|client| client.is_finished())
        });
        for client in rude {
            let after = client.join().expect("the client is cut off");
            assert!(after < Duration::from_secs(2) + 2 * SLACK, "after {after:?}");
        }
    });
    stop_unharmed(kvs);
}

#[test]
fn one_connection_more_than_the_limit_is_told_so_by_its_preface() {
    let (_folder, kvs) = serve(&["--max-connections", "4"]);
    let mut clients: Vec<FrameClient> = (0..3).map(|_| FrameClient::connect(kvs.frame_addr)).collect();
    let mut over_rest = kvs.connect();
    assert_eq!(over_rest.post("hello", "").status, 200, "the limit counts the connections of both protocols");
    for number in 0..20 {
        let mut fifth = FrameClient::silent(kvs.frame_addr);
        // Most clients send requests before they read.
        if number % 2 == 0 {
            fifth.send(&[&ClientPreface::current().encode()[..], &put_str(1, "k", "a")].concat()).expect("kvs reads");
        }
        let theirs = fifth.receive_preface().expect("a preface");
        assert_eq!(theirs.status, PrefaceStatus::TooManyConnections);
        assert!(fifth.is_closed());
    }
    for client in &mut clients {
        assert_eq!(client.get_str("k"), None, "those within the limit are served on, nothing was stored");
    }
    clients.pop();
    eventually("there is room again", || {
        let mut next = FrameClient::silent(kvs.frame_addr);
        next.greet(&ClientPreface::current().encode()).is_ok_and(|theirs| theirs.status == PrefaceStatus::Welcome)
    });
}

#[test]
fn memory_for_large_requests_and_answers_is_shared_by_all() {
    let (_folder, kvs) = serve(&["--max-bodies", "1MiB", "--max-answers", "1MiB"]);
    let mut client = FrameClient::connect(kvs.frame_addr);
    let (half, large) = ("x".repeat(400 << 10), "x".repeat(4 << 20));
    assert_eq!(client.exchange(&put_str(1, "half", &half)).answer(), Answer::Done);

    let mut refused = FrameClient::connect(kvs.frame_addr);
    // The server answers while the client is still sending.
    refused.send(&put_str(2, "large", &large)).expect("kvs reads");
    let reply = refused.receive().expect("an error");
    assert_eq!((reply.id(), reply.error()), (2, Some(ErrorCode::Busy)));
    assert!(refused.is_closed());

    let over_rest = kvs.connect().put("map-put/m", format!(r#"{{"a":"{half}","b":"{half}","c":"{half}"}}"#));
    assert_eq!(over_rest.status, 503, "the budget is that of both protocols");
    for field in ["a", "b", "c"] {
        let set = crate::frame_client::list(&[field, &half]);
        let set = crate::frame_client::op(3, proto::OpKind::MapSet, Some(proto::ValueType::Map), "m", &set);
        assert_eq!(client.exchange(&set).answer(), Answer::Done);
    }
    assert_eq!(client.exchange(&get(4, proto::ValueType::Map, "m")).error(), Some(ErrorCode::Busy));
    assert_eq!(client.get_str("half").map(|text| text.len()), Some(half.len()), "the connection goes on");
    stop_unharmed(kvs);
}
