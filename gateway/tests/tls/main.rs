//! TLS with clients, over REST and frames: real kvs processes, and clients with certificates of every kind.

#[path = "../frame_client/mod.rs"]
mod frame_client;
#[path = "../harness/mod.rs"]
mod harness;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use frame_client::{auth, get, put_str};
use harness::{DEADLINE, Kvs, NotStarted, folder, output, request_bytes};
use proto::ValueType;
use proto::frame::{Answer, ClientPreface, ErrorCode, ReplyFrame, ServerPreface};
use rcgen::ExtendedKeyUsagePurpose;
use tempfile::TempDir;
use testkit::pki::{Ca, HOUR, Issued, Spec, now};
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

static ONLY_TLS12: &[&SupportedProtocolVersion] = &[&TLS12];
static ONLY_TLS13: &[&SupportedProtocolVersion] = &[&TLS13];

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A CA, and the files of a server in a folder.
struct Site {
    ca: Ca,
    folder: TempDir,
}

impl Site {
    fn new() -> Self {
        let site = Self { ca: Ca::new("clients"), folder: folder() };
        site.write("ca.pem", &site.ca.pem);
        site.install(&server(1));
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file at once, as a careful operator does.
    fn write(&self, name: &str, text: &str) {
        let new = self.path("new");
        std::fs::write(&new, text).expect("a file");
        std::fs::rename(new, self.path(name)).expect("a file");
    }

    /// Gives the server a certificate.
    fn install(&self, spec: &Spec) {
        let Issued { pem, key } = self.ca.issue(spec);
        self.write("server.pem", &pem);
        self.write("server.key", &key);
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Kvs::program();
        command.args(["--http-addr", "127.0.0.1:0", "--log", "off"]).current_dir(self.folder.path());
        command.args(["--server-cert", "server.pem", "--server-key", "server.key"]).args(args);
        command
    }

    fn serve(&self, args: &[&str]) -> Kvs {
        Kvs::try_start(&mut self.command(args)).unwrap_or_else(|e| panic!("kvs did not start: {e:?}"))
    }

    fn client(&self) -> Client {
        Client { ca: self.ca.pem.clone(), certificate: None, versions: ONLY_TLS13, protocol: None }
    }
}

fn server(serial: u64) -> Spec {
    Spec {
        names: vec!["localhost", "127.0.0.1"],
        purposes: vec![ExtendedKeyUsagePurpose::ServerAuth],
        serial,
        ..Spec::default()
    }
}

/// How a client connects.
#[derive(Clone)]
struct Client {
    /// Whom it trusts (PEM).
    ca: String,
    certificate: Option<Arc<Issued>>,
    versions: &'static [&'static SupportedProtocolVersion],
    protocol: Option<&'static [u8]>,
}

impl Client {
    fn with(&self, issued: Issued) -> Self {
        Self { certificate: Some(Arc::new(issued)), ..self.clone() }
    }

    /// Connects, and completes the handshake.
    fn connect(&self, address: SocketAddr) -> std::io::Result<Stream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.ca.as_bytes()).expect("a CA")).expect("a CA");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(self.versions)
            .expect("versions")
            .with_root_certificates(roots);
        let mut config = match &self.certificate {
            None => builder.with_no_client_auth(),
            Some(issued) => {
                let certificate = CertificateDer::from_pem_slice(issued.pem.as_bytes()).expect("a certificate");
                let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("a key");
                builder.with_client_auth_cert(vec![certificate], key).expect("they belong together")
            }
        };
        config.alpn_protocols = self.protocol.iter().map(|protocol| protocol.to_vec()).collect();
        config.resumption = Resumption::disabled();
        let tcp = TcpStream::connect(address)?;
        tcp.set_read_timeout(Some(DEADLINE))?;
        let name = ServerName::try_from("localhost").expect("a name");
        let mut stream =
            StreamOwned::new(ClientConnection::new(Arc::new(config), name).map_err(std::io::Error::other)?, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }
}

/// Sends a request and reads the response: its status and body.
fn exchange(
    stream: &mut Stream,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &[u8],
) -> std::io::Result<(u16, Vec<u8>)> {
    let header = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<(&str, &str)> = header.iter().map(|value| ("Authorization", value.as_str())).collect();
    stream.write_all(&request_bytes(method, path, &headers, body))?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).expect("a head is text").to_lowercase();
    let field = |name: &str| head.split_once(&format!("{name}: ")).and_then(|(_, rest)| rest.split("\r\n").next());
    let mut body = vec![0; field("content-length").map_or(0, |length| length.parse().expect("a length"))];
    stream.read_exact(&mut body)?;
    Ok((head[9..12].parse().expect("a status"), body))
}

