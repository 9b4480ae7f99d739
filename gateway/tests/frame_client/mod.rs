//! A plain client of the frame protocol over a real socket, which sends whatever it is told to. Requests are put together by
//! hand, so that they may be wrong; replies are read with the codec and must be right.
#![allow(dead_code, unreachable_pub)] // Each test binary uses a part of this.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use proto::frame::{Answer, ClientPreface, ErrorCode, MAX_REPLY_BYTES, PrefaceStatus, ReplyFrame, ServerPreface};
use proto::{OpKind, ValueRef, ValueType};

use crate::harness::DEADLINE;

// Opcodes that are no operation's.
pub const MULTI_GET: u8 = 32;
pub const MULTI_PUT: u8 = 33;
pub const PING: u8 = 48;
pub const AUTH: u8 = 49;

pub const DURABLE: u16 = 1;

/// The bytes of a request, whatever they say; the length is right.
pub fn raw(id: u32, opcode: u8, ty: u8, flags: u16, key: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = (16 + key.len() + payload.len()) as u32;
    let head = [&length.to_le_bytes()[..], &id.to_le_bytes(), &[opcode, ty], &(key.len() as u16).to_le_bytes()];
    [&head.concat()[..], &flags.to_le_bytes(), &[0, 0], key, payload].concat()
}

/// The bytes of an operation.
pub fn op(id: u32, kind: OpKind, ty: Option<ValueType>, key: &str, payload: &[u8]) -> Vec<u8> {
    raw(id, kind as u8, ty.map_or(0, |ty| ty as u8), 0, key.as_bytes(), payload)
}

pub fn get(id: u32, ty: ValueType, key: &str) -> Vec<u8> {
    op(id, OpKind::Get, Some(ty), key, b"")
}

pub fn put_str(id: u32, key: &str, value: &str) -> Vec<u8> {
    op(id, OpKind::Put, Some(ValueType::Str), key, value.as_bytes())
}

pub fn incr(id: u32, key: &str) -> Vec<u8> {
    op(id, OpKind::Incr, Some(ValueType::Int), key, b"")
}

pub fn ping(id: u32) -> Vec<u8> {
    raw(id, PING, 0, 0, b"", b"")
}

pub fn auth(id: u32, token: &str) -> Vec<u8> {
    raw(id, AUTH, 0, 0, b"", token.as_bytes())
}

/// The same request, whose reply waits until it is durable.
pub fn durable(mut request: Vec<u8>) -> Vec<u8> {
    request[12] = DURABLE as u8;
    request
}

pub fn multi_get<'k>(id: u32, entries: impl IntoIterator<Item = (ValueType, &'k str)>) -> Vec<u8> {
    let item =
        |(ty, key): (ValueType, &str)| [&[ty as u8, 0], &(key.len() as u16).to_le_bytes()[..], key.as_bytes()].concat();
    let items: Vec<u8> = entries.into_iter().flat_map(item).collect();
    raw(id, MULTI_GET, 0, 0, b"", &items)
}

/// A multi-put of values in their packed form.
pub fn multi_put<'k>(id: u32, entries: impl IntoIterator<Item = (ValueType, &'k str, &'k [u8])>) -> Vec<u8> {
    let item = |(ty, key, value): (ValueType, &str, &[u8])| {
        let head = [&[ty as u8, 0], &(key.len() as u16).to_le_bytes()[..], &(value.len() as u32).to_le_bytes()];
        [&head.concat()[..], key.as_bytes(), value].concat()
    };
    let items: Vec<u8> = entries.into_iter().flat_map(item).collect();
    raw(id, MULTI_PUT, 0, 0, b"", &items)
}

/// A packed list of texts, in the order given.
pub fn list(items: &[&str]) -> Vec<u8> {
    items.iter().flat_map(|item| [&(item.len() as u32).to_le_bytes()[..], item.as_bytes()].concat()).collect()
}

/// One reply, with its header. It has been decoded once without an error.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply(Vec<u8>);

impl Reply {
    fn frame(&self) -> ReplyFrame<'_> {
        ReplyFrame::decode(&self.0).unwrap_or_else(|e| panic!("{e}: {:02x?}", &self.0[..self.0.len().min(80)]))
    }

    pub fn id(&self) -> u32 {
        self.frame().id
    }

    pub fn answer(&self) -> Answer<'_> {
        self.frame().answer
    }

    /// Size with its header, in bytes.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }

    /// Why the request was refused, if it was.
    pub fn error(&self) -> Option<ErrorCode> {
        error_of(&self.answer())
    }

    /// The value of an int; panics if this is something else.
    #[track_caller]
    pub fn int(&self) -> i32 {
        match self.answer() {
            Answer::Value(ValueRef::Int(number)) => number,
            other => panic!("an int is expected, not {other:?}"),
        }
    }
}

