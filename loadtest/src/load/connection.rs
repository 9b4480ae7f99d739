//! One connection: requests that wait to be sent, requests that wait for replies, and received bytes.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::tally::Tally;
use crate::keys::KeyText;
use crate::protocol::{Protocol, Request, Response};

/// Timeout for connecting and the handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Initial size of the buffer for replies.
const INPUT_BYTES: usize = 64 << 10;

/// A request without its reply.
#[derive(Clone, Copy, Debug)]
struct Pending {
    /// When its latency begins, in nanoseconds since the start of the run.
    since: u64,
    get: bool,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection<P> {
    pub(crate) stream: mio::net::TcpStream,
    protocol: P,
    out: Vec<u8>,
    sent: usize,
    input: Vec<u8>,
    filled: usize,
    pending: VecDeque<Pending>,
}

/// Whether a connection is still usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is.
    Open,
    /// The server has closed it.
    Closed,
}

/// Connects and does the handshake.
pub(crate) fn connect<P: Protocol>(protocol: &P, addr: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&addr, CONNECT_TIMEOUT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(CONNECT_TIMEOUT))?;
    protocol.greet(&mut stream)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

impl<P: Protocol> Connection<P> {
    /// A connection over a stream from [`connect`].
    pub(crate) fn new(stream: TcpStream, protocol: P) -> Self {
        Self {
            stream: mio::net::TcpStream::from_std(stream),
            protocol,
            out: Vec::new(),
            sent: 0,
            input: vec![0; INPUT_BYTES],
            filled: 0,
            pending: VecDeque::new(),
        }
    }

    /// Requests without a reply.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Adds a request to those that wait to be sent. Its latency counts from `since`.
    pub(crate) fn queue(&mut self, key: &KeyText, request: Request<'_>, since: u64) {
        self.protocol.encode(&mut self.out, key, request);
        self.pending.push_back(Pending { since, get: request == Request::Get });
    }

    /// Sends as much as possible.
    pub(crate) fn send(&mut self) -> io::Result<()> {
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        self.out.clear();
        self.sent = 0;
        Ok(())
    }

    /// Reads what has arrived, and counts the replies.
    ///
    /// A read that does not fill the buffer has emptied the socket (epoll(7)), so no second call is needed.
    pub(crate) fn receive(&mut self, start: Instant, tally: &Mutex<Tally>) -> Result<State, String> {
        loop {
            if self.filled == self.input.len() {
                self.input.resize(2 * self.filled, 0);
            }
            match self.stream.read(&mut self.input[self.filled..]) {
                Ok(0) => return Ok(State::Closed),
                Ok(read) => {
                    self.filled += read;
                    let more = self.filled == self.input.len();
                    self.count(start.elapsed().as_nanos() as u64, tally)?;
                    if !more {
                        return Ok(State::Open);
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(State::Open),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::ConnectionReset => return Ok(State::Closed),
                Err(e) => return Err(format!("reading: {e}")),
            }
        }
    }

    /// Counts the complete replies at the start of the buffer and removes them.
    fn count(&mut self, now: u64, tally: &Mutex<Tally>) -> Result<(), String> {
        let mut tally = tally.lock().map_err(|_| "another thread has failed")?;
        let mut at = 0;
        // Replies to requests that were sent together have the same latency.
        let (mut since, mut count) = (0, 0);
        while at < self.filled {
            let scanned = self.protocol.scan(&self.input[at..self.filled]);
            let Some((length, response)) = scanned.map_err(|e| format!("an unreadable reply: {}", e.0))? else {
                break;
            };
            at += length;
            let pending = self.pending.pop_front().ok_or("a reply without a request")?;
            let good = match response {
                Response::Fine => true,
                Response::Value => pending.get,
                Response::Done => !pending.get,
                Response::Missing if pending.get => {
                    tally.misses += 1;
                    true
                }
                Response::Missing => false,
                Response::Refused(message) => {
                    tally.errors.refused += 1;
                    tally.errors.first.get_or_insert_with(|| String::from_utf8_lossy(message).trim().to_owned());
                    continue;
                }
            };
            if !good {
                tally.errors.wrong += 1;
                tally.errors.first.get_or_insert_with(|| format!("{response:?} in reply to another kind of request"));
                continue;
            }
            if pending.since != since && count > 0 {
                tally.answered(now.saturating_sub(since), count);
                count = 0;
            }
            since = pending.since;
            count += 1;
        }
        if count > 0 {
            tally.answered(now.saturating_sub(since), count);
        }
        self.input.copy_within(at..self.filled, 0);
        self.filled -= at;
        Ok(())
    }

    /// Continues on another stream; pending requests are lost. Returns how many.
    pub(crate) fn replace(&mut self, stream: TcpStream, protocol: P) -> u64 {
        let lost = self.pending.len() as u64;
        *self = Self::new(stream, protocol);
        lost
    }
}
