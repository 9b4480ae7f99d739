//! The frame protocol of kvs.

use std::io::{self, Read, Write};

use proto::frame::{Answer, ClientPreface, PrefaceStatus, ReplyFrame, RunDecoder, ServerPreface, encode_request};
use proto::{Key, Op, StringsBuf, ValueRef, ValueType};

use super::{Protocol, Request, Response, Unreadable};
use crate::keys::{FIELD, KeyText, Value, ValueKind};

/// Largest accepted reply, in bytes.
const MAX_REPLY: usize = 64 << 20;

/// The frame protocol.
#[derive(Clone, Debug)]
pub(crate) struct Frames {
    ty: ValueType,
    /// Whether writes have the flag `durable`.
    durable: bool,
    next_request: u32,
    next_reply: u32,
}

impl Frames {
    /// For values of this kind.
    pub(crate) fn new(kind: ValueKind, durable: bool) -> Self {
        let ty = match kind {
            ValueKind::Int => ValueType::Int,
            ValueKind::Str => ValueType::Str,
            ValueKind::Map => ValueType::Map,
            ValueKind::Set => ValueType::Set,
        };
        Self { ty, durable, next_request: 0, next_reply: 0 }
    }
}

impl Protocol for Frames {
    fn greet(&self, stream: &mut (impl Read + Write)) -> io::Result<()> {
        let refused = |e: String| io::Error::new(io::ErrorKind::ConnectionRefused, e);
        stream.write_all(&ClientPreface::current().encode())?;
        let mut preface = [0; ServerPreface::BYTES];
        stream.read_exact(&mut preface)?;
        let preface = ServerPreface::decode(preface).map_err(|e| refused(e.to_string()))?;
        match preface.status {
            PrefaceStatus::Welcome if preface.auth_required => Err(refused("the server requires a token".into())),
            PrefaceStatus::Welcome => Ok(()),
            status => Err(refused(format!("the server says {status:?}"))),
        }
    }

    fn encode(&mut self, out: &mut Vec<u8>, key: &KeyText, request: Request<'_>) {
        let key = Key::new(key).expect("hexadecimal digits are a key");
        let list: StringsBuf = match request {
            Request::Set(Value::Map(text)) => [FIELD, text].into_iter().collect(),
            Request::Set(Value::Set(text)) => [text].into_iter().collect(),
            _ => StringsBuf::default(),
        };
        let op = match request {
            Request::Get => Op::Get { ty: self.ty, key },
            Request::Set(Value::Int(value, _)) => Op::Put { key, value: ValueRef::Int(value) },
            Request::Set(Value::Str(value)) => Op::Put { key, value: ValueRef::Str(value) },
            Request::Set(Value::Map(_)) => Op::Put { key, value: ValueRef::Map(list.as_strings()) },
            Request::Set(Value::Set(_)) => Op::Put { key, value: ValueRef::Set(list.as_strings()) },
        };
        encode_request(out, self.next_request, self.durable && op.kind().writes(), &op);
        self.next_request = self.next_request.wrapping_add(1);
    }

    fn scan<'b>(&mut self, bytes: &'b [u8]) -> Result<Option<(usize, Response<'b>)>, Unreadable> {
        let claimed = RunDecoder::replies(MAX_REPLY).claimed(bytes).map_err(|e| Unreadable(e.to_string()))?;
        let Some(frame) = claimed.and_then(|length| bytes.get(..length)) else { return Ok(None) };
        let reply = ReplyFrame::decode(frame).map_err(|e| Unreadable(e.to_string()))?;
        if reply.id != self.next_reply {
            return Err(Unreadable(format!("a reply to request {}; expected one to {}", reply.id, self.next_reply)));
        }
        self.next_reply = self.next_reply.wrapping_add(1);
        let response = match reply.answer {
            Answer::Value(value) if value.value_type() == self.ty => Response::Value,
            Answer::Done => Response::Done,
            Answer::NoEntry => Response::Missing,
            Answer::Refused { message, .. } => Response::Refused(message.as_bytes()),
            _ => Response::Refused(b"a reply to something else"),
        };
        Ok(Some((frame.len(), response)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proto::frame::{ErrorCode, Request as Decoded, RequestFrame, encode_error, encode_reply};
    use proto::{Reply, Value as Stored};

    use super::*;
    use crate::keys::{Values, key};
    use crate::protocol::laws;

    #[test]
    fn requests_are_those_of_the_codec() {
        let values = Values::new(ValueKind::Str, 8, 1);
        let (mut frames, mut out) = (Frames::new(ValueKind::Str, true), Vec::new());
        frames.encode(&mut out, &key(3), Request::Get);
        let get = RequestFrame::decode(&out).unwrap();
        assert!(!get.durable, "a read needs no log");
        let key3 = key(3);
        let expected = Key::new(&key3).unwrap();
        assert_eq!(get.request, Decoded::Op(Op::Get { ty: ValueType::Str, key: expected }));
        out.clear();
        frames.encode(&mut out, &key(3), Request::Set(values.get(3)));
        let put = RequestFrame::decode(&out).unwrap();
        assert_eq!((put.id, put.durable), (1, true));
        let value = ValueRef::Str(values.get(3).text());
        assert_eq!(put.request, Decoded::Op(Op::Put { key: expected, value }));
    }

    #[test]
    fn replies_cut_anywhere() {
        let mut replies: Vec<Vec<u8>> = vec![Vec::new(); 4];
        encode_reply(&mut replies[0], 0, &Reply::Value(Stored::Int(41)));
        encode_reply(&mut replies[1], 1, &Reply::Stored);
        encode_reply(&mut replies[2], 2, &Reply::NoEntry);
        encode_error(&mut replies[3], 3, ErrorCode::MemoryFull, "full");
        let response = [Response::Value, Response::Done, Response::Missing, Response::Refused(b"full")];
        let replies: Vec<_> = replies.iter().map(Vec::as_slice).zip(response).collect();
        laws::cut_anywhere(&Frames::new(ValueKind::Int, false), &replies);
    }

    #[test]
    fn a_value_of_another_type_and_a_wrong_number_are_noticed() {
        let mut reply = Vec::new();
        encode_reply(&mut reply, 0, &Reply::Value(Stored::Int(41)));
        let read = Frames::new(ValueKind::Str, false).scan(&reply).unwrap();
        assert!(matches!(read, Some((_, Response::Refused(_)))));
        reply.clear();
        encode_reply(&mut reply, 1, &Reply::Stored);
        assert!(Frames::new(ValueKind::Int, false).scan(&reply).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            laws::any_bytes(&Frames::new(ValueKind::Int, false), &bytes);
        }
    }
}
