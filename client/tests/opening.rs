//! Connections that do not come about, or only later: what the client says, and what becomes of requests meanwhile.

mod peer;

use std::time::Duration;

use client::{Client, ConnectError, Error, ErrorCode};
use peer::{Peer, options, poll_once, vacant, welcome, within};
use proto::Reply;
use proto::frame::{PrefaceStatus, Request, ServerPreface, encode_done, encode_error};

/// What connecting to a peer ends with that answers the client's preface with these bytes and closes the connection.
async fn answered_with(bytes: &[u8]) -> ConnectError {
    let peer = Peer::new().await;
    let answering = async {
        let mut session = peer.accept().await;
        session.read_preface().await;
        session.write(bytes).await;
    };
    let (client, ()) = tokio::join!(peer.options().connect(), answering);
    match client {
        Err(Error::Connect(error)) => error,
        other => panic!("{other:?}"),
    }
}

async fn status(status: PrefaceStatus, version: u16) -> ConnectError {
    answered_with(&ServerPreface { status, version, ..welcome() }.encode()).await
}

#[tokio::test]
async fn each_status_of_the_servers_preface_is_an_error_of_its_own() {
    let error = status(PrefaceStatus::Version, 7).await;
    assert!(matches!(error, ConnectError::Version { server: 7 }) && error.is_permanent(), "{error:?}");
    let error = status(PrefaceStatus::Welcome, 7).await;
    assert!(matches!(error, ConnectError::Version { server: 7 }) && error.is_permanent(), "{error:?}");
    let error = status(PrefaceStatus::NotThisProtocol, 1).await;
    assert!(matches!(error, ConnectError::NotUnderstood) && error.is_permanent(), "{error:?}");
    let error = status(PrefaceStatus::TooManyConnections, 1).await;
    assert!(matches!(error, ConnectError::TooManyConnections) && !error.is_permanent(), "{error:?}");
}