/// A frame connection after its preface.
fn frames(client: &Client, kvs: &Kvs) -> std::io::Result<(Stream, ServerPreface)> {
    let mut stream = client.connect(kvs.frame_addr)?;
    stream.write_all(&ClientPreface::current().encode())?;
    let mut preface = [0; ServerPreface::BYTES];
    stream.read_exact(&mut preface)?;
    Ok((stream, ServerPreface::decode(preface).expect("a preface")))
}

/// The bytes of one reply.
fn reply(stream: &mut Stream) -> std::io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    stream.read_exact(&mut frame)?;
    frame.resize(u32::from_le_bytes(frame[..].try_into().expect("4 bytes")) as usize, 0);
    stream.read_exact(&mut frame[4..])?;
    Ok(frame)
}

fn error_of(frame: &[u8]) -> Option<ErrorCode> {
    match ReplyFrame::decode(frame).expect("a reply").answer {
        Answer::Refused { code, .. } => Some(code),
        _ => None,
    }
}

/// Whether the server has closed the connection, within a deadline.
fn is_closed(stream: &mut Stream) -> bool {
    matches!(stream.read(&mut [0; 64]), Ok(0)) || stream.sock.read(&mut [0]).is_ok_and(|read| read == 0)
}

#[test]
fn rest_and_frames_are_served_over_tls_and_only_so() {
    let site = Site::new();
    let kvs = site.serve(&[]);
    let text = "long text, ".repeat(500_000);
    for protocol in [None, Some(&b"http/1.1"[..])] {
        let mut stream = Client { protocol, ..site.client() }.connect(kvs.addr).expect("a handshake");
        assert_eq!(stream.conn.alpn_protocol(), protocol);
        let put = exchange(&mut stream, "PUT", "str-put/long", None, text.as_bytes()).expect("an answer");
        assert_eq!(put, (200, Vec::new()));
        let got = exchange(&mut stream, "GET", "str-get/long", None, b"").expect("an answer");
        assert!(got == (200, text.clone().into_bytes()));
    }
    for protocol in [None, Some(&b"kvs-frames"[..])] {
        let (mut stream, _) = frames(&Client { protocol, ..site.client() }, &kvs).expect("a handshake");
        // Many at once, and one that is large.
        let run: Vec<u8> = (0..1000).flat_map(|id| put_str(id, &format!("key {id}"), "value")).collect();
        stream
            .write_all(&[&run[..], &get(1000, ValueType::Str, "long"), &get(1001, ValueType::Str, "key 7")].concat())
            .expect("kvs reads");
        for id in 0..1000 {
            let frame = reply(&mut stream).expect("a reply");
            let decoded = ReplyFrame::decode(&frame).expect("a reply");
            assert_eq!((decoded.id, decoded.answer), (id, Answer::Done));
        }
        assert!(reply(&mut stream).expect("a reply").ends_with(text.as_bytes()));
        assert!(reply(&mut stream).expect("a reply").ends_with(b"value"));
    }
    assert!(Client { protocol: Some(b"h2"), ..site.client() }.connect(kvs.addr).is_err());
    assert!(Client { protocol: Some(b"http/1.1"), ..site.client() }.connect(kvs.frame_addr).is_err());
    // Who speaks without TLS gets no answer that makes sense, and nothing is stored.
    for address in [kvs.addr, kvs.frame_addr] {
        let mut plain = TcpStream::connect(address).expect("kvs accepts");
        plain.set_read_timeout(Some(DEADLINE)).expect("a socket");
        plain.write_all(&request_bytes("PUT", "str-put/plain", &[], b"x")).expect("kvs reads");
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP") && !answer.starts_with(b"KVSF"), "{answer:?}");
    }
    let mut stream = site.client().connect(kvs.addr).expect("a handshake");
    assert_eq!(exchange(&mut stream, "GET", "str-get/plain", None, b"").expect("an answer").0, 404);
    let (status, diagnostics) = kvs.stop();
    assert!(status.success() && !diagnostics.contains("panicked"), "{diagnostics}");
}

#[test]
fn tls_1_2_is_spoken_on_request() {
    let site = Site::new();
    let old = Client { versions: ONLY_TLS12, ..site.client() };
    let kvs = site.serve(&[]);
    assert!(old.connect(kvs.addr).is_err() && old.connect(kvs.frame_addr).is_err());
    let kvs = site.serve(&["--tls-min", "1.2"]);
    for client in [&old, &site.client()] {
        let mut stream = client.connect(kvs.addr).expect("a handshake");
        assert_eq!(exchange(&mut stream, "GET", "str-get/k", None, b"").expect("an answer").0, 404);
        assert!(frames(client, &kvs).is_ok());
    }
}

