//! TLS over real sockets: who is let in, who is not, and what both sides say about it.

mod tls_server;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use testkit::pki::{Ca, DEADLINE, HOUR, Issued, Spec, install};
use tls_server::{Server, echoes, ended, welcomed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, HandshakeKind, RootCertStore};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use txnd::tls::{Acceptor, ClientStream, Limits, Timeouts, TlsFiles, connect, connect_to_self, system_clock};

#[tokio::test]
async fn both_sides_come_together_when_their_certificates_are_good() {
    let ca = Ca::new("CA");
    let mut server = Server::start(&ca).await;
    let mut stream = server.connect(&ca, &ca.issue(&Spec::default())).await.unwrap();
    welcomed(&mut stream).await;
    echoes(&mut stream).await.unwrap();
    let peer = server.peer().await;
    assert_eq!((peer.name.as_str(), peer.may_write), ("kvs", true));
    assert_eq!(peer.address, stream.get_ref().0.local_addr().unwrap());
}

#[tokio::test]
async fn the_servers_own_certificate_may_not_write() {
    let ca = Ca::new("CA");
    let mut server = Server::start(&ca).await;
    connect_to_self(&server.files, &server.authority(), Timeouts::default()).await.unwrap();
    let peer = server.peer().await;
    assert_eq!((peer.name.as_str(), peer.may_write), ("txnd", false));
    // Another certificate with the same names is not the server's own.
    let (error, line) = server.refused(&ca, &ca.issue(&Spec::server())).await;
    assert!(line.contains(r#"\"txnd\", \"localhost\", expected \"kvs\""#), "{line}");
    assert!(error.contains("its name or its key usage is not accepted"), "{error}");
}

/// Whatever the server's certificate is good for, the probe expects just that.
#[tokio::test]
async fn a_probe_with_the_servers_own_certificate_knows_what_it_asks_for() {
    let ca = Ca::new("CA");
    let for_servers = || vec![ExtendedKeyUsagePurpose::ServerAuth];
    let kinds = [
        ("a wildcard", Spec { names: vec!["*.kvs.example"], ..Spec::server() }),
        ("for servers only", Spec { purposes: for_servers(), ..Spec::server() }),
        ("an address", Spec { names: vec!["192.0.2.1"], ..Spec::server() }),
        ("for any purpose", Spec { purposes: vec![], ..Spec::server() }),
        ("both", Spec { names: vec!["*.kvs.example", "192.0.2.1"], purposes: for_servers(), ..Spec::server() }),
    ];
    for (what, shown) in kinds {
        let mut server = Server::start_as(&ca, &shown, None, Limits::default(), system_clock()).await;
        let connected = connect_to_self(&server.files, &server.authority(), Timeouts::default()).await;
        connected.unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(!server.peer().await.may_write, "{what}");
        // Nobody else gets in with a certificate of this kind.
        let folder = tempfile::tempdir().unwrap();
        let twin = install(folder.path(), "txnd", &ca, &ca.issue(&shown));
        connect_to_self(&twin, &server.authority(), Timeouts::default()).await.unwrap_err();
        let line = server.refusal().await;
        assert!(line.contains("extended key usage") || line.contains("expected \\\"kvs\\\""), "{what}: {line}");
    }
}

#[tokio::test]
async fn clients_with_odd_certificates_are_refused_and_both_sides_say_why() {
    let (ca, other, twin) = (Ca::new("CA"), Ca::new("other CA"), Ca::new("CA"));
    let server = Server::start_with(&ca, Some(ca.revoke(&[13], HOUR)), Limits::default()).await;
    let good = Spec::default;
    let cases = [
        (other.issue(&good()), "other_ca", "signed by another CA than", "it does not know its CA"),
        (twin.issue(&good()), "other_ca", "another CA of the same name", "another CA of the same name"),
        (ca.issue(&Spec { to: -60, ..good() }), "expired", "has expired on 20", "it has expired"),
        (ca.issue(&Spec { from: 60, ..good() }), "not_yet_valid", "is not yet valid, only from 20", "not yet valid"),
        (ca.issue(&Spec { serial: 13, ..good() }), "revoked", "is revoked", "it is revoked"),
        (
            ca.issue(&Spec { names: vec!["someone"], ..good() }),
            "name",
            r#"is for \"someone\", expected \"kvs\""#,
            "its name",
        ),
        (ca.issue(&Spec { names: vec!["*"], ..good() }), "name", r#"is for \"*\", expected"#, "its name"),
        (ca.issue(&Spec { names: vec![], ..good() }), "name", r#"carries no DNS name, expected \"kvs\""#, "its name"),
        (
            ca.issue(&Spec { usages: vec![KeyUsagePurpose::KeyAgreement], ..good() }),
            "key_usage",
            "digitalSignature",
            "key usage",
        ),
        (
            ca.issue(&Spec { purposes: vec![ExtendedKeyUsagePurpose::ServerAuth], ..good() }),
            "purpose",
            "extended key usage",
            "extended key usage",
        ),
    ];
    for (issued, reason, logged, told) in cases {
        let (error, line) = server.refused(&ca, &issued).await;
        assert!(line.contains(&format!(r#""reason":"{reason}""#)), "{reason}: {line}");
        assert!(line.contains(logged) && line.contains("WARN"), "{reason}: {line}");
        assert!(error.contains("it refused this side's certificate") && error.contains(told), "{reason}: {error}");
        assert!(error.contains(&server.authority()), "{error}");
        assert!(error.contains("/kvs.pem, `txnd certs DIR --renew` makes a new one"), "{error}");
    }
    // A certificate that says nothing about its key's usage is good.
    let silent = Spec { usages: vec![], ..good() };
    server.connect(&ca, &ca.issue(&silent)).await.unwrap();
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused() {
    let ca = Ca::new("CA");
    let server = Server::start(&ca).await;
    let mut stream = raw_client(&server, anonymous(&ca)).await.unwrap();
    let error = stream.read(&mut [0]).await.unwrap_err();
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
    let line = server.refusal().await;
    assert!(line.contains("no certificate was presented"), "{line}");
}

#[tokio::test]
async fn what_is_not_tls_is_refused() {
    let ca = Ca::new("CA");
    let limits = Limits { handshake_time: Duration::from_millis(300), ..Limits::default() };
    let server = Server::start_with(&ca, None, limits).await;
    for (said, reason) in [
        (&b"GET / HTTP/1.1\r\nHost: txnd\r\n\r\n"[..], "it does not speak TLS"),
        (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], "it does not speak TLS"),
        (&b"\x16\x03\x01"[..], "did not complete the handshake within 300ms"),
        (&b""[..], "did not complete the handshake within 300ms"),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(said).await.unwrap();
        timeout(DEADLINE, stream.read_to_end(&mut Vec::new())).await.expect("it is closed").ok();
        let line = server.refusal().await;
        assert!(line.contains(reason), "{said:?}: {line}");
    }
}

#[tokio::test]
async fn no_session_is_resumed() {
    let ca = Ca::new("CA");
    let server = Server::start(&ca).await;
    let issued = ca.issue(&Spec::default());
    let config = Arc::new(
        client_builder(&ca)
            .with_client_auth_cert(vec![certificate(&issued)], key(&issued))
            .expect("a good certificate"),
    );
    for _ in 0..3 {
        let mut stream = raw_client(&server, Arc::clone(&config)).await.unwrap();
        welcomed(&mut stream).await;
        echoes(&mut stream).await.unwrap();
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(stream.get_ref().1.tls13_tickets_received(), 0);
    }
}

#[tokio::test]
async fn a_client_says_what_is_wrong_with_the_server() {
    let (ca, other) = (Ca::new("CA"), Ca::new("other CA"));
    let client = ca.issue(&Spec::default());
    let good = Spec::server;
    for (issued, expected) in [
        (other.issue(&good()), "its certificate is signed by another CA than"),
        (ca.issue(&Spec { to: -60, ..good() }), "its certificate has expired on 20"),
        (ca.issue(&Spec { from: 60, ..good() }), "its certificate is not yet valid"),
        (ca.issue(&Spec { names: vec!["txnd"], ..good() }), r#"is for "txnd", expected "127.0.0.1""#),
        (
            ca.issue(&Spec { purposes: vec![ExtendedKeyUsagePurpose::ClientAuth], ..good() }),
            "not meant for this side of a connection",
        ),
    ] {
        let address = raw_server(&issued).await;
        let folder = tempfile::tempdir().unwrap();
        let files = install(folder.path(), "kvs", &ca, &client);
        let error = connect(&files, &address.to_string(), Timeouts::default()).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.starts_with(&format!("txnd at {address}: ")), "{error}");
    }
}

#[tokio::test]
async fn a_client_says_that_nobody_is_there() {
    let ca = Ca::new("CA");
    let folder = tempfile::tempdir().unwrap();
    let files = install(folder.path(), "kvs", &ca, &ca.issue(&Spec::default()));
    let timeouts = Timeouts { handshake: Duration::from_millis(200), ..Timeouts::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let error = connect(&files, &address, timeouts).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
    drop(listener);
    let error = connect(&files, &address, timeouts).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}

#[tokio::test]
async fn who_says_nothing_after_the_handshake_is_let_go() {
    let ca = Ca::new("CA");
    let limits = Limits { handshake_time: Duration::from_secs(1), ..Limits::default() };
    let server = Server::start_with(&ca, None, limits).await;
    let issued = ca.issue(&Spec::default());
    let (mut silent, mut talking) =
        (server.connect(&ca, &issued).await.unwrap(), server.connect(&ca, &issued).await.unwrap());
    for stream in [&mut silent, &mut talking] {
        welcomed(stream).await;
    }
    echoes(&mut talking).await.unwrap();
    ended(&mut silent).await;
    let line = server.refusal().await;
    assert!(line.contains("timeout") && line.contains("said nothing since its handshake"), "{line}");
    assert!(line.contains(&silent.get_ref().0.local_addr().unwrap().to_string()), "{line}");
    echoes(&mut talking).await.unwrap();
}

#[tokio::test]
async fn a_client_checks_revocation_too() {
    let ca = Ca::new("CA");
    let server = Server::start(&ca).await;
    let folder = tempfile::tempdir().unwrap();
    let mut files = install(folder.path(), "kvs", &ca, &ca.issue(&Spec::default()));
    let path = folder.path().join("crl.pem");
    std::fs::write(&path, ca.revoke(&[Spec::server().serial], HOUR)).unwrap();
    files.crl = Some(path);
    let error = connect(&files, &server.authority(), Timeouts::default()).await.unwrap_err().to_string();
    assert!(error.contains("its certificate is revoked"), "{error}");
}

#[test]
fn unusable_files_are_named() {
    let ca = Ca::new("CA");
    let folder = tempfile::tempdir().unwrap();
    let issued = ca.issue(&Spec::server());
    let start = || install(folder.path(), "txnd", &ca, &issued);
    let says = |files: &TlsFiles, parts: &[&str]| {
        let Err(error) = Acceptor::new(files.clone(), vec!["kvs".into()]) else { panic!("{parts:?}") };
        let error = error.to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    };
    let files = start();
    let path = |path: &Path| path.display().to_string();

    std::fs::remove_file(&files.ca).unwrap();
    says(&files, &["cannot read", &path(&files.ca), "txnd certs"]);
    start();
    std::fs::write(&files.cert, "no certificate").unwrap();
    says(&files, &[&path(&files.cert), "holds no certificate", "txnd certs"]);
    start();
    std::fs::write(&files.key, &issued.pem).unwrap();
    says(&files, &[&path(&files.key), "holds no private key"]);
    std::fs::write(&files.key, "-----BEGIN PRIVATE KEY-----\n%%%\n-----END PRIVATE KEY-----\n").unwrap();
    says(&files, &[&path(&files.key), "not in PEM form"]);
    std::fs::write(&files.key, ca.issue(&Spec::server()).key).unwrap();
    says(&files, &[&path(&files.key), "does not belong to", &path(&files.cert)]);
    start();
    std::fs::write(&files.cert, ca.issue(&Spec { to: -60, ..Spec::server() }).pem).unwrap();
    says(&files, &[&path(&files.cert), "has expired on 20"]);
    let crl = Some(folder.path().join("missing.pem"));
    says(&TlsFiles { crl, ..start() }, &["cannot read", "missing.pem"]);
}

// Clients and servers without the library's own checks.

fn certificate(issued: &Issued) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(issued.pem.as_bytes()).unwrap()
}

fn key(issued: &Issued) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap()
}

fn client_builder(ca: &Ca) -> rustls::ConfigBuilder<rustls::ClientConfig, rustls::client::WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(&Issued { pem: ca.pem.clone(), key: String::new() })).unwrap();
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
}

fn anonymous(ca: &Ca) -> Arc<rustls::ClientConfig> {
    Arc::new(client_builder(ca).with_no_client_auth())
}

async fn raw_client(server: &Server, config: Arc<rustls::ClientConfig>) -> io::Result<ClientStream<TcpStream>> {
    let stream = TcpStream::connect(server.address).await?;
    TlsConnector::from(config).connect(ServerName::try_from("txnd").unwrap(), stream).await
}

/// A TLS server that asks nothing of its clients.
async fn raw_server(issued: &Issued) -> SocketAddr {
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate(issued)], key(issued))
        .unwrap();
    config.alpn_protocols = vec![b"h2".into()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        drop(TlsAcceptor::from(Arc::new(config)).accept(stream).await);
    });
    address
}