pub fn error_of(answer: &Answer<'_>) -> Option<ErrorCode> {
    match answer {
        Answer::Refused { code, message } => {
            assert!(!message.is_empty() && !message.contains('\n'), "one line for people: {message:?}");
            Some(*code)
        }
        _ => None,
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = format!("{:?}", self.frame());
        f.write_str(shown.get(..400).unwrap_or(&shown))
    }
}

/// A connection.
pub struct FrameClient {
    pub stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl FrameClient {
    /// Connects and is welcome.
    #[track_caller]
    pub fn connect(addr: SocketAddr) -> Self {
        let mut client = Self::silent(addr);
        let theirs = client.greet(&ClientPreface::current().encode()).expect("kvs answers a preface");
        assert_eq!((theirs.status, theirs.version), (PrefaceStatus::Welcome, 1));
        client
    }

    /// Connects and says nothing.
    pub fn silent(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).expect("kvs accepts");
        stream.set_nodelay(true).expect("a TCP socket");
        stream.set_read_timeout(Some(DEADLINE)).expect("a TCP socket");
        stream.set_write_timeout(Some(DEADLINE)).expect("a TCP socket");
        let reader = BufReader::with_capacity(64 << 10, stream.try_clone().expect("a socket can be cloned"));
        Self { stream, reader }
    }

    /// Sends bytes, a preface first, and reads the server's.
    pub fn greet(&mut self, bytes: &[u8]) -> std::io::Result<ServerPreface> {
        self.send(bytes)?;
        self.receive_preface()
    }

    pub fn receive_preface(&mut self) -> std::io::Result<ServerPreface> {
        let mut theirs = [0; ServerPreface::BYTES];
        self.reader.read_exact(&mut theirs)?;
        Ok(ServerPreface::decode(theirs).expect("a preface of the protocol"))
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Says that nothing more comes; replies can still be read.
    pub fn finish(&mut self) {
        // The server may have closed the connection before.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Reads one reply.
    pub fn receive(&mut self) -> std::io::Result<Reply> {
        let mut frame = vec![0; 4];
        self.reader.read_exact(&mut frame)?;
        let length = u32::from_le_bytes(frame[..].try_into().expect("4 bytes")) as usize;
        assert!((12..=MAX_REPLY_BYTES).contains(&length), "a reply claims {length} bytes");
        frame.resize(length, 0);
        self.reader.read_exact(&mut frame[4..])?;
        let reply = Reply(frame);
        reply.frame();
        Ok(reply)
    }

    /// Sends one request and reads its reply.
    #[track_caller]
    pub fn exchange(&mut self, request: &[u8]) -> Reply {
        let shown = || format!("{:02x?}", &request[..request.len().min(80)]);
        let reply = self.send(request).and_then(|()| self.receive()).unwrap_or_else(|e| panic!("{e}: {}", shown()));
        assert_eq!(reply.id().to_le_bytes(), request[4..8], "the id of {}", shown());
        reply
    }

    /// The text of a str, if there is such an entry.
    #[track_caller]
    pub fn get_str(&mut self, key: &str) -> Option<String> {
        match self.exchange(&get(0, ValueType::Str, key)).answer() {
            Answer::Value(ValueRef::Str(text)) => Some(text.to_string()),
            Answer::NoEntry => None,
            other => panic!("{key}: {other:?}"),
        }
    }

    /// The number of an int, if there is such an entry.
    #[track_caller]
    pub fn get_int(&mut self, key: &str) -> Option<i32> {
        match self.exchange(&get(0, ValueType::Int, key)).answer() {
            Answer::Value(ValueRef::Int(number)) => Some(number),
            Answer::NoEntry => None,
            other => panic!("{key}: {other:?}"),
        }
    }

    /// Every reply that comes until the server closes the connection.
    pub fn receive_rest(&mut self) -> Vec<Reply> {
        std::iter::from_fn(|| self.receive().ok()).collect()
    }

    /// Whether any of a reply comes within this time.
    pub fn answers_within(&mut self, time: std::time::Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).expect("a TCP socket");
        let arrived = self.reader.fill_buf().is_ok_and(|bytes| !bytes.is_empty());
        self.stream.set_read_timeout(Some(DEADLINE)).expect("a TCP socket");
        arrived
    }

    /// Whether the server has closed the connection without a further byte (waits for it).
    pub fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Ok(_) => rest.is_empty(),
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => panic!("the connection was reset"),
            Err(_) => false,
        }
    }
}
