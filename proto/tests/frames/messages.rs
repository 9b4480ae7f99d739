//! Requests and replies that own their texts, and proptest strategies for them.

use proptest::collection::vec;
use proptest::prelude::*;
use proto::frame::{
    Answer, ErrorCode, ManyReplies, ReplyFrame, Request, RequestFrame, encode_auth, encode_error, encode_multi_get,
    encode_multi_put, encode_ping, encode_reply, encode_request,
};
use proto::{Op, Reply, StringsBuf, Value, ValueRef, ValueType};

use testkit::arbitrary::{OwnedOp, any_key, any_op, any_text, any_type, any_value, as_key, packed};

#[derive(Clone, Debug)]
pub(crate) enum OwnedRequest {
    Op(OwnedOp),
    MultiGet(Vec<(ValueType, String)>),
    MultiPut(Vec<(String, Value)>),
    Ping,
    Auth(String),
}

/// What is refused, and why.
pub(crate) type Refused = (ErrorCode, String);

#[derive(Clone, Debug)]
pub(crate) enum OwnedAnswer {
    Reply(Reply),
    Many(Vec<Result<Reply, Refused>>),
    Error(Refused),
}

impl OwnedRequest {
    /// Whether its encoder takes the flag.
    pub(crate) fn can_be_durable(&self) -> bool {
        matches!(self, Self::Op(_) | Self::MultiPut(_))
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>, id: u32, durable: bool) {
        match self {
            Self::Op(op) => encode_request(out, id, durable, &op.as_op()),
            Self::MultiGet(entries) => {
                encode_multi_get(out, id, entries.iter().map(|(ty, key)| (*ty, as_key(key))));
            }
            Self::MultiPut(entries) => {
                let entries = entries.iter().map(|(key, value)| (as_key(key), value.as_value_ref()));
                encode_multi_put(out, id, durable, entries);
            }
            Self::Ping => encode_ping(out, id),
            Self::Auth(token) => encode_auth(out, id, token),
        }
    }

    /// Panics unless `frame` decodes to this request.
    pub(crate) fn assert_is_in(&self, frame: &[u8], id: u32, durable: bool) {
        let decoded = RequestFrame::decode(frame).unwrap_or_else(|e| panic!("{self:?}: {e:?}"));
        assert_eq!((decoded.id, decoded.durable), (id, durable && self.can_be_durable()));
        match (self, decoded.request) {
            (Self::Op(op), Request::Op(decoded)) => assert_eq!(decoded, op.as_op()),
            (Self::MultiGet(entries), Request::Multi(ops)) => {
                assert!(!ops.writes() && ops.count() == entries.len());
                let expected = entries.iter().map(|(ty, key)| Op::Get { ty: *ty, key: as_key(key) });
                assert!(ops.ops().eq(expected), "{entries:?}");
            }
            (Self::MultiPut(entries), Request::Multi(ops)) => {
                assert!(ops.writes() && ops.count() == entries.len());
                let expected =
                    entries.iter().map(|(key, value)| Op::Put { key: as_key(key), value: value.as_value_ref() });
                assert!(ops.ops().eq(expected), "{entries:?}");
            }
            (Self::Ping, Request::Ping) => {}
            (Self::Auth(token), Request::Auth(decoded)) => assert_eq!(decoded, token),
            (_, other) => panic!("{self:?} came back as {other:?}"),
        }
    }
}

impl OwnedAnswer {
    pub(crate) fn encode(&self, out: &mut Vec<u8>, id: u32) {
        match self {
            Self::Reply(reply) => encode_reply(out, id, reply),
            Self::Error((code, message)) => encode_error(out, id, *code, message),
            Self::Many(answers) => {
                let (start, mut many) = (out.len(), ManyReplies::begin(out, id));
                for answer in answers {
                    match answer {
                        Ok(reply) => many.push(out, reply),
                        Err((code, message)) => many.push_error(out, *code, message),
                    }
                }
                assert_eq!(many.bytes(out), out.len() - start);
                many.finish(out);
            }
        }
    }

