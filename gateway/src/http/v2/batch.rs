//! Batches: many operations in one request, all or nothing, or each by itself.

use engine::{Check, Condition, Expires, MAX_REPLIES_BYTES, Stamp, Step, StepDone};
use proto::{Key, Lsn, Micros, Refusal, Value, ValueType};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use super::action::{Action, Content};
use super::body::{self, CounterChange, Integer, Patch};
use super::problem::document;
use super::token::{self, Tokens};
use super::transact::{MAX_OPS, Part, transact};
use super::{media, ttl};
use crate::access::Caller;
use crate::context::Worker;
use crate::http::head::Head;
use crate::http::once;
use crate::http::options::durability;
use crate::http::problem::Problem;
use crate::http::response::{Executed, Response};
use crate::http::values::JsonValue;
use crate::once::AskedOnce;
use crate::service::Options;

const EXPECTED: &str = "an object such as {\"ops\":[{\"op\":\"put\",\"type\":\"int\",\"key\":\"k\",\"value\":1}]}";

/// A batch as its body describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// Whether all of it is done or nothing.
    #[serde(default = "yes")]
    atomic: bool,
    #[serde(default, rename = "if")]
    conditions: Vec<Required>,
    ops: Vec<Wanted>,
}

fn yes() -> bool {
    true
}

/// A condition.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Required {
    #[serde(rename = "type")]
    ty: String,
    key: String,
    etag: Option<String>,
    #[serde(default)]
    absent: bool,
    #[serde(default)]
    present: bool,
}

/// An operation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    op: String,
    #[serde(rename = "type")]
    ty: String,
    key: String,
    value: Option<Box<RawValue>>,
    min: Option<Integer>,
    max: Option<Integer>,
    ttl: Option<String>,
}

/// A condition that has been read.
struct Checked {
    ty: ValueType,
    key: String,
    state: State,
}

enum State {
    Present,
    Absent,
    /// One of these; none, if the etag is of another log.
    Stamp(Vec<Stamp>),
}

/// An operation that has been read.
struct Prepared {
    ty: ValueType,
    key: String,
    work: Work,
    expires: Expires,
}

enum Work {
    Get,
    Put(Value),
    Delete,
    Patch(Patch),
}

fn malformed(message: impl Into<String>) -> Problem {
    Problem::Malformed(message.into())
}

fn type_of(name: &str) -> Result<ValueType, Problem> {
    let names = || ValueType::ALL.map(ValueType::name).join(", ");
    ValueType::from_name(name).ok_or_else(|| malformed(format!("type {name:?}: expected one of {}", names())))
}

impl Required {
    fn read(self, tokens: &Tokens) -> Result<Checked, Problem> {
        let state = match (self.etag, self.absent, self.present) {
            (Some(etag), false, false) => {
                let text = etag.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(&etag);
                State::Stamp(token::parse_etag(tokens, text.as_bytes()).into_iter().collect())
            }
            (None, true, false) => State::Absent,
            (None, false, true) => State::Present,
            _ => return Err(malformed("expected one of \"etag\":\"…\", \"absent\":true and \"present\":true")),
        };
        Key::new(self.key.as_bytes())?;
        Ok(Checked { ty: type_of(&self.ty)?, key: self.key, state })
    }
}

impl Checked {
    fn check(&self) -> Result<Check<'_>, Problem> {
        let condition = match &self.state {
            State::Present => Condition::Present,
            State::Absent => Condition::Absent,
            State::Stamp(stamps) => Condition::OneOf(stamps),
        };
        Ok(Check { ty: self.ty, key: Key::new(self.key.as_bytes())?, condition })
    }
}

