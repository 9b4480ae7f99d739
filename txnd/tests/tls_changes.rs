//! What a change of certificates does to a running server, and what its limits do to too many clients.

mod tls_server;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use testkit::pki::{Ca, DEADLINE, HOUR, Spec, install};
use tls_server::{Log, Server, echoes, ended, welcomed};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use txnd::tls::{Clock, Limits, watch_expiry};

#[tokio::test]
async fn replaced_certificates_end_the_connections_of_before() {
    let (ca, next) = (Ca::new("CA"), Ca::new("next CA"));
    let server = Server::start(&ca).await;
    let client = ca.issue(&Spec::default());
    let mut stream = server.connect(&ca, &client).await.unwrap();
    welcomed(&mut stream).await;
    assert!(!server.acceptor.reload().await.unwrap(), "nothing has changed");
    echoes(&mut stream).await.unwrap();

    install(server.folder.path(), "txnd", &next, &next.issue(&Spec::server()));
    assert!(server.acceptor.reload().await.unwrap());
    ended(&mut stream).await;
    server.connect(&next, &next.issue(&Spec::default())).await.unwrap();
    let (_, line) = server.refused(&next, &client).await;
    assert!(line.contains("other_ca"), "{line}");
}

#[tokio::test]
async fn files_that_cannot_be_used_change_nothing() {
    let ca = Ca::new("CA");
    let server = Server::start(&ca).await;
    let mut stream = server.connect(&ca, &ca.issue(&Spec::default())).await.unwrap();
    welcomed(&mut stream).await;

    std::fs::write(&server.files.key, ca.issue(&Spec::server()).key).unwrap();
    let error = server.acceptor.reload().await.unwrap_err().to_string();
    assert!(error.contains("does not belong to the certificate"), "{error}");
    // The watch reports it, once, and the connection lives on.
    let line = server.log.line("those of before stay in use").await;
    assert!(line.contains(&server.files.key.display().to_string()), "{line}");
    echoes(&mut stream).await.unwrap();
    server.connect(&ca, &ca.issue(&Spec::default())).await.unwrap();
}

#[tokio::test]
async fn a_revoked_client_is_cut_off_without_anyone_asking() {
    let ca = Ca::new("CA");
    let server = Server::start_with(&ca, Some(ca.revoke(&[], HOUR)), Limits::default()).await;
    let client = ca.issue(&Spec { serial: 77, ..Spec::default() });
    let mut stream = server.connect(&ca, &client).await.unwrap();
    welcomed(&mut stream).await;
    echoes(&mut stream).await.unwrap();

    std::fs::write(server.files.crl.as_ref().unwrap(), ca.revoke(&[77], HOUR)).unwrap();
    ended(&mut stream).await;
    let (error, line) = server.refused(&ca, &client).await;
    assert!(line.contains("is revoked") && error.contains("it is revoked"), "{line} {error}");
    server.connect(&ca, &ca.issue(&Spec::default())).await.unwrap();
}

#[tokio::test]
async fn a_revocation_list_must_cover_everyone_and_be_of_today() {
    let (ca, other) = (Ca::new("CA"), Ca::new("other CA"));
    let server = Server::start_with(&ca, Some(other.revoke(&[], HOUR)), Limits::default()).await;
    let (_, line) = server.refused(&ca, &ca.issue(&Spec::default())).await;
    assert!(line.contains("revocation_unknown"), "{line}");

    std::fs::write(server.files.crl.as_ref().unwrap(), ca.revoke(&[], -60)).unwrap();
    let error = server.acceptor.reload().await.unwrap_err().to_string();
    assert!(error.contains("crl.pem cannot be used: a newer list was due on 20"), "{error}");
}

/// A clock that a test steps, and how far it is ahead, in seconds.
fn stepped_clock() -> (Clock, Arc<AtomicI64>) {
    let ahead = Arc::new(AtomicI64::new(0));
    let of_clock = Arc::clone(&ahead);
    let clock = move || SystemTime::now() + Duration::from_secs(of_clock.load(Ordering::SeqCst).unsigned_abs());
    (Arc::new(clock), ahead)
}

const DAY: i64 = 24 * HOUR;

