//! Requests and replies that own their texts, and proptest strategies for them.

use proptest::collection::vec;
use proptest::prelude::*;
use proto::frame::{
    Answer, ChangeContent, ChangeItem, ChangesReply, CheckItem, CheckKind, Cursor, EntryFacts, ErrorCode, Etag, Follow,
    FoundEntry, MAX_FOLLOW_WAIT_MILLIS, ManyReplies, ReplyFrame, Request, RequestFrame, Scan, ScannedEntry, StepItem,
    StepResult, Token, TransactReply, Ttl, encode_auth, encode_bounds, encode_condition, encode_error, encode_follow,
    encode_multi_get, encode_multi_put, encode_page, encode_ping, encode_reply, encode_request, encode_scan,
    encode_transact,
};
use proto::{IdempotencyKey, Op, OpKind, Reply, StringsBuf, Value, ValueRef, ValueType};

use testkit::arbitrary::{OwnedOp, any_key, any_op, any_text, any_type, any_value, as_key, packed};

#[derive(Clone, Debug)]
pub(crate) enum OwnedRequest {
    Op(OwnedOp),
    MultiGet(Vec<(ValueType, String)>),
    MultiPut(Vec<(String, Value)>),
    Ping,
    Auth(String),
    /// With the idempotency key, if there is one.
    Transact(Option<String>, Vec<OwnedCheck>, Vec<OwnedStep>),
    Scan(OwnedScan),
    Follow(OwnedFollow),
}

/// Type, key, code of the condition, states.
pub(crate) type OwnedCheck = (ValueType, String, u8, Vec<Etag>);

/// Operation, time to live, smallest and largest result.
pub(crate) type OwnedStep = (OwnedOp, Option<Ttl>, Option<i64>, Option<i64>);

/// Type, prefix, limit, whether values are wanted, cursor.
pub(crate) type OwnedScan = (Option<ValueType>, String, u16, bool, Option<Cursor>);

/// Type, prefix, whether values are wanted, wait, place.
pub(crate) type OwnedFollow = (Option<ValueType>, String, bool, u16, Option<Token>);

/// A change.
#[derive(Clone, Debug)]
pub(crate) struct OwnedChange {
    pub(crate) op: OwnedOp,
    /// What an increment has come to.
    pub(crate) value: Option<Value>,
    pub(crate) at: i64,
    pub(crate) etag: Option<Etag>,
    pub(crate) expires: Option<i64>,
    /// Whether it says what has changed.
    pub(crate) told: bool,
    pub(crate) step_end: Option<Token>,
}

/// Type, key, state, deadline, value.
pub(crate) type OwnedEntry = (ValueType, String, Etag, Option<i64>, Option<Value>);

/// What is refused, and why.
pub(crate) type Refused = (ErrorCode, String);

#[derive(Clone, Debug)]
pub(crate) enum OwnedAnswer {
    Reply(Reply),
    Many(Vec<Result<Reply, Refused>>),
    Error(Refused),
    /// With whether an earlier request has done it.
    Transacted(Token, bool, Vec<(Result<Reply, Refused>, EntryFacts)>),
    Condition(u16, Option<(Etag, Option<Value>)>),
    Bounds(u16, i64),
    Page(Option<Cursor>, Vec<OwnedEntry>),
    Changes(Token, bool, Vec<OwnedChange>),
}

fn as_check((ty, key, code, etags): &OwnedCheck) -> CheckItem<'_> {
    let kind = match code % 4 {
        0 => CheckKind::Present,
        1 => CheckKind::Absent,
        2 => CheckKind::OneOf(etags),
        _ => CheckKind::NoneOf(etags),
    };
    CheckItem { ty: *ty, key: as_key(key), kind }
}

fn as_once(once: &Option<String>) -> Option<IdempotencyKey<'_>> {
    once.as_ref().map(|key| IdempotencyKey::new(key.as_bytes()).expect("tests make valid keys"))
}

fn as_step((op, ttl, min, max): &OwnedStep) -> StepItem<'_> {
    StepItem { op: op.as_op(), ttl: *ttl, min: *min, max: *max }
}

fn as_scan((ty, prefix, limit, values, cursor): &OwnedScan) -> Scan<'_> {
    Scan { ty: *ty, prefix, limit: *limit, values: *values, cursor: cursor.as_ref() }
}

fn as_follow((ty, prefix, values, wait, after): &OwnedFollow) -> Follow<'_> {
    Follow { ty: *ty, prefix, values: *values, wait: *wait, after: after.as_ref() }
}

fn as_change(change: &OwnedChange) -> ChangeItem<'_> {
    let op = change.op.as_op();
    ChangeItem {
        kind: op.kind(),
        ty: op.value_type().expect("a change is of one type"),
        key: op.key(),
        at: change.at,
        etag: change.etag,
        expires: change.expires,
        content: ChangeContent::of(&op, change.value.as_ref().map(Value::as_value_ref)).filter(|_| change.told),
        step_end: change.step_end,
    }
}