impl Wanted {
    /// Reads an operation that is carried out at the time `at`.
    fn read(self, at: Micros) -> Result<Prepared, Problem> {
        let ty = type_of(&self.ty)?;
        Key::new(self.key.as_bytes())?;
        if self.op != "incr" && (self.min.is_some() || self.max.is_some()) {
            return Err(malformed("min and max belong to incr"));
        }
        let value = || self.value.as_deref().ok_or_else(|| malformed(format!("{} needs a value", self.op)));
        let no_value = || match self.value {
            None => Ok(()),
            Some(_) => Err(malformed(format!("{} takes no value", self.op))),
        };
        let work = match self.op.as_str() {
            "get" => no_value().map(|()| Work::Get)?,
            "del" => no_value().map(|()| Work::Delete)?,
            "put" => Work::Put(body::read_value(ty, value()?)?),
            "incr" => {
                let by = match &self.value {
                    None => Integer(1),
                    Some(value) => body::read("the value of incr", value.get().as_bytes(), "an integer")?,
                };
                let ty = proto::CounterType::of(ty).ok_or_else(|| malformed(format!("{} has no incr", self.ty)))?;
                Work::Patch(Patch::Counter { ty, change: CounterChange { by, min: self.min, max: self.max } })
            }
            "patch" => Work::Patch(Patch::read(ty, value()?.get().as_bytes())?),
            other => return Err(malformed(format!("op {other:?}: expected get, put, del, incr or patch"))),
        };
        let expires = match (&self.ttl, &work) {
            (None, _) => Expires::AsUsual,
            (Some(ttl), Work::Put(_) | Work::Patch(_)) => ttl::parse(ttl, at)?,
            (Some(_), Work::Get | Work::Delete) => return Err(malformed("ttl belongs to put, incr and patch")),
        };
        Ok(Prepared { ty, key: self.key, work, expires })
    }
}

impl Prepared {
    fn action(&self) -> Action<'_> {
        match &self.work {
            Work::Get => Action::Get,
            Work::Put(value) => Action::Put(value.as_value_ref()),
            Work::Delete => Action::Delete,
            Work::Patch(patch) => patch.action(),
        }
    }

    fn plan<'p>(&'p self, steps: &mut Vec<Step<'p>>) -> Result<(), Problem> {
        self.action().plan(self.ty, Key::new(self.key.as_bytes())?, self.expires, steps);
        Ok(())
    }

    /// The result, as the response shows it.
    fn result(&self, tokens: &Tokens, steps: Vec<StepDone>) -> Shown {
        let facts = steps.last().and_then(|step| step.after);
        let etag = facts.map(|facts| token::etag(tokens, facts.stamp));
        let expires_at = facts.and_then(|facts| facts.expires).map(ttl::shown);
        let result = self.action().result(steps);
        let mut shown = Shown { status: Some(result.status.as_u16()), etag, expires_at, ..Shown::default() };
        match result.content {
            Content::Value(value) => shown.value = Some(Told(value)),
            Content::Text(text) => shown.value = Some(Told(Value::Str(text))),
            Content::Told(Json::Object(told)) => shown.more = told,
            Content::Told(_) | Content::Nothing | Content::NoEntry | Content::NoField => {}
        }
        shown
    }
}

/// The result of an operation.
#[derive(Default, Serialize)]
struct Shown {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Told>,
    /// Whether an earlier request has done it; told where each operation is carried out by itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replayed: bool,
    /// What a change has come to, or the whole of a problem.
    #[serde(flatten)]
    more: Map<String, Json>,
}

/// A value, which becomes text only in the response.
struct Told(Value);

impl Serialize for Told {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        JsonValue(self.0.as_value_ref()).serialize(json)
    }
}

fn problem(problem: &Problem) -> Shown {
    Shown { more: document(problem), ..Shown::default() }
}

fn in_batch(place: &'static str, number: usize) -> impl Fn(Problem) -> Problem {
    move |problem| Problem::InBatch { place, number, problem: problem.into() }
}

