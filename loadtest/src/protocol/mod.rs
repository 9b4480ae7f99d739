//! Requests and responses of each protocol: frames, HTTP, memcached, RESP.
//!
//! ```text
//!   frames.rs     the frame protocol of kvs, with proto's codec
//!   http.rs       HTTP/1.1: the REST API of kvs, Webdis, any URL
//!   memcached.rs  the text protocol of memcached
//!   resp.rs       RESP2, the protocol of Redis
//! ```

pub(crate) mod frames;
pub(crate) mod http;
pub(crate) mod memcached;
pub(crate) mod resp;

use std::io::{self, Read, Write};

use crate::keys::{KeyText, Value};

/// Longest first line of a reply, in bytes.
const MAX_LINE: usize = 64 << 10;

/// Largest value in a reply, in bytes; Redis has the same limit.
const MAX_VALUE: usize = 512 << 20;

/// An operation on an entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Request<'a> {
    /// Read its value.
    Get,
    /// Store this value.
    Set(Value<'a>),
}

/// The meaning of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Response<'a> {
    /// A value of the expected type, with its text length, or 0 if that is not known.
    Value,
    /// Stored.
    Done,
    /// The entry does not exist.
    Missing,
    /// Success of any request, from servers that have no entries.
    Fine,
    /// An error, with its message.
    Refused(&'a [u8]),
}

/// The bytes are not a reply, and nothing after them can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) String);

/// Encodes requests, decodes replies. Replies come in request order.
pub(crate) trait Protocol: Clone + Send {
    /// The handshake before the first request. The stream is blocking.
    fn greet(&self, stream: &mut (impl Read + Write)) -> io::Result<()> {
        let _ = stream;
        Ok(())
    }

    /// Appends a request.
    fn encode(&mut self, out: &mut Vec<u8>, key: &KeyText, request: Request<'_>);

    /// Reads the reply at the start of `bytes`: its length and its meaning, or `None` if it is not complete yet.
    fn scan<'b>(&mut self, bytes: &'b [u8]) -> Result<Option<(usize, Response<'b>)>, Unreadable>;
}

/// The first line without its line ending, once it is complete.
fn line(bytes: &[u8]) -> Result<Option<&[u8]>, Unreadable> {
    let Some(end) = bytes.iter().take(MAX_LINE).position(|byte| *byte == b'\n') else {
        return match bytes.len() < MAX_LINE {
            true => Ok(None),
            false => Err(Unreadable(format!("a line of more than {MAX_LINE} bytes"))),
        };
    };
    match bytes[..end].strip_suffix(b"\r") {
        Some(line) => Ok(Some(line)),
        None => Err(Unreadable("a line that does not end with CR LF".into())),
    }
}

/// The length of a value, in decimal digits.
fn length(digits: &[u8]) -> Result<usize, Unreadable> {
    let text = std::str::from_utf8(digits).ok();
    let length = text.filter(|_| digits.iter().all(u8::is_ascii_digit)).and_then(|text| text.parse().ok());
    length
        .filter(|length| *length <= MAX_VALUE)
        .ok_or_else(|| Unreadable(format!("`{}` is not a length", String::from_utf8_lossy(digits))))
}

/// Properties that hold for every protocol's scanner.
#[cfg(test)]
pub(crate) mod laws {
    use super::*;

    /// Reads `replies` whole, and cut at every position: the results must be the same, and no reply may be seen before
    /// its last byte.
    pub(crate) fn cut_anywhere<P: Protocol>(protocol: &P, replies: &[(&[u8], Response<'_>)]) {
        let all: Vec<u8> = replies.iter().flat_map(|(bytes, _)| bytes.iter().copied()).collect();
        for cut in 0..=all.len() {
            let (mut protocol, mut at, mut read) = (protocol.clone(), 0, 0);
            for end in [cut, all.len()] {
                while let Some((length, response)) = protocol.scan(&all[at..end]).expect("these are replies") {
                    assert_eq!(
                        (length, response),
                        (replies[read].0.len(), replies[read].1),
                        "cut at {cut}, reply {read}"
                    );
                    (at, read) = (at + length, read + 1);
                }
            }
            assert_eq!((at, read), (all.len(), replies.len()), "cut at {cut}");
        }
    }

    /// Whatever the bytes are, a scanner does not panic, and consumes no more than there is.
    pub(crate) fn any_bytes<P: Protocol>(protocol: &P, bytes: &[u8]) {
        if let Ok(Some((length, _))) = protocol.clone().scan(bytes) {
            assert!((1..=bytes.len()).contains(&length));
        }
    }
}
