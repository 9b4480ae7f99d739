//! What a reply to a write means, and what becomes of requests when the server ends.

use std::net::TcpStream;

use proto::OpKind;
use proto::ValueType::{Int, Str};
use proto::frame::Answer;

use crate::frame_client::{FrameClient, durable, get, incr, multi_put, op, ping, put_str};
use crate::harness::{Kvs, eventually, folder};
use crate::{serve, stop_unharmed};

/// How often the server is killed.
const KILLS: i32 = 5;

#[test]
fn a_durable_reply_means_that_the_write_is_on_disk() {
    let folder = folder();
    let start = || Kvs::start(folder.path(), &["--durability", "async"]);
    let mut kvs = start();
    for round in 0..KILLS {
        let mut client = FrameClient::connect(kvs.frame_addr);
        let key = format!("key {round}");
        let value = round.to_le_bytes();
        let many = [(Int, key.as_str(), &value[..]), (Str, key.as_str(), b"many")];
        // Each kind of write in turn, behind others that nobody waits for.
        let behind: Vec<u8> = (0..100).flat_map(|n| put_str(n, "noise", &"x".repeat(100))).collect();
        client.send(&behind).expect("kvs reads");
        let request = match round % 3 {
            0 => multi_put(1000, many),
            1 => op(1000, OpKind::Put, Some(Int), &key, &value),
            _ => op(1000, OpKind::IncrBy, Some(Int), &key, &i64::from(round).to_le_bytes()),
        };
        client.send(&durable(request)).expect("kvs reads");
        let last = (0..101).map(|_| client.receive().expect("a reply")).last().expect("there are some");
        assert!(last.id() == 1000 && last.error().is_none(), "{last:?}");
        kvs.kill();
        kvs = start();
        let mut client = FrameClient::connect(kvs.frame_addr);
        for round in 0..=round {
            assert_eq!(client.get_int(&format!("key {round}")), Some(round), "killed {round} times");
        }
        assert_eq!(client.get_str("noise").map(|text| text.len()), Some(100), "what came before it in the log, too");
    }
    // A write that finds nothing to do rests on the deletion before it, which nobody has waited for.
    let mut client = FrameClient::connect(kvs.frame_addr);
    let delete = |id| op(id, OpKind::Del, Some(Int), "key 0", b"");
    client.send(&[delete(1), durable(delete(2))].concat()).expect("kvs reads");
    assert_eq!(client.receive().expect("a reply").answer(), Answer::Deleted(true));
    assert_eq!(client.receive().expect("a reply").answer(), Answer::Deleted(false));
    kvs.kill();
    kvs = start();
    assert_eq!(FrameClient::connect(kvs.frame_addr).get_int("key 0"), None);
    // The flag means nothing to what does not write.
    let mut client = FrameClient::connect(kvs.frame_addr);
    assert_eq!(client.exchange(&durable(get(1, Int, "key 0"))).answer(), Answer::NoEntry);
    assert_eq!(client.exchange(&durable(ping(1))).answer(), Answer::Done);
}

#[test]
fn with_a_synchronous_log_every_reply_to_a_write_means_it() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &["--durability", "sync"]);
    let mut client = FrameClient::connect(kvs.frame_addr);
    let script: Vec<u8> = (0..1000).flat_map(|id| incr(id, "n")).collect();
    client.send(&script).expect("kvs reads");
    for expected in 0..1000 {
        assert_eq!(client.receive().expect("a reply").int(), expected);
    }
    kvs.kill();
    let kvs = Kvs::start(folder.path(), &[]);
    assert_eq!(FrameClient::connect(kvs.frame_addr).get_int("n"), Some(1000));
}

#[test]
fn a_stop_finishes_what_was_read_and_closes_the_rest() {
    const REQUESTS: u32 = 200_000;
    let (folder, kvs) = serve(&[]);
    let (mut idle, mut silent) = (FrameClient::connect(kvs.frame_addr), FrameClient::silent(kvs.frame_addr));
    let mut half = FrameClient::connect(kvs.frame_addr);
    half.send(&[ping(1), put_str(2, "half", "a")[..10].to_vec()].concat()).expect("kvs reads");
    assert_eq!(half.receive().expect("a reply").answer(), Answer::Done);
    let mut busy = FrameClient::connect(kvs.frame_addr);
    let script: Vec<u8> = (0..REQUESTS).flat_map(|id| incr(id, "n")).collect();
    let answered = std::thread::scope(|scope| {
        let mut sending = busy.stream.try_clone().expect("a socket can be cloned");
        // The server may stop reading at any point.
        scope.spawn(move || drop(std::io::Write::write_all(&mut sending, &script)));
        assert_eq!(busy.receive().expect("a reply").int(), 0);
        kvs.signal("TERM");
        let mut answered = 1;
        while let Ok(reply) = busy.receive() {
            assert_eq!((reply.id(), reply.int()), (answered, answered as i32));
            answered += 1;
        }
        answered
    });
    assert!(idle.is_closed() && silent.is_closed() && half.is_closed());
    eventually("new connections are refused", || TcpStream::connect(kvs.frame_addr).is_err());
    let (status, diagnostics) = kvs.wait();
    assert!(status.success() && !diagnostics.contains("panicked"), "{status}: {diagnostics}");

    let kvs = Kvs::start(folder.path(), &[]);
    let mut client = FrameClient::connect(kvs.frame_addr);
    assert_eq!(client.get_int("n"), Some(answered as i32), "what was answered was carried out, and nothing else");
    assert_eq!(client.get_str("half"), None);
    stop_unharmed(kvs);
}

#[test]
fn a_client_that_has_sent_its_last_request_gets_every_reply() {
    let (_folder, kvs) = serve(&[]);
    let mut client = FrameClient::connect(kvs.frame_addr);
    let script: Vec<u8> = (0..10_000).flat_map(|id| incr(id, "n")).collect();
    client.send(&script).expect("kvs reads");
    client.finish();
    assert!(client.receive_rest().iter().map(|reply| reply.int()).eq(0..10_000));
    stop_unharmed(kvs);
}