#[tokio::test]
async fn what_is_no_preface_is_told_from_a_broken_connection() {
    let error = answered_with(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert!(matches!(error, ConnectError::NotKvs(_)) && error.is_permanent(), "{error:?}");
    let mut unknown = welcome().encode();
    unknown[6] = 99;
    let error = answered_with(&unknown).await;
    assert!(matches!(error, ConnectError::NotKvs(_)), "{error:?}");
    for cut in [0, 1, ServerPreface::BYTES - 1] {
        let error = answered_with(&welcome().encode()[..cut]).await;
        assert!(matches!(error, ConnectError::Io { .. }) && !error.is_permanent(), "{cut}: {error:?}");
    }
}

#[tokio::test]
async fn nobody_there_or_nobody_who_speaks() {
    let error = Client::connect(vacant().await.to_string()).await.unwrap_err();
    assert!(matches!(error, Error::Connect(ConnectError::Io { .. })) && error.is_retryable(), "{error:?}");
    let peer = Peer::new().await;
    let (client, session) =
        tokio::join!(peer.options().connect_timeout(Duration::from_millis(100)).connect(), peer.accept());
    assert!(matches!(client, Err(Error::Connect(ConnectError::Timeout { .. }))), "{client:?}");
    drop(session);
}

#[tokio::test]
async fn requests_wait_while_the_server_has_too_many_connections() {
    let peer = Peer::new().await;
    let client = peer.options().start();
    let serving = async {
        for _ in 0..3 {
            let mut session = peer.accept().await;
            session.greet(ServerPreface { status: PrefaceStatus::TooManyConnections, ..welcome() }).await;
        }
        let mut session = peer.welcome().await;
        let asked = session.next().await;
        session.reply(&asked, &Reply::Stored).await;
        session
    };
    let (stored, _session) = tokio::join!(client.put_int("a", 1), serving);
    stored.unwrap();
}

#[tokio::test]
async fn requests_wait_for_a_server_that_comes_later() {
    let address = vacant().await;
    let client = options(address).start();
    let mut request = std::pin::pin!(client.put_int("a", 1));
    assert!(poll_once(&mut request).await.is_none());
    let peer = Peer::at(address).await;
    let serving = async {
        let mut session = peer.welcome().await;
        let asked = session.next().await;
        session.reply(&asked, &Reply::Stored).await;
        session
    };
    let (stored, _session) = tokio::join!(request, serving);
    stored.unwrap();
}

#[tokio::test]
async fn a_request_that_waits_in_vain_says_why_and_that_it_was_not_sent() {
    let client = options(vacant().await).request_timeout(Duration::from_millis(200)).start();
    let error = within("it times out", client.put_int("a", 1)).await.unwrap_err();
    assert!(matches!(&error, Error::NotSent { problem: Some(ConnectError::Io { .. }), .. }), "{error:?}");
    assert!(error.is_retryable() && !error.is_outcome_unknown());
}

#[tokio::test]
async fn a_request_that_timed_out_unsent_is_never_sent() {
    let address = vacant().await;
    let client = options(address).request_timeout(Duration::from_secs(1)).start();
    within("it times out", client.put_int("old", 1)).await.unwrap_err();
    let peer = Peer::at(address).await;
    let mut session = peer.welcome().await;
    let serving = async {
        let asked = session.next().await;
        session.reply(&asked, &Reply::Stored).await;
        asked.key().to_string()
    };
    let (stored, key) = tokio::join!(client.put_int("new", 1), serving);
    stored.unwrap();
    assert_eq!(key, "new");
}

#[tokio::test]
async fn requests_do_not_wait_for_what_is_hopeless_and_each_makes_another_attempt() {
    let peer = Peer::new().await;
    let client = peer.options().start();
    for _ in 0..2 {
        let refusing = async {
            let mut session = peer.accept().await;
            session.greet(ServerPreface { status: PrefaceStatus::Version, version: 2, ..welcome() }).await;
        };
        let (pinged, ()) = tokio::join!(client.ping(), refusing);
        assert!(matches!(pinged, Err(Error::Connect(ConnectError::Version { server: 2 }))), "{pinged:?}");
    }
    let serving = async {
        let mut session = peer.welcome().await;
        let asked = session.next().await;
        session.reply(&asked, &Reply::Stored).await;
        session
    };
    let (pinged, _session) = tokio::join!(client.ping(), serving);
    pinged.unwrap();
}

#[tokio::test]
async fn the_token_is_shown_when_the_server_asks_for_it() {
    let peer = Peer::new().await;
    let serving = async {
        let mut session = peer.accept().await;
        session.greet(ServerPreface { auth_required: true, ..welcome() }).await;
        let asked = session.next().await;
        assert_eq!(asked.frame().request, Request::Auth("secret"));
        assert!(!session.has_more(), "nothing is sent before the token is accepted");
        let mut done = Vec::new();
        encode_done(&mut done, asked.id());
        session.write(&done).await;
        session
    };
    let (client, mut session) = tokio::join!(peer.options().token("secret").connect(), serving);
    let client = client.unwrap();
    let (stored, ()) = tokio::join!(client.put_int("a", 1), async {
        let asked = session.next().await;
        session.reply(&asked, &Reply::Stored).await;
    });
    stored.unwrap();
}

#[tokio::test]
async fn a_token_is_not_shown_to_a_server_that_does_not_ask() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.client(peer.options().token("secret")).await;
    let mut request = std::pin::pin!(client.put_int("a", 1));
    assert!(poll_once(&mut request).await.is_none());
    assert_eq!(session.next().await.key(), "a");
}

#[tokio::test]
async fn without_the_right_token_there_is_no_connection() {
    let peer = Peer::new().await;
    let asking = async {
        let mut session = peer.accept().await;
        session.greet(ServerPreface { auth_required: true, ..welcome() }).await;
        session
    };
    let (client, session) = tokio::join!(peer.options().connect(), asking);
    assert!(matches!(client, Err(Error::Connect(ConnectError::TokenRequired))), "{client:?}");
    session.ended().await;

    for (code, permanent) in [(ErrorCode::Unauthenticated, true), (ErrorCode::Busy, false)] {
        let refusing = async {
            let mut session = peer.accept().await;
            session.greet(ServerPreface { auth_required: true, ..welcome() }).await;
            let asked = session.next().await;
            let mut refusal = Vec::new();
            encode_error(&mut refusal, asked.id(), code, "no");
            session.write(&refusal).await;
        };
        let (client, ()) = tokio::join!(peer.options().token("wrong").connect(), refusing);
        match client {
            Err(Error::Connect(error)) => assert_eq!(error.is_permanent(), permanent, "{error:?}"),
            other => panic!("{other:?}"),
        }
    }
}
