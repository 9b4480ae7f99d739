//! What the tests of TLS share: a server, clients, and what is logged.
#![allow(dead_code, unreachable_pub)] // Each test binary uses a part of this.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;
use tracing::subscriber::DefaultGuard;
use txnd::tls::{Acceptor, ClientStream, Clock, Limits, Peer, Timeouts, TlsFiles, connect, incoming, system_clock};

use testkit::pki::{Ca, DEADLINE, Issued, Spec, install};

/// What the server says first, in the place of HTTP/2's settings.
pub const WELCOME: &[u8] = b"welcome";

/// A server that welcomes its clients and repeats what they say.
pub struct Server {
    pub address: SocketAddr,
    pub acceptor: Arc<Acceptor>,
    pub peers: mpsc::UnboundedReceiver<Peer>,
    pub stop: CancellationToken,
    pub folder: TempDir,
    pub files: TlsFiles,
    pub log: Log,
}

impl Server {
    pub async fn start(ca: &Ca) -> Self {
        Self::start_with(ca, None, Limits::default()).await
    }

    pub async fn start_with(ca: &Ca, crl: Option<String>, limits: Limits) -> Self {
        Self::start_as(ca, &Spec::server(), crl, limits, system_clock()).await
    }

    /// A server that shows a certificate of its own kind, and goes by a clock of its own.
    pub async fn start_as(ca: &Ca, shown: &Spec, crl: Option<String>, limits: Limits, clock: Clock) -> Self {
        let log = Log::start();
        let folder = tempfile::tempdir().unwrap();
        let mut files = install(folder.path(), "txnd", ca, &ca.issue(shown));
        if let Some(crl) = crl {
            let path = folder.path().join("crl.pem");
            std::fs::write(&path, crl).unwrap();
            files.crl = Some(path);
        }
        let acceptor = Arc::new(Acceptor::with_clock(files.clone(), vec!["kvs".into()], clock).unwrap());
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

    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    pub async fn connect(&self, ca: &Ca, issued: &Issued) -> io::Result<ClientStream<TcpStream>> {
        let folder = tempfile::tempdir().unwrap();
        connect(&install(folder.path(), "kvs", ca, issued), &self.authority(), Timeouts::default()).await
    }

    pub async fn peer(&mut self) -> Peer {
        timeout(DEADLINE, self.peers.recv()).await.unwrap().unwrap()
    }

    /// Connects with an odd certificate of `signer`; returns the client's error and the server's log line.
    pub async fn refused(&self, ca: &Ca, issued: &Issued) -> (String, String) {
        let folder = tempfile::tempdir().unwrap();
        let files = install(folder.path(), "kvs", ca, issued);
        let error = connect(&files, &self.authority(), Timeouts::default()).await.unwrap_err();
        (error.to_string(), self.refusal().await)
    }

    /// The line about a refused connection.
    pub async fn refusal(&self) -> String {
        self.log.line("a connection was refused").await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub async fn echoes(stream: &mut ClientStream<TcpStream>) -> io::Result<()> {
    let mut answer = [0; 4];
    stream.write_all(b"ping").await?;
    stream.flush().await?;
    stream.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"ping");
    Ok(())
}

pub async fn welcomed(stream: &mut ClientStream<TcpStream>) {
    let mut welcome = [0; WELCOME.len()];
    timeout(DEADLINE, stream.read_exact(&mut welcome)).await.unwrap().unwrap();
    assert_eq!(welcome, WELCOME);
}

/// Waits until the server has ended this connection.
pub async fn ended(stream: &mut ClientStream<TcpStream>) {
    let mut buffer = [0; 64];
    while let Ok(1..) = timeout(DEADLINE, stream.read(&mut buffer)).await.expect("the connection is ended") {}
}

/// What was logged by one test. Each has a thread of its own.
pub struct Log {
    text: Text,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
pub struct Text(Arc<Mutex<String>>);

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
    pub fn start() -> Self {
        let text = Text::default();
        let writer = text.clone();
        let subscriber =
            tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish();
        Self { text, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// Everything that was logged since the last line that was waited for.
    pub fn rest(&self) -> String {
        self.text.0.lock().unwrap().clone()
    }

    /// Waits until a line that is `wanted` is there, and removes everything up to it.
    pub async fn line(&self, wanted: &str) -> String {
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