fn as_entry((ty, key, etag, expires, value): &OwnedEntry) -> ScannedEntry<'_> {
    let value = value.as_ref().map(Value::as_value_ref);
    ScannedEntry { ty: *ty, key: as_key(key), etag: *etag, expires: *expires, value }
}

fn as_found((etag, value): &(Etag, Option<Value>)) -> FoundEntry<'_> {
    FoundEntry { etag: *etag, value: value.as_ref().map(Value::as_value_ref) }
}

impl OwnedRequest {
    /// Whether its encoder takes the flag.
    pub(crate) fn can_be_durable(&self) -> bool {
        matches!(self, Self::Op(_) | Self::MultiPut(_) | Self::Transact(..))
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
            Self::Transact(once, checks, steps) => {
                let checks: Vec<_> = checks.iter().map(as_check).collect();
                let steps: Vec<_> = steps.iter().map(as_step).collect();
                encode_transact(out, id, durable, as_once(once), &checks, &steps);
            }
            Self::Scan(scan) => encode_scan(out, id, &as_scan(scan)),
            Self::Follow(follow) => encode_follow(out, id, &as_follow(follow)),
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
            (Self::Transact(once, checks, steps), Request::Transact(items)) => {
                assert_eq!(items.once(), as_once(once));
                assert!(items.checks().eq(checks.iter().map(as_check)), "{self:?}");
                assert!(items.steps().eq(steps.iter().map(as_step)), "{self:?}");
            }
            (Self::Scan(scan), Request::Scan(decoded)) => assert_eq!(decoded, as_scan(scan)),
            (Self::Follow(follow), Request::Follow(decoded)) => assert_eq!(decoded, as_follow(follow)),
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
            Self::Transacted(token, replayed, steps) => {
                let mut reply = TransactReply::begin(out, id, token, *replayed);
                for (result, facts) in steps {
                    let result = result.as_ref().map_err(|(code, message)| (*code, &**message));
                    reply.push(out, result, facts);
                }
                reply.finish(out);
            }
            Self::Condition(number, found) => {
                encode_condition(out, id, *number, found.as_ref().map(as_found).as_ref());
            }
            Self::Bounds(number, before) => encode_bounds(out, id, *number, *before),
            Self::Page(next, entries) => encode_page(out, id, *next, entries.iter().map(as_entry)),
            Self::Changes(token, is_caught_up, changes) => {
                let mut reply = ChangesReply::begin(out, id);
                for (number, change) in changes.iter().enumerate() {
                    // The end of a step can also be said afterwards.
                    let change = as_change(change);
                    match change.step_end.filter(|_| number % 2 == 0) {
                        None => reply.push(out, &change),
                        Some(place) => {
                            reply.push(out, &ChangeItem { step_end: None, ..change });
                            reply.end_step(out, &place);
                        }
                    }
                }
                reply.finish(out, token, *is_caught_up);
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
            (Self::Transacted(token, once, steps), Answer::Transacted { token: decoded, replayed, results }) => {
                assert_eq!((decoded, replayed), (*token, *once));
                let expected = steps.iter().map(|(result, facts)| {
                    let answer = match result {
                        Ok(reply) => as_answer(reply),
                        Err((code, message)) => refused(*code, message),
                    };
                    StepResult { answer, facts: *facts }
                });
                assert!(results.iter().eq(expected), "{self:?}");
            }
            (Self::Condition(number, found), answer) => {
                assert_eq!(answer, Answer::Condition { number: *number, found: found.as_ref().map(as_found) });
            }
            (Self::Bounds(number, before), answer) => {
                assert_eq!(answer, Answer::Bounds { number: *number, before: *before });
            }
            (Self::Page(next, entries), Answer::Page(page)) => {
                assert_eq!(page.next, *next);
                assert!(page.entries().eq(entries.iter().map(as_entry)), "{self:?}");
            }
            (Self::Changes(token, is_caught_up, expected), Answer::Changes(changes)) => {
                assert_eq!((changes.token, changes.is_caught_up), (*token, *is_caught_up));
                assert!(changes.iter().eq(expected.iter().map(as_change)), "{self:?}");
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

fn any_client_op() -> BoxedStrategy<OwnedOp> {
    let op = any_op(any_key(), any_text()).prop_map(|op| match op {
        OwnedOp::Put(key, value) => OwnedOp::Put(key, finite(value)),
        OwnedOp::SetAdd(key, members) => OwnedOp::SetAdd(key, ascending(&members)),
        OwnedOp::SetRem(key, members) => OwnedOp::SetRem(key, ascending(&members)),
        other => other,
    });
    op.boxed()
}

fn any_check() -> BoxedStrategy<OwnedCheck> {
    (any_type(), any_key(), 0..4u8, vec(any::<Etag>(), 0..4)).boxed()
}

fn any_step() -> BoxedStrategy<OwnedStep> {
    let ttl =
        prop_oneof![Just(None), Just(Some(Ttl::Never)), (1..1u64 << 40).prop_map(|millis| Some(Ttl::After(millis)))];
    let op =
        prop_oneof![8 => any_client_op(), 1 => (any_type(), any_key()).prop_map(|(ty, key)| OwnedOp::Touch(ty, key))];
    let bound = || proptest::option::of(any::<i64>());
    let fits = |(op, ttl, min, max): OwnedStep| {
        let kind = op.as_op().kind();
        let is_counter = matches!(kind, OpKind::Incr | OpKind::IncrBy);
        let ttl = match kind {
            OpKind::Touch => ttl.or(Some(Ttl::Never)),
            kind => ttl.filter(|_| kind.takes_expiry()),
        };
        (op, ttl, min.filter(|_| is_counter), max.filter(|_| is_counter))
    };
    (op, ttl, bound(), bound()).prop_map(fits).boxed()
}

fn any_scan() -> BoxedStrategy<OwnedScan> {
    let cursor = proptest::option::of(any::<Cursor>());
    (proptest::option::of(any_type()), any_text(), 1..=1000u16, any::<bool>(), cursor).boxed()
}

fn any_follow() -> BoxedStrategy<OwnedFollow> {
    let after = proptest::option::of(any::<Token>());
    (proptest::option::of(any_type()), any_text(), any::<bool>(), 0..=MAX_FOLLOW_WAIT_MILLIS, after).boxed()
}

fn any_change() -> BoxedStrategy<OwnedChange> {
    let op = any_client_op().prop_filter("reads change nothing, and a change is of one type", |op| {
        op.as_op().kind().writes() && op.as_op().value_type().is_some()
    });
    let facts = (any::<i64>(), proptest::option::of(any::<Etag>()), proptest::option::of(any::<i64>()));
    (op, facts, any::<bool>(), proptest::option::of(any::<Token>()), any::<i32>())
        .prop_map(|(op, (at, etag, expires), told, step_end, number)| {
            let value = match (op.as_op().kind(), op.as_op().value_type()) {
                (OpKind::Incr | OpKind::IncrBy, Some(ValueType::Int)) => Some(Value::Int(number)),
                (OpKind::Incr | OpKind::IncrBy, _) => Some(Value::Uint(number.cast_unsigned())),
                _ => None,
            };
            OwnedChange { op, value, at, etag, expires, told, step_end }
        })
        .boxed()
}

pub(crate) fn any_request() -> BoxedStrategy<OwnedRequest> {
    let op = any_client_op();
    prop_oneof![
        3 => (proptest::option::of("[!-~]{1,64}"), vec(any_check(), 0..4), vec(any_step(), 0..5))
            .prop_map(|(once, checks, steps)| OwnedRequest::Transact(once, checks, steps)),
        1 => any_scan().prop_map(OwnedRequest::Scan),
        1 => any_follow().prop_map(OwnedRequest::Follow),
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
    let facts = (any::<bool>(), proptest::option::of(any::<Etag>()), proptest::option::of(any::<i64>()))
        .prop_map(|(existed, etag, expires)| EntryFacts { existed, etag, expires });
    let found = proptest::option::of((any::<Etag>(), proptest::option::of(any_finite_value())));
    let entry = (any_key(), any::<Etag>(), proptest::option::of(any::<i64>()), any_finite_value(), any::<bool>())
        .prop_map(|(key, etag, expires, value, told)| (value.value_type(), key, etag, expires, told.then_some(value)));
    prop_oneof![
        2 => (any::<Token>(), any::<bool>(), vec((item.clone(), facts), 0..5))
            .prop_map(|(token, replayed, steps)| OwnedAnswer::Transacted(token, replayed, steps)),
        1 => (any::<u16>(), found).prop_map(|(number, found)| OwnedAnswer::Condition(number, found)),
        1 => (any::<u16>(), any::<i64>()).prop_map(|(number, before)| OwnedAnswer::Bounds(number, before)),
        2 => (proptest::option::of(any::<Cursor>()), vec(entry, 0..5)).prop_map(|(next, entries)| OwnedAnswer::Page(next, entries)),
        2 => (any::<Token>(), any::<bool>(), vec(any_change(), 0..5))
            .prop_map(|(token, is_caught_up, changes)| OwnedAnswer::Changes(token, is_caught_up, changes)),
        6 => any_reply().prop_map(OwnedAnswer::Reply),
        2 => vec(item, 0..6).prop_map(OwnedAnswer::Many),
        1 => refused.prop_map(OwnedAnswer::Error),
    ]
    .boxed()
}