#[test]
fn certificates_of_clients_are_identities() {
    let site = Site::new();
    let identities = site.path("identities.toml");
    let token = |args: &[&str]| {
        let file = identities.to_str().expect("a path");
        let (code, said) = output(&mut Kvs::tool(&[&["token", "new"], args, &["--identities", file]].concat()));
        assert_eq!(code, Some(0), "{said}");
        said.trim_end().to_string()
    };
    token(&["reader", "--scope", "read", "--certificate", "reader.example"]);
    let writer = token(&["writer", "--scope", "read,write"]);
    let kvs = site.serve(&["--client-ca", "ca.pem", "--identities", "identities.toml"]);
    let of = |name: &'static str| site.client().with(site.ca.issue(&Spec { names: vec![name], ..Spec::default() }));
    let (reader, unknown, none) = (of("reader.example"), of("other.example"), site.client());
    for (client, token, put, got) in [
        (&reader, None, 403, 404),
        (&reader, Some(writer.as_str()), 200, 200),
        (&reader, Some("wrong"), 401, 401),
        (&reader, None, 403, 200),
        (&unknown, None, 401, 401),
        (&unknown, Some(&writer), 200, 200),
        (&none, None, 401, 401),
        (&none, Some(&writer), 200, 200),
    ] {
        let mut stream = client.connect(kvs.addr).expect("a handshake");
        let statuses = [("PUT", "str-put/k", &b"v"[..]), ("GET", "str-get/k", b"")]
            .map(|(method, path, body)| exchange(&mut stream, method, path, token, body).expect("an answer").0);
        assert_eq!(statuses, [put, got], "{:?} {token:?}", client.certificate.is_some());
    }
    let (mut stream, preface) = frames(&reader, &kvs).expect("a handshake");
    assert!(!preface.auth_required, "the certificate says who it is");
    stream
        .write_all(
            &[get(1, ValueType::Str, "k"), put_str(2, "k", "w"), auth(3, &writer), put_str(4, "k", "w")].concat(),
        )
        .expect("kvs reads");
    let codes: Vec<_> = (0..4).map(|_| error_of(&reply(&mut stream).expect("a reply"))).collect();
    assert_eq!(codes, [None, Some(ErrorCode::Forbidden), None, None]);
    let (_, preface) = frames(&unknown, &kvs).expect("a handshake");
    assert!(preface.auth_required);
}

#[test]
fn a_certificate_can_be_asked_for_and_revoked() {
    let site = Site::new();
    site.write("crl.pem", &site.ca.revoke(&[99], HOUR));
    let kvs = site.serve(&["--client-ca", "ca.pem", "--client-crl", "crl.pem", "--require-client-cert"]);
    let other_ca = Ca::new("others");
    let good = site.client().with(site.ca.issue(&Spec { serial: 7, ..Spec::default() }));
    let refused = [
        site.client(),
        site.client().with(other_ca.issue(&Spec::default())),
        site.client().with(site.ca.issue(&Spec { to: -1, ..Spec::default() })),
        site.client().with(site.ca.issue(&Spec { serial: 99, ..Spec::default() })),
        site.client().with(site.ca.issue(&server(8))),
    ];
    for client in &refused {
        // In TLS 1.3 the client's handshake may be complete before the server refuses its certificate.
        let served =
            client.connect(kvs.addr).and_then(|mut stream| exchange(&mut stream, "GET", "str-get/k", None, b""));
        assert!(served.is_err(), "{served:?}");
        assert!(frames(client, &kvs).is_err());
    }
    let mut over_rest = good.connect(kvs.addr).expect("a handshake");
    let (mut over_frames, _) = frames(&good, &kvs).expect("a handshake");
    assert_eq!(exchange(&mut over_rest, "PUT", "str-put/k", None, b"v").expect("an answer").0, 200);
    let revoked_at = now();
    site.write("crl.pem", &site.ca.revoke(&[7, 99], HOUR));
    assert!(is_closed(&mut over_frames) && is_closed(&mut over_rest));
    assert!(now() - revoked_at < 10);
    let again = good.connect(kvs.addr).and_then(|mut stream| exchange(&mut stream, "GET", "str-get/k", None, b""));
    assert!(again.is_err());
    let other = site.client().with(site.ca.issue(&Spec { serial: 8, ..Spec::default() }));
    let mut stream = other.connect(kvs.addr).expect("a handshake");
    assert_eq!(exchange(&mut stream, "GET", "str-get/k", None, b"").expect("an answer").1, b"v");
}

