//! Tokens: nothing is carried out for a client that does not show the right one.

use proto::frame::{Answer, ClientPreface, ErrorCode};

use crate::frame_client::{FrameClient, auth, durable, get, incr, multi_put, ping, put_str, raw};
use crate::harness::{Kvs, folder, request_bytes};
use crate::{serve, stop_unharmed};

const TOKEN: &str = "s3cret-Token_of-this.server";

fn serve_with_token() -> (tempfile::TempDir, tempfile::TempDir, Kvs) {
    let secrets = folder();
    let file = secrets.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\nwhat follows is no part of it\n")).expect("the token is written");
    let (folder, kvs) = serve(&["--token-file", file.to_str().expect("a path")]);
    (secrets, folder, kvs)
}

#[test]
fn without_the_token_nothing_is_carried_out() {
    let (_secrets, _folder, kvs) = serve_with_token();
    let requests = [
        put_str(1, "k", "a"),
        durable(put_str(2, "k", "a")),
        incr(3, "n"),
        get(4, proto::ValueType::Str, "k"),
        multi_put(5, [(proto::ValueType::Str, "k", &b"a"[..])]),
        ping(6),
    ];
    for request in &requests {
        let mut client = FrameClient::silent(kvs.frame_addr);
        let theirs = client.greet(&ClientPreface::current().encode()).expect("a preface");
        assert!(theirs.auth_required && theirs.auth_offered);
        client.send(&[&request[..], &auth(7, TOKEN), &put_str(8, "k", "a")].concat()).expect("kvs reads");
        assert_eq!(client.receive().expect("an error").error(), Some(ErrorCode::Unauthenticated), "{request:02x?}");
        assert!(client.is_closed(), "the first request must be an auth: {request:02x?}");
    }
    let mut client = FrameClient::connect(kvs.frame_addr);
    assert_eq!(client.exchange(&auth(7, TOKEN)).answer(), Answer::Done);
    assert_eq!((client.get_str("k"), client.get_int("n")), (None, None));
    stop_unharmed(kvs);
}

#[test]
fn a_wrong_token_ends_the_connection_and_what_follows_is_not_carried_out() {
    let (_secrets, _folder, kvs) = serve_with_token();
    let longer = format!("{TOKEN}x");
    let wrong = ["", "x", &TOKEN[1..], &TOKEN[..TOKEN.len() - 1], &longer, &TOKEN.to_lowercase(), &"x".repeat(4096)];
    for token in wrong {
        let mut client = FrameClient::connect(kvs.frame_addr);
        client.send(&[auth(1, token), put_str(2, "k", "a"), auth(3, TOKEN)].concat()).expect("kvs reads");
        let reply = client.receive().expect("an error");
        assert_eq!((reply.id(), reply.error()), (1, Some(ErrorCode::Unauthenticated)));
        assert!(client.is_closed(), "after the token {token:.40}");
    }
    let mut not_text = FrameClient::connect(kvs.frame_addr);
    assert_eq!(not_text.exchange(&raw(1, 49, 0, 0, b"", b"\xff")).error(), Some(ErrorCode::BadPayload));
    assert!(not_text.is_closed());
    // No memory is spent on strangers.
    let mut large = FrameClient::connect(kvs.frame_addr);
    large.send(&auth(1, &"x".repeat(4097))).expect("kvs reads");
    assert_eq!(large.receive().expect("an error").error(), Some(ErrorCode::BadLength));
    assert!(large.is_closed());

    let mut client = FrameClient::connect(kvs.frame_addr);
    // Requests may follow without waiting for the reply.
    client
        .send(&[auth(1, TOKEN), put_str(2, "other", "a"), get(3, proto::ValueType::Str, "k")].concat())
        .expect("kvs reads");
    let answers: Vec<_> = (0..3).map(|_| client.receive().expect("a reply")).collect();
    assert_eq!(answers[0].answer(), Answer::Done);
    assert_eq!(answers[1].answer(), Answer::Done);
    assert_eq!(answers[2].answer(), Answer::NoEntry, "what came behind a wrong token was not carried out");
    // A wrong one later ends it as well.
    assert_eq!(client.exchange(&auth(4, "wrong")).error(), Some(ErrorCode::Unauthenticated));
    assert!(client.is_closed());
    stop_unharmed(kvs);
}

#[test]
fn the_same_token_goes_for_rest() {
    let (_secrets, _folder, kvs) = serve_with_token();
    let put = |authorization: &[(&str, &str)]| {
        kvs.connect().exchange(&request_bytes("PUT", "str-put/k", authorization, b"a")).status
    };
    assert_eq!(put(&[]), 401);
    assert_eq!(put(&[("Authorization", "Bearer wrong")]), 401);
    assert_eq!(put(&[("Authorization", &format!("Bearer {TOKEN}"))]), 200);
}

#[test]
fn a_token_that_cannot_be_read_or_used_is_said_at_the_start() {
    let folder = folder();
    let file = folder.path().join("token");
    for (content, what) in
        [(None, "No such file"), (Some(""), "expected a token"), (Some("two words\n"), "expected a token")]
    {
        if let Some(content) = content {
            std::fs::write(&file, content).expect("the token is written");
        }
        let mut command = Kvs::program();
        command.args(["--http-addr", "127.0.0.1:0", "--log", "off", "--token-file"]).arg(&file);
        let refused = Kvs::try_start(&mut command).err().expect("kvs does not start");
        assert!(refused.diagnostics.contains(what), "{}", refused.diagnostics);
        assert!(!refused.diagnostics.contains("two words"), "a secret is not repeated");
    }
}