    /// Panics unless `frame` decodes to this answer.
    pub(crate) fn assert_is_in(&self, frame: &[u8], id: u32) {
        let decoded = ReplyFrame::decode(frame).unwrap_or_else(|e| panic!("{self:?}: {e}"));
        assert_eq!(decoded.id, id);
        match (self, decoded.answer) {
            (Self::Reply(reply), answer) => assert_eq!(answer, as_answer(reply)),
            (Self::Error((code, message)), answer) => assert_eq!(answer, refused(*code, message)),
            (Self::Many(expected), Answer::Many(answers)) => {
                let expected = expected.iter().map(|answer| match answer {
                    Ok(reply) => as_answer(reply),
                    Err((code, message)) => refused(*code, message),
                });
                assert!(answers.iter().eq(expected), "{self:?}");
            }
            (_, other) => panic!("{self:?} came back as {other:?}"),
        }
    }
}

fn refused(code: ErrorCode, message: &str) -> Answer<'_> {
    Answer::Refused { code, message }
}

fn as_answer(reply: &Reply) -> Answer<'_> {
    match reply {
        Reply::Stored => Answer::Done,
        Reply::Value(value) => Answer::Value(value.as_value_ref()),
        Reply::Field(text) => Answer::Value(ValueRef::Str(text.as_str())),
        Reply::NoEntry => Answer::NoEntry,
        Reply::NoField => Answer::NoField,
        Reply::Deleted(yes) => Answer::Deleted(*yes),
        Reply::Count(count) => Answer::Count(*count),
        Reply::Has(yes) => Answer::Has(*yes),
    }
}

/// The list in ascending order, each item once, as requests must have it.
fn ascending(list: &StringsBuf) -> StringsBuf {
    let mut items: Vec<&str> = list.as_strings().iter().collect();
    items.sort_unstable();
    items.dedup();
    packed(items)
}

fn finite(value: Value) -> Value {
    match value {
        Value::Float(number) if !number.is_finite() => Value::Float(-0.0),
        other => other,
    }
}

fn any_finite_value() -> BoxedStrategy<Value> {
    any_value(&any_text()).prop_map(finite).boxed()
}

pub(crate) fn any_request() -> BoxedStrategy<OwnedRequest> {
    let op = any_op(any_key(), any_text()).prop_map(|op| match op {
        OwnedOp::Put(key, value) => OwnedOp::Put(key, finite(value)),
        OwnedOp::SetAdd(key, members) => OwnedOp::SetAdd(key, ascending(&members)),
        OwnedOp::SetRem(key, members) => OwnedOp::SetRem(key, ascending(&members)),
        other => other,
    });
    prop_oneof![
        8 => op.prop_map(OwnedRequest::Op),
        2 => vec((any_type(), any_key()), 0..6).prop_map(OwnedRequest::MultiGet),
        2 => vec((any_key(), any_finite_value()), 0..6).prop_map(OwnedRequest::MultiPut),
        1 => Just(OwnedRequest::Ping),
        1 => any_text().prop_map(OwnedRequest::Auth),
    ]
    .boxed()
}

fn any_reply() -> BoxedStrategy<Reply> {
    prop_oneof![
        Just(Reply::Stored),
        any_finite_value().prop_map(Reply::Value),
        any_text().prop_map(|text| Reply::Field(text.as_str().into())),
        Just(Reply::NoEntry),
        Just(Reply::NoField),
        any::<bool>().prop_map(Reply::Deleted),
        any::<u32>().prop_map(Reply::Count),
        any::<bool>().prop_map(Reply::Has),
    ]
    .boxed()
}

pub(crate) fn any_answer() -> BoxedStrategy<OwnedAnswer> {
    let refused = (prop::sample::select(&ErrorCode::ALL[..]), any_text());
    let item = prop_oneof![4 => any_reply().prop_map(Ok), 1 => refused.clone().prop_map(Err)];
    prop_oneof![
        6 => any_reply().prop_map(OwnedAnswer::Reply),
        2 => vec(item, 0..6).prop_map(OwnedAnswer::Many),
        1 => refused.prop_map(OwnedAnswer::Error),
    ]
    .boxed()
}