#[test]
fn a_new_certificate_is_used_without_a_restart() {
    let site = Site::new();
    let kvs = site.serve(&[]);
    let serial = |stream: &Stream| {
        let certificate = &stream.conn.peer_certificates().expect("a certificate")[0];
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).expect("a certificate");
        parsed.raw_serial_as_string()
    };
    let mut before = site.client().connect(kvs.addr).expect("a handshake");
    assert_eq!(serial(&before), "01");
    site.install(&server(2));
    let began = Instant::now();
    loop {
        match site.client().connect(kvs.addr) {
            Ok(stream) if serial(&stream) == "02" => break,
            _ => assert!(began.elapsed() < DEADLINE, "the new certificate is not used"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    // A renewal is no reason to disconnect anybody.
    assert_eq!(exchange(&mut before, "GET", "str-get/k", None, b"").expect("an answer").0, 404);
    // One that cannot be used is said, and changes nothing.
    site.write("server.pem", "no certificate");
    kvs.says(&["the changed certificates cannot be used", "server.pem"]);
    assert_eq!(serial(&site.client().connect(kvs.addr).expect("a handshake")), "02");
}

#[test]
fn a_client_that_does_not_complete_its_handshake_is_cut_off() {
    let site = Site::new();
    let kvs = site.serve(&["--request-timeout", "1s"]);
    for address in [kvs.addr, kvs.frame_addr] {
        for bytes in [&b""[..], b"\x16\x03\x01\x02\x00"] {
            let began = Instant::now();
            let mut silent = TcpStream::connect(address).expect("kvs accepts");
            silent.set_read_timeout(Some(DEADLINE)).expect("a socket");
            silent.write_all(bytes).expect("kvs reads");
            assert!(matches!(silent.read(&mut [0]), Ok(0) | Err(_)));
            assert!((Duration::from_millis(700)..Duration::from_secs(5)).contains(&began.elapsed()));
        }
    }
}

#[test]
fn what_cannot_be_used_is_said_at_the_start() {
    let site = Site::new();
    let refused = |args: &[&str]| -> NotStarted {
        Kvs::try_start(&mut site.command(args)).err().unwrap_or_else(|| panic!("kvs has started with {args:?}"))
    };
    let said = |args: &[&str], word: &str| {
        let refused = refused(args);
        assert_eq!(refused.status.code(), Some(2), "{}", refused.diagnostics);
        assert!(refused.diagnostics.contains(word), "{word}: {}", refused.diagnostics);
    };
    said(&["--require-client-cert"], "--client-ca");
    said(&["--client-ca", "missing.pem"], "cannot read missing.pem");
    site.write("server.key", &site.ca.issue(&server(3)).key);
    said(&[], "does not belong to the certificate");
    site.install(&Spec { to: -1, ..server(4) });
    said(&[], "has expired");
    std::fs::remove_file(site.path("server.pem")).expect("a file");
    said(&[], "cannot read server.pem");
    let alone = Kvs::try_start(Kvs::program().args(["--server-cert", "server.pem"]).current_dir(site.folder.path()));
    assert!(alone.is_err_and(|e| e.diagnostics.contains("--server-key")));
}

#[test]
fn kvs_makes_a_first_set_of_certificates() {
    let folder = folder();
    let dir = folder.path().join("tls");
    let (code, said) =
        output(&mut Kvs::tool(&["certs", dir.to_str().expect("a path"), "--server-name", "kvs.example"]));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("server.pem") && said.contains("client.key"), "{said}");
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).expect("a file");
    let start = |args: &[&str]| {
        let mut command = Kvs::program();
        command.args([
            "--http-addr",
            "127.0.0.1:0",
            "--log",
            "off",
            "--server-cert",
            "server.pem",
            "--server-key",
            "server.key",
        ]);
        Kvs::try_start(command.args(args).current_dir(Path::new(&dir))).unwrap_or_else(|e| panic!("{e:?}"))
    };
    let kvs = start(&["--client-ca", "ca.pem", "--require-client-cert"]);
    let none = Client { ca: read("ca.pem"), certificate: None, versions: ONLY_TLS13, protocol: None };
    let some = none.with(Issued { pem: read("client.pem"), key: read("client.key") });
    let hello = |client: &Client| exchange(&mut client.connect(kvs.addr)?, "POST", "hello", None, b"");
    assert_eq!(hello(&some).expect("an answer").0, 200);
    assert!(hello(&none).is_err());
    // Health is asked without TLS, at the operator's listener.
    let admin = kvs.admin_addr.expect("it listens").to_string();
    let health = |admin: &str| {
        let args = ["--server-cert", "server.pem", "--server-key", "server.key", "--admin-addr", admin, "health"];
        output(Kvs::tool(&args).current_dir(&dir))
    };
    assert_eq!(health(&admin), (Some(0), String::new()));
    assert_eq!(health("off").0, Some(1));
    assert!(read("ca.key").contains("PRIVATE KEY"));
}
