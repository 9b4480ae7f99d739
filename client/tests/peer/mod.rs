//! A server whose behaviour a test writes down step by step, down to the bytes: it speaks the protocol as well or as
//! badly as the test wants.
#![allow(dead_code, unreachable_pub)] // Each test binary uses a part of this.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use client::{Client, Error, Options};
use proto::Reply;
use proto::frame::{
    ClientPreface, Frames, PrefaceStatus, Request, RequestFrame, RunDecoder, ServerPreface, VERSION, encode_reply,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How long anything may take before a test gives up.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The largest frame that a peer says it takes, unless the test says otherwise.
pub const MAX_FRAME: u32 = 16 << 20;

/// Waits for `future`; panics after [`DEADLINE`].
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(result) => result,
        Err(_) => panic!("did not happen within {DEADLINE:?}: {what}"),
    }
}

/// Polls a future once, so that it does what it does without waiting.
pub async fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        result = future => Some(result),
        () = std::future::ready(()) => None,
    }
}

pub fn int(value: i32) -> Reply {
    Reply::Value(proto::Value::Int(value))
}

/// A task that gets an int, and the request as it arrived.
pub async fn asking(client: &Client, session: &mut Session, name: &str) -> (JoinHandle<Answer>, Received) {
    let (client, name) = (client.clone(), name.to_string());
    let task = tokio::spawn(async move { client.get_int(&name).await });
    (task, session.next().await)
}

pub type Answer = Result<Option<i32>, Error>;

pub async fn ended(task: JoinHandle<Answer>) -> Answer {
    within("the request ends", task).await.expect("the task does not panic")
}

/// The peer: a listener.
pub struct Peer {
    listener: TcpListener,
    pub address: SocketAddr,
}

impl Peer {
    pub async fn new() -> Self {
        Self::at("127.0.0.1:0".parse().expect("an address")).await
    }

    /// Listens at an address that [`vacant`] gave.
    pub async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("a listener has an address");
        Self { listener, address }
    }

    /// Options for this peer that connect again without long pauses.
    pub fn options(&self) -> Options {
        options(self.address)
    }

    /// The next connection, of which nothing has been read.
    pub async fn accept(&self) -> Session {
        let (stream, _) = within("the client connects", self.listener.accept()).await.expect("a connection");
        stream.set_nodelay(true).expect("a TCP socket");
        Session { stream, buffer: BytesMut::new() }
    }

    /// The next connection, welcomed.
    pub async fn welcome(&self) -> Session {
        let mut session = self.accept().await;
        session.greet(welcome()).await;
        session
    }

    /// A client of this peer with these options, and its connection, welcomed.
    pub async fn client(&self, options: Options) -> (Client, Session) {
        let (client, session) = tokio::join!(options.connect(), self.welcome());
        (client.expect("welcomed"), session)
    }

    /// A client of this peer, and its connection, welcomed.
    pub async fn usual_client(&self) -> (Client, Session) {
        self.client(self.options()).await
    }
}

/// Options for a peer that connect again without long pauses.
pub fn options(address: SocketAddr) -> Options {
    Options::new(address.to_string()).backoff(Duration::from_millis(5), Duration::from_millis(20))
}

/// An address where nobody listens.
pub async fn vacant() -> SocketAddr {
    Peer::new().await.address
}

pub fn welcome() -> ServerPreface {
    ServerPreface {
        version: VERSION,
        status: PrefaceStatus::Welcome,
        max_frame: MAX_FRAME,
        auth_required: false,
        auth_offered: false,
        read_only: false,
        transacts: true,
        keeps_outcomes: true,
        follows: true,
    }
}

/// One connection of a client.
pub struct Session {
    pub stream: TcpStream,
    buffer: BytesMut,
}

/// One request that arrived.
pub struct Received(Vec<u8>);

impl Received {
    pub fn frame(&self) -> RequestFrame<'_> {
        RequestFrame::decode(&self.0).expect("the client sends requests")
    }

    pub fn id(&self) -> u32 {
        self.frame().id
    }

    /// The key; empty without one.
    pub fn key(&self) -> &str {
        match self.frame().request {
            Request::Op(op) => op.key().as_str(),
            _ => "",
        }
    }
}

impl Session {
    /// Reads the client's preface and answers with `preface`.
    pub async fn greet(&mut self, preface: ServerPreface) {
        self.read_preface().await;
        self.write(&preface.encode()).await;
    }

    pub async fn read_preface(&mut self) {
        let mut bytes = [0; ClientPreface::BYTES];
        within("the client's preface", self.stream.read_exact(&mut bytes)).await.expect("a preface");
        ClientPreface::decode(bytes).expect("a preface of this version");
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        within("the client reads", self.stream.write_all(bytes)).await.expect("the client is there");
    }

    /// The next request; `None` at the end of the connection.
    pub async fn try_next(&mut self) -> std::io::Result<Option<Received>> {
        let decoder = RunDecoder::requests(MAX_FRAME as usize);
        loop {
            if decoder.complete(&self.buffer).expect("frames") > 0 {
                let frame = Frames::new(&self.buffer).next().expect("a complete frame").to_vec();
                let _ = self.buffer.split_to(frame.len());
                return Ok(Some(Received(frame)));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// The next request.
    pub async fn next(&mut self) -> Received {
        within("a request", self.try_next()).await.expect("the connection stands").expect("a request")
    }

    /// Whether a request has arrived and not been taken, or a part of one.
    pub fn has_more(&mut self) -> bool {
        !self.buffer.is_empty() || self.stream.try_read_buf(&mut self.buffer).is_ok_and(|read| read > 0)
    }

    pub async fn reply(&mut self, asked: &Received, reply: &Reply) {
        self.write(&reply_bytes(asked.id(), reply)).await;
    }

    /// Waits until the client has closed the connection; panics if it sends anything more.
    pub async fn ended(mut self) {
        // A reset ends a connection as well as an orderly end does.
        if let Ok(Some(asked)) = within("the client closes the connection", self.try_next()).await {
            panic!("another request: {:?}", asked.frame());
        }
    }
}

pub fn reply_bytes(id: u32, reply: &Reply) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_reply(&mut bytes, id, reply);
    bytes
}

/// The seed of this run's random choices: from `KVS_SEED`, or new. Printed, so that a failure can be repeated.
pub fn seed() -> u64 {
    let seed = std::env::var("KVS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("KVS_SEED={seed}");
    seed
}