/// Executes the batch of `body`.
pub(super) fn execute(worker: &Worker, caller: &Caller, head: &Head<'_>, body: &[u8]) -> Result<Executed, Problem> {
    media::check_json(head)?;
    let options = Options { durability: durability(true, head)? };
    let Document { atomic, conditions, ops } = body::read("the batch", body, EXPECTED)?;
    if ops.len() > MAX_OPS || conditions.len() > MAX_OPS {
        return Err(Problem::TooMany(MAX_OPS));
    }
    let once = once::of(true, head, body)?;
    let asked = Asked { worker, caller, once, options, at: worker.shared.clock.now() };
    let at = asked.at;
    ttl::of(head, false, at)?;
    let tokens = &worker.shared.tokens;
    let conditions = conditions.into_iter().enumerate();
    let conditions: Result<Vec<_>, _> =
        conditions.map(|(number, required)| required.read(tokens).map_err(in_batch("if", number))).collect();
    let ops = ops.into_iter().enumerate();
    let ops: Result<Vec<_>, _> = ops.map(|(number, wanted)| wanted.read(at).map_err(in_batch("op", number))).collect();
    let (conditions, ops) = (conditions?, ops?);
    let Done { results, awaits, place, replayed } = match atomic {
        true => together(&asked, &conditions, &ops)?,
        false if conditions.is_empty() => one_by_one(&asked, &ops)?,
        false => return Err(malformed("\"if\" is for batches that are atomic")),
    };
    let body = serde_json::to_vec(&Results { results }).map_err(|_| Refusal::ResponseTooLarge)?;
    let response = once::told(replayed, Response::json(body));
    Ok(Executed { response, awaits, place })
}

/// The body of the response.
#[derive(Serialize)]
struct Results {
    results: Vec<Shown>,
}

/// A batch, but for what it does: who asks for it, and how it is carried out.
struct Asked<'b> {
    worker: &'b Worker,
    caller: &'b Caller,
    once: Option<AskedOnce<'b>>,
    options: Options,
    at: Micros,
}

/// What has become of a batch.
struct Done {
    results: Vec<Shown>,
    /// What must be durable.
    awaits: Option<Lsn>,
    /// The place in the log.
    place: Option<Lsn>,
    /// Whether an earlier request has done all of it.
    replayed: bool,
}

fn together(asked: &Asked<'_>, conditions: &[Checked], ops: &[Prepared]) -> Result<Done, Problem> {
    let Asked { worker, caller, once, options, at } = asked;
    let checks: Vec<Check<'_>> = conditions.iter().map(Checked::check).collect::<Result<_, _>>()?;
    let mut steps = Vec::with_capacity(ops.len());
    let mut ends = Vec::with_capacity(ops.len());
    for op in ops {
        op.plan(&mut steps)?;
        ends.push(steps.len());
    }
    let (mut transacted, awaits) = transact(worker, caller, once.as_ref(), *options, *at, &checks, &steps).map_err(
        |(problem, part)| match part {
            Part::Whole => problem,
            Part::Check(number) => in_batch("if", number)(problem),
            Part::Step(step) => in_batch("op", ends.partition_point(|end| *end <= step))(problem),
        },
    )?;
    let (place, replayed) = (Some(transacted.place(worker.service.durable())), transacted.replayed);
    let tokens = &worker.shared.tokens;
    let mut begin = 0;
    let results = ops.iter().zip(ends).map(|(op, end)| {
        let of_op = transacted.steps.drain(..end - std::mem::replace(&mut begin, end)).collect();
        op.result(tokens, of_op)
    });
    Ok(Done { results: results.collect(), awaits, place, replayed })
}

/// Each operation has an idempotency key of its own, so that the same batch again completes what is missing.
fn one_by_one(asked: &Asked<'_>, ops: &[Prepared]) -> Result<Done, Problem> {
    let Asked { worker, caller, once, options, at } = asked;
    let (mut results, mut awaits, mut place) =
        (Vec::with_capacity(ops.len()), None, Some(worker.shared.engine.last_lsn().min(worker.service.durable())));
    let (mut told, mut replayed) = (0, !ops.is_empty());
    for (number, op) in ops.iter().enumerate() {
        if told > MAX_REPLIES_BYTES {
            results.push(problem(&Refusal::ResponseTooLarge.into()));
            continue;
        }
        let mut steps = Vec::new();
        op.plan(&mut steps)?;
        let once = once.map(|once| once.of_operation(number));
        results.push(match transact(worker, caller, once.as_ref(), *options, *at, &[], &steps) {
            Ok((transacted, waits)) => {
                awaits = awaits.max(waits);
                told += transacted.reply_bytes();
                place = place.max(transacted.lsn);
                replayed &= transacted.replayed;
                let shown = op.result(&worker.shared.tokens, transacted.steps);
                Shown { replayed: transacted.replayed, ..shown }
            }
            Err((failed, _)) => {
                replayed = false;
                problem(&failed)
            }
        });
    }
    Ok(Done { results, awaits, place, replayed })
}
