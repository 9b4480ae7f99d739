//! The server stops while output is in flight.

use std::time::{Duration, Instant};

use crate::frame_client::{FrameClient, get, put_str};
use crate::harness::{Client, Kvs, folder, request_bytes};
use crate::{command, has_uring, with_each};

#[test]
fn who_reads_gets_all_that_was_asked_for() {
    with_each(|kvs| {
        let value = "z".repeat(6 << 20);
        assert_eq!(kvs.connect().put("str-put/long", &value).status, 200);
        let mut clients: Vec<Client> = (0..8).map(|_| kvs.connect()).collect();
        for client in &mut clients {
            client.send(&request_bytes("GET", "str-get/long", &[], b"")).expect("kvs reads");
        }
        for client in &mut clients {
            assert_eq!(client.receive_head().expect("the head of an answer").status, 200);
        }
        kvs.signal("TERM");
        for client in &mut clients {
            let mut body = vec![0; value.len()];
            client.read_body(&mut body).expect("the rest of the answer");
            assert!(body == value.as_bytes(), "other bytes than were stored");
            assert!(client.is_closed());
        }
        let (status, said) = kvs.wait();
        assert!(status.success(), "{status}: {said}");
    });
}

#[test]
fn who_does_not_read_is_cut_off() {
    const DRAIN: Duration = Duration::from_secs(2);
    for driver in ["epoll", "uring"] {
        if driver == "uring" && !has_uring() {
            continue;
        }
        let folder = folder();
        let mut command = command(driver, folder.path());
        let kvs = Kvs::try_start(command.args(["--drain-timeout", "2s"])).expect("a kvs");
        let text = "z".repeat(1 << 20);
        let mut client = FrameClient::connect(kvs.frame_addr);
        assert!(client.exchange(&put_str(0, "k", &text)).error().is_none());
        let requests: Vec<u8> = (0..64).flat_map(|id| get(id, proto::ValueType::Str, "k")).collect();
        client.send(&requests).expect("kvs reads");
        assert!(client.answers_within(crate::harness::DEADLINE));
        let began = Instant::now();
        let (status, said) = kvs.stop();
        assert!(status.success(), "{driver}: {status}: {said}");
        assert!(began.elapsed() < DRAIN + Duration::from_secs(10), "{driver}: {:?}", began.elapsed());
        assert!(client.receive_rest().len() < 64, "{driver}");
    }
}

#[test]
fn a_kill_in_the_middle_is_an_end_for_clients() {
    with_each(|kvs| {
        let mut clients: Vec<Client> = (0..100).map(|_| kvs.connect()).collect();
        for client in &mut clients {
            assert_eq!(client.put("int-incr/n", "").status, 200);
        }
        kvs.kill();
        for client in &mut clients {
            assert!(client.try_request("GET", "int-get/n", "").is_err());
        }
    });
}
