//! TLS over real sockets: who is let in, who is not and why, and what a change of certificates does.

mod pki;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pki::{Ca, DEADLINE, HOUR, Issued, Spec, install};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, HandshakeKind, RootCertStore};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;
use tracing::subscriber::DefaultGuard;
use txnd::tls::{Acceptor, ClientStream, Limits, Peer, Timeouts, TlsFiles, connect, connect_to_self, incoming};

/// What the server says first, in the place of HTTP/2's settings.
const WELCOME: &[u8] = b"welcome";

/// A server that welcomes its clients and repeats what they say.
struct Server {
    address: SocketAddr,
    acceptor: Arc<Acceptor>,
    peers: mpsc::UnboundedReceiver<Peer>,
    stop: CancellationToken,
    folder: TempDir,
    files: TlsFiles,
    log: Log,
}

impl Server {
    async fn start(ca: &Ca) -> Self {
        Self::start_with(ca, None, Limits::default()).await
    }

    async fn start_with(ca: &Ca, crl: Option<String>, limits: Limits) -> Self {
        let log = Log::start();
        let folder = tempfile::tempdir().unwrap();
        let mut files = install(folder.path(), "txnd", ca, &ca.issue(&Spec::server()));
        if let Some(crl) = crl {
            let path = folder.path().join("crl.pem");
            std::fs::write(&path, crl).unwrap();
            files.crl = Some(path);
        }
        let acceptor = Arc::new(Acceptor::new(files.clone(), vec!["kvs".into()]).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let mut connections = incoming(listener, Arc::clone(&acceptor), limits, stop.clone());
        let (sender, peers) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(connection) = connections.next().await {
                let mut connection = connection.unwrap();
                let _ = sender.send(connection.peer().clone());
                tokio::spawn(async move {
                    connection.write_all(WELCOME).await?;
                    connection.flush().await?;
                    let mut buffer = [0; 64];
                    loop {
                        match connection.read(&mut buffer).await? {
                            0 => return Ok::<_, io::Error>(()),
                            read => connection.write_all(&buffer[..read]).await?,
                        }
                        connection.flush().await?;
                    }
                });
            }
        });
        Self { address, acceptor, peers, stop, folder, files, log }
    }

    fn authority(&self) -> String {
        self.address.to_string()
    }

    async fn connect(&self, ca: &Ca, issued: &Issued) -> io::Result<ClientStream<TcpStream>> {
        let folder = tempfile::tempdir().unwrap();
        connect(&install(folder.path(), "kvs", ca, issued), &self.authority(), Timeouts::default()).await
    }

    async fn peer(&mut self) -> Peer {
        timeout(DEADLINE, self.peers.recv()).await.unwrap().unwrap()
    }

    /// Connects with an odd certificate of `signer`; returns the client's error and the server's log line.
    async fn refused(&self, ca: &Ca, issued: &Issued) -> (String, String) {
        let folder = tempfile::tempdir().unwrap();
        let files = install(folder.path(), "kvs", ca, issued);
        let error = connect(&files, &self.authority(), Timeouts::default()).await.unwrap_err();
        (error.to_string(), self.refusal().await)
    }

    /// The line about a refused connection.
    async fn refusal(&self) -> String {
        self.log.line("a connection was refused").await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn echoes(stream: &mut ClientStream<TcpStream>) -> io::Result<()> {
    let mut answer = [0; 4];
    stream.write_all(b"ping").await?;
    stream.flush().await?;
    stream.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"ping");
    Ok(())
}

async fn welcomed(stream: &mut ClientStream<TcpStream>) {
    let mut welcome = [0; WELCOME.len()];
    timeout(DEADLINE, stream.read_exact(&mut welcome)).await.unwrap().unwrap();
    assert_eq!(welcome, WELCOME);
}

/// Waits until the server has ended this connection.
async fn ended(stream: &mut ClientStream<TcpStream>) {
    let mut buffer = [0; 64];
    while let Ok(1..) = timeout(DEADLINE, stream.read(&mut buffer)).await.expect("the connection is ended") {}
}

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

/// What was logged by one test. Each has a thread of its own.
struct Log {
    text: Text,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<String>>);

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn start() -> Self {
        let text = Text::default();
        let writer = text.clone();
        let subscriber =
            tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish();
        Self { text, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// Waits until a line that is `wanted` is there, and removes everything up to it.
    async fn line(&self, wanted: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            {
                let mut text = self.text.0.lock().unwrap();
                if let Some(line) = text.lines().find(|line| line.contains(wanted)).map(String::from) {
                    text.clear();
                    return line;
                }
                assert!(Instant::now() < deadline, "{wanted:?} was not logged, but {text}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
