//! The text protocol of memcached: <https://github.com/memcached/memcached/blob/master/doc/protocol.txt>.

use super::{Protocol, Request, Response, Unreadable, length, line};
use crate::keys::KeyText;

/// The memcached protocol: `get` and `set`.
#[derive(Clone, Debug)]
pub(crate) struct Memcached {
    /// The part of a set between the key and the value: no flags, no expiry, the value's length.
    set_middle: Vec<u8>,
}

impl Memcached {
    /// For values with this text length.
    pub(crate) fn new(value_bytes: usize) -> Self {
        Self { set_middle: format!(" 0 0 {value_bytes}\r\n").into_bytes() }
    }
}

/// The end of the response to a get.
const END: &[u8] = b"\r\nEND\r\n";

impl Protocol for Memcached {
    fn encode(&mut self, out: &mut Vec<u8>, key: &KeyText, request: Request<'_>) {
        match request {
            Request::Get => {
                out.extend_from_slice(b"get ");
                out.extend_from_slice(key);
            }
            Request::Set(value) => {
                out.extend_from_slice(b"set ");
                out.extend_from_slice(key);
                out.extend_from_slice(&self.set_middle);
                out.extend_from_slice(value.text().as_bytes());
            }
        }
        out.extend_from_slice(b"\r\n");
    }

    fn scan<'b>(&mut self, bytes: &'b [u8]) -> Result<Option<(usize, Response<'b>)>, Unreadable> {
        let Some(line) = line(bytes)? else { return Ok(None) };
        let end = line.len() + 2;
        match line {
            b"STORED" => return Ok(Some((end, Response::Done))),
            b"END" => return Ok(Some((end, Response::Missing))),
            _ => {}
        }
        if let Some(value) = line.strip_prefix(b"VALUE ") {
            // `VALUE <key> <flags> <bytes>`
            let digits = value.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
            let whole = end + length(digits)? + END.len();
            return match bytes.get(whole - END.len()..whole) {
                Some(END) => Ok(Some((whole, Response::Value))),
                Some(_) => Err(Unreadable("a value does not end where it says".into())),
                None => Ok(None),
            };
        }
        let refusals: [&[u8]; 4] = [b"ERROR", b"CLIENT_ERROR", b"SERVER_ERROR", b"NOT_STORED"];
        match refusals.iter().any(|refusal| line.starts_with(refusal)) {
            true => Ok(Some((end, Response::Refused(line)))),
            false => Err(Unreadable(format!("not a reply to get or set: {}", String::from_utf8_lossy(line)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::{Value, key};
    use crate::protocol::laws;

    #[test]
    fn requests() {
        let (mut memcached, mut out) = (Memcached::new(2), Vec::new());
        memcached.encode(&mut out, &key(0), Request::Get);
        memcached.encode(&mut out, &key(0), Request::Set(Value::Int(41, "41")));
        let expected = "get 0000000000000000\r\nset 0000000000000000 0 0 2\r\n41\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn replies_cut_anywhere() {
        let replies: [(&[u8], Response<'_>); 6] = [
            (b"STORED\r\n", Response::Done),
            (b"VALUE 0000000000000000 0 5\r\nhello\r\nEND\r\n", Response::Value),
            (b"END\r\n", Response::Missing),
            (b"SERVER_ERROR out of memory\r\n", Response::Refused(b"SERVER_ERROR out of memory")),
            (b"VALUE k 0 0\r\n\r\nEND\r\n", Response::Value),
            (b"VALUE k 0 5\r\nEND\r\n\r\nEND\r\n", Response::Value),
        ];
        laws::cut_anywhere(&Memcached::new(1), &replies);
    }

    #[test]
    fn what_is_no_reply() {
        for bytes in [&b"hello\r\n"[..], b"VALUE k 0 x\r\n", b"VALUE k 0 3\r\nabcdefghijk", b"STORED\n", b"\r\n"] {
            assert!(Memcached::new(1).scan(bytes).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            laws::any_bytes(&Memcached::new(1), &bytes);
        }
    }
}
