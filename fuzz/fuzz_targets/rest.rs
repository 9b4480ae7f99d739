//! The bytes of a connection to the REST port of a running server, from the first to the last.
//!
//! The server has nothing but its memory, which carries over from one input to the next, though not for long.

#![no_main]

use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use clap::Parser;
use fuzz::folder::quick_folder;
use gateway::config::Config;
use socket2::{Domain, Socket, Type};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// Who may use the server: one with a token, and strangers.
const IDENTITIES: &str = include_str!("../seeds/identities.toml");

const FLAGS: &[&str] = &[
    "kvs",
    "--http-addr=127.0.0.1:0",
    "--frame-addr=127.0.0.1:0",
    "--admin-addr=off",
    "--log=off",
    "--workers=1",
    "--shards=1",
    "--max-memory=16MiB",
    "--max-body=1MiB",
    "--allow-anonymous",
    "--auth-failures=0",
    "--cors-origins=https://app.example",
    "--request-timeout=4s",
];

/// Connections to one server, so that what an input does depends on few others.
const CONNECTIONS: u32 = 500;

/// Longest time for a response.
const PATIENCE: Duration = Duration::from_secs(4);

struct Server {
    address: SocketAddr,
    connections: u32,
    /// Dropped to stop it.
    _stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

thread_local! {
    static SERVER: RefCell<Option<Server>> = const { RefCell::new(None) };
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let address = SERVER.with_borrow_mut(|server| {
        if let Some(worn) = server.take_if(|server| server.connections == CONNECTIONS) {
            worn.stop();
        }
        let server = server.get_or_insert_with(Server::start);
        server.connections += 1;
        server.address
    });
    let responses = exchange(address, bytes);
    assert!(are_responses(&responses), "{}", responses.escape_ascii());
});

impl Server {
    fn start() -> Self {
        let (tell, address) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let run = move || {
            let folder = quick_folder();
            let identities = folder.path().join("identities.toml");
            std::fs::write(&identities, IDENTITIES).expect("a file in memory");
            let identities = format!("--identities={}", identities.display());
            let config = Config::parse_from(FLAGS.iter().copied().chain([&identities[..]]));
            Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(async {
                let server = gateway::start(config).await.expect("the server starts");
                tell.send(server.http_addr()).expect("somebody waits");
                let _ = stopped.await;
                server.stop().await.expect("it stops");
            });
        };
        let thread = std::thread::spawn(run);
        Self { address: address.recv().expect("the server listens"), connections: 0, _stop: stop, thread }
    }

    fn stop(self) {
        let Self { _stop: stop, thread, .. } = self;
        drop(stop);
        thread.join().expect("it stops");
    }
}

/// Connects from an address of its own each time: closed connections keep their ports for a minute.
fn connect(server: SocketAddr) -> std::io::Result<TcpStream> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let [_, a, b, c] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::new(127, a, b, c.max(1)), 0)).into())?;
    socket.connect(&server.into())?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket.into())
}

/// Sends all bytes, and returns all that the server sends until it closes the connection.
fn exchange(server: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = loop {
        match connect(server) {
            // The fuzzer's timer is a signal.
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            connected => break connected.expect("the server listens"),
        }
    };
    // The server may close the connection before it has read everything.
    let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut responses = Vec::new();
    stream.read_to_end(&mut responses).expect("the server answers and closes");
    responses
}

/// Whether these are whole responses. That to HEAD has no body, whatever its length says.
fn are_responses(bytes: &[u8]) -> bool {
    if bytes.is_empty() {
        return true;
    }
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(end)) = head.parse(bytes) else { return false };
    let status = head.code.unwrap_or_default();
    assert!(status < 500 || [501, 503, 504].contains(&status), "{status}: {}", bytes.escape_ascii());
    let length = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| str::from_utf8(header.value).ok()?.parse::<usize>().ok());
    let rest = &bytes[end..];
    match length {
        Some(length) => rest.get(length..).is_some_and(are_responses) || are_responses(rest),
        None => [100, 204, 304].contains(&status) && are_responses(rest),
    }
}