/// Steps the clock from 35 days before the end of `file` to two days behind it, and waits for each line.
async fn expires(log: &Log, ahead: &AtomicI64, file: &str) {
    // The CA of these tests ends within a day; its line was due at the first look.
    log.line("the CA in").await;
    assert!(!log.rest().contains(file), "it is early");
    for (days, line) in
        [(5, "expires on"), (28, "expires on"), (34, "expires on"), (35, "expired on"), (36, "expired on")]
    {
        ahead.store(days * DAY + HOUR, Ordering::SeqCst);
        let line = log.line(&format!("{file} {}{line}", if line == "expired on" { "has " } else { "" })).await;
        assert!(line.contains("txnd certs DIR --renew"), "{line}");
        assert!(!log.rest().contains(file), "once");
    }
}

#[tokio::test]
async fn a_server_warns_in_time_and_again_of_what_expires_while_it_runs() {
    let ca = Ca::new("CA");
    let (clock, ahead) = stepped_clock();
    let shown = Spec { to: 35 * DAY, ..Spec::server() };
    let server = Server::start_as(&ca, &shown, None, Limits::default(), clock).await;
    expires(&server.log, &ahead, "txnd.pem").await;

    // A renewed one is taken up by itself, and begins anew.
    let renewed = Spec { to: 100 * DAY, ..Spec::server() };
    install(server.folder.path(), "txnd", &ca, &ca.issue(&renewed));
    server.log.line("certificates in use").await;
    ahead.store(71 * DAY, Ordering::SeqCst);
    server.log.line("txnd.pem expires on").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_warns_in_time_and_again_of_what_expires_while_it_runs() {
    let ca = Ca::new("CA");
    let (clock, ahead) = stepped_clock();
    let log = Log::start();
    let folder = tempfile::tempdir().unwrap();
    let files = install(folder.path(), "kvs", &ca, &ca.issue(&Spec { to: 35 * DAY, ..Spec::default() }));
    watch_expiry(files, clock).await;
    expires(&log, &ahead, "kvs.pem").await;
}

#[tokio::test]
async fn a_revocation_list_that_expires_while_it_is_in_use_is_warned_about() {
    let ca = Ca::new("CA");
    let (clock, ahead) = stepped_clock();
    let list = ca.revoke(&[], 5 * DAY);
    let server = Server::start_as(&ca, &Spec::server(), Some(list), Limits::default(), clock).await;
    server.log.line("the CA in").await;
    assert!(!server.log.rest().contains("revocation list"), "a list for some days has time until its last day");
    ahead.store(4 * DAY + HOUR, Ordering::SeqCst);
    server.log.line("crl.pem expires on").await;
    ahead.store(5 * DAY + HOUR, Ordering::SeqCst);
    server.log.line("crl.pem has expired on").await;
}

#[tokio::test]
async fn connections_are_limited() {
    let ca = Ca::new("CA");
    let limits = Limits { connections: 1, ..Limits::default() };
    let server = Server::start_with(&ca, None, limits).await;
    let client = ca.issue(&Spec::default());
    let mut first = server.connect(&ca, &client).await.unwrap();
    welcomed(&mut first).await;
    server.connect(&ca, &client).await.unwrap_err();
    let line = server.refusal().await;
    assert!(line.contains("1 connections are open"), "{line}");
    echoes(&mut first).await.unwrap();
    drop(first);
    let deadline = Instant::now() + DEADLINE;
    while server.connect(&ca, &client).await.is_err() {
        assert!(Instant::now() < deadline, "the place of a closed connection is free again");
    }
}

#[tokio::test]
async fn silent_strangers_do_not_keep_a_writer_out() {
    let ca = Ca::new("CA");
    let limits = Limits { handshakes: 4, handshake_time: DEADLINE * 2, ..Limits::default() };
    let server = Server::start_with(&ca, None, limits).await;
    let mut strangers = Vec::new();
    for _ in 0..8 {
        strangers.push(TcpStream::connect(server.address).await.unwrap());
    }
    let connected = timeout(DEADLINE, server.connect(&ca, &ca.issue(&Spec::default()))).await;
    connected.expect("room is made").unwrap();
}

#[tokio::test]
async fn the_stream_ends_at_shutdown() {
    let ca = Ca::new("CA");
    let mut server = Server::start(&ca).await;
    server.stop.cancel();
    assert!(timeout(DEADLINE, server.peers.recv()).await.unwrap().is_none());
    assert!(TcpStream::connect(server.address).await.is_err());
}
