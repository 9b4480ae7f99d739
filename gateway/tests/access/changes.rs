//! Tokens that are revoked, expire or change while connections are open; too many wrong ones.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use proto::ValueType;
use proto::frame::{Answer as FrameAnswer, ErrorCode};

use crate::frame_client::{FrameClient, auth, get, put_str};
use crate::harness::{Client, Kvs, request_bytes};
use crate::{Identities, frames, rest};

/// How soon a change takes effect, at the latest.
const SOON: Duration = Duration::from_secs(5);

fn keep_alive(client: &mut Client, token: &str) -> u16 {
    let header = format!("Bearer {token}");
    client.exchange(&request_bytes("GET", "str-get/k", &[("Authorization", &header)], b"")).status
}

#[test]
fn a_revoked_token_ends_within_seconds_also_on_open_connections() {
    let identities = Identities::new();
    let stays = identities.token("stays", &["--scope", "read,write"]);
    let goes = identities.token("goes", &["--scope", "read,write"]);
    let (_folder, kvs) = identities.serve(&[]);
    let (mut of_stays, mut idle, mut busy) = (frames(&kvs, &stays), frames(&kvs, &goes), frames(&kvs, &goes));
    let mut over_rest = kvs.connect();
    assert_eq!((keep_alive(&mut over_rest, &goes), keep_alive(&mut over_rest, &stays)), (404, 404));
    identities.revoke("goes");
    let revoked = Instant::now();
    // A busy connection is told; an idle one is closed.
    let refused = loop {
        match busy.send(&get(2, ValueType::Str, "k")).and_then(|()| busy.receive()) {
            Ok(reply) if reply.error().is_none() => {}
            Ok(reply) => break reply.error(),
            Err(_closed_while_it_was_idle) => break Some(ErrorCode::Unauthenticated),
        }
        assert!(revoked.elapsed() < SOON, "still served");
    };
    assert_eq!(refused, Some(ErrorCode::Unauthenticated));
    assert!(idle.is_closed() && revoked.elapsed() < SOON);
    assert_eq!((keep_alive(&mut over_rest, &goes), keep_alive(&mut over_rest, &stays)), (401, 404));
    assert_eq!(of_stays.exchange(&put_str(3, "k", "v")).answer(), FrameAnswer::Done);
}

#[test]
fn a_token_expires_while_connections_are_open() {
    let identities = Identities::new();
    let (_folder, kvs) = {
        identities.token("other", &["--scope", "read"]);
        identities.serve(&[])
    };
    let began = Instant::now();
    let short = identities.token("short", &["--scope", "read,write", "--expires", "3s"]);
    kvs.says(&["the identities have changed"]);
    let (mut idle, mut over_rest) = (frames(&kvs, &short), kvs.connect());
    assert_eq!(keep_alive(&mut over_rest, &short), 404);
    assert!(idle.is_closed());
    assert!(began.elapsed() > Duration::from_secs(2) && began.elapsed() < Duration::from_secs(3) + SOON);
    assert_eq!(keep_alive(&mut over_rest, &short), 401);
    let mut late = FrameClient::connect(kvs.frame_addr);
    assert_eq!(late.exchange(&auth(1, &short)).error(), Some(ErrorCode::Unauthenticated));
}

#[test]
fn scopes_change_under_open_connections() {
    let identities = Identities::new();
    let token = identities.token("some", &["--scope", "read,write"]);
    let (_folder, kvs) = identities.serve(&[]);
    let mut client = frames(&kvs, &token);
    assert_eq!(client.exchange(&put_str(2, "k", "a")).answer(), FrameAnswer::Done);
    let text = std::fs::read_to_string(&identities.file).expect("the file");
    std::fs::write(&identities.file, text.replace(r#""read", "write""#, r#""read""#)).expect("the file is written");
    kvs.says(&["the identities have changed"]);
    assert_eq!(client.exchange(&put_str(3, "k", "b")).error(), Some(ErrorCode::Forbidden));
    assert_eq!(client.get_str("k").as_deref(), Some("a"));
    // A file that cannot be used changes nothing, and is said once.
    std::fs::write(&identities.file, text.replace("scopes", "scope")).expect("the file is written");
    kvs.says(&["those of before stay in use", "unknown field `scope`"]);
    assert_eq!(client.exchange(&put_str(4, "k", "b")).error(), Some(ErrorCode::Forbidden));
    std::fs::write(&identities.file, text).expect("the file is written");
    kvs.says(&["the identities have changed"]);
    assert_eq!(client.exchange(&put_str(5, "k", "b")).answer(), FrameAnswer::Done);
}

/// A client at another address of this machine.
fn from(address: &str, kvs: &Kvs) -> Client {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&format!("{address}:0").parse::<std::net::SocketAddr>().expect("an address").into()).expect("loopback");
    socket.connect(&kvs.addr.into()).expect("kvs accepts");
    Client::on(TcpStream::from(socket))
}

#[test]
fn too_many_wrong_tokens_of_an_address_are_not_looked_at() {
    let identities = Identities::new();
    let token = identities.token("some", &["--scope", "read"]);
    let (_folder, kvs) = identities.serve(&["--auth-failures", "5"]);
    let mut known = frames(&kvs, &token);
    for _ in 0..5 {
        assert_eq!(rest(&kvs, "GET", "str-get/k", Some("wrong"), b"").status, 401);
    }
    kvs.says(&["too many wrong tokens", "127.0.0.1"]);
    for token in ["wrong", &token] {
        let limited = rest(&kvs, "GET", "str-get/k", Some(token), b"");
        assert_eq!((limited.status, limited.header("retry-after")), (429, Some("10")), "{}", limited.text());
        let mut client = FrameClient::connect(kvs.frame_addr);
        assert_eq!(client.exchange(&auth(1, token)).error(), Some(ErrorCode::Busy));
        assert!(client.is_closed());
    }
    // Without a token nothing is guessed; who was let in before and who comes from elsewhere is not concerned.
    assert_eq!(rest(&kvs, "GET", "str-get/k", None, b"").status, 401);
    assert_eq!(known.get_str("k"), None);
    assert_eq!(keep_alive(&mut from("127.0.0.2", &kvs), &token), 404);
}
