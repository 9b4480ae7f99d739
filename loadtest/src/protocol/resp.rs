//! RESP2, the protocol of Redis: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

use super::{Protocol, Request, Response, Unreadable, length, line};
use crate::keys::{FIELD, KEY_BYTES, KeyText, Value};

/// The RESP protocol: `GET` and `SET`, `HSET` of a map's field, `SADD` of a set's member.
#[derive(Clone, Debug)]
pub(crate) struct Resp {
    /// The part of a SET or SADD between the key and the value; depends only on the value's length.
    set_middle: Vec<u8>,
    /// The same of an HSET.
    field_middle: Vec<u8>,
}

impl Resp {
    /// For values with this text length.
    pub(crate) fn new(value_bytes: usize) -> Self {
        let set_middle = format!("\r\n${value_bytes}\r\n");
        let field_middle = format!("\r\n${}\r\n{FIELD}{set_middle}", FIELD.len()).into_bytes();
        Self { set_middle: set_middle.into_bytes(), field_middle }
    }
}

const _: () = assert!(KEY_BYTES == 16, "the requests contain the length of the key");

impl Protocol for Resp {
    fn encode(&mut self, out: &mut Vec<u8>, key: &KeyText, request: Request<'_>) {
        match request {
            Request::Get => {
                out.extend_from_slice(b"*2\r\n$3\r\nGET\r\n$16\r\n");
                out.extend_from_slice(key);
            }
            Request::Set(value) => {
                let (begin, middle): (&[u8], _) = match value {
                    Value::Int(..) | Value::Str(_) => (b"*3\r\n$3\r\nSET\r\n$16\r\n", &self.set_middle),
                    Value::Map(_) => (b"*4\r\n$4\r\nHSET\r\n$16\r\n", &self.field_middle),
                    Value::Set(_) => (b"*3\r\n$4\r\nSADD\r\n$16\r\n", &self.set_middle),
                };
                out.extend_from_slice(begin);
                out.extend_from_slice(key);
                out.extend_from_slice(middle);
                out.extend_from_slice(value.text().as_bytes());
            }
        }
        out.extend_from_slice(b"\r\n");
    }

    fn scan<'b>(&mut self, bytes: &'b [u8]) -> Result<Option<(usize, Response<'b>)>, Unreadable> {
        let Some(line) = line(bytes)? else { return Ok(None) };
        let end = line.len() + 2;
        match line.split_first() {
            // A number of fields or members that are new.
            Some((b'+' | b':', _)) => Ok(Some((end, Response::Done))),
            Some((b'-', message)) => Ok(Some((end, Response::Refused(message)))),
            Some((b'$', b"-1")) => Ok(Some((end, Response::Missing))),
            Some((b'$', digits)) => {
                let whole = end + length(digits)? + 2;
                match bytes.get(whole - 2..whole) {
                    Some(b"\r\n") => Ok(Some((whole, Response::Value))),
                    Some(_) => Err(Unreadable("a bulk string does not end where it says".into())),
                    None => Ok(None),
                }
            }
            _ => Err(Unreadable(format!("not a reply to GET, SET, HSET or SADD: {}", String::from_utf8_lossy(line)))),
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
        let (mut resp, mut out) = (Resp::new(2), Vec::new());
        resp.encode(&mut out, &key(0), Request::Get);
        resp.encode(&mut out, &key(0), Request::Set(Value::Int(41, "41")));
        resp.encode(&mut out, &key(0), Request::Set(Value::Map("42")));
        resp.encode(&mut out, &key(0), Request::Set(Value::Set("43")));
        let expected = "*2\r\n$3\r\nGET\r\n$16\r\n0000000000000000\r\n\
                        *3\r\n$3\r\nSET\r\n$16\r\n0000000000000000\r\n$2\r\n41\r\n\
                        *4\r\n$4\r\nHSET\r\n$16\r\n0000000000000000\r\n$5\r\nfield\r\n$2\r\n42\r\n\
                        *3\r\n$4\r\nSADD\r\n$16\r\n0000000000000000\r\n$2\r\n43\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn replies_cut_anywhere() {
        let replies: [(&[u8], Response<'_>); 7] = [
            (b"+OK\r\n", Response::Done),
            (b":1\r\n", Response::Done),
            (b"$5\r\nhello\r\n", Response::Value),
            (b"$-1\r\n", Response::Missing),
            (b"-ERR no\r\n", Response::Refused(b"ERR no")),
            (b"$0\r\n\r\n", Response::Value),
            (b"$4\r\n\r\n\r\n\r\n", Response::Value),
        ];
        laws::cut_anywhere(&Resp::new(1), &replies);
    }

    #[test]
    fn what_is_no_reply() {
        for bytes in
            [&b"hello\r\n"[..], b"$x\r\n", b"$+3\r\nabc\r\n", b"$3\r\nabcde", b"+OK\n", b"\r\n", b"$99999999999\r\n"]
        {
            assert!(Resp::new(1).scan(bytes).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            laws::any_bytes(&Resp::new(1), &bytes);
        }

        #[test]
        fn any_value(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut reply = format!("${}\r\n", value.len()).into_bytes();
            reply.extend_from_slice(&value);
            reply.extend_from_slice(b"\r\n");
            laws::cut_anywhere(&Resp::new(1), &[(&reply, Response::Value), (b"+OK\r\n", Response::Done)]);
        }
    }
}
