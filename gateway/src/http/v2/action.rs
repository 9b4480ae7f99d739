//! What a request, or an operation of a batch, does with an entry: the steps of the engine, and what they come to.

use engine::{Bounds, Expires, Step, StepDone};
use hyper::StatusCode;
use proto::{CounterType, Key, Op, Reply, Strings, Text, Value, ValueRef, ValueType};
use serde_json::{Value as Json, json};

/// What is done with an entry of some type.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action<'a> {
    Get,
    Put(ValueRef<'a>),
    Delete,
    /// Changes only when the entry expires, if at all.
    Touch,
    /// Adds to a counter.
    Add {
        ty: CounterType,
        by: i64,
        bounds: Bounds,
    },
    /// Sets fields, and deletes those without a value.
    Merge(&'a [(String, Option<String>)]),
    /// Adds and removes members.
    Members {
        add: Strings<'a>,
        remove: Strings<'a>,
    },
    GetField(&'a str),
    PutField(&'a str, &'a str),
    DeleteField(&'a str),
    Has(&'a str),
    /// One member, as a list.
    AddMember(Strings<'a>),
    RemoveMember(Strings<'a>),
}

/// What an action has come to.
#[derive(Debug)]
pub(super) struct Result {
    pub(super) status: StatusCode,
    pub(super) content: Content,
}

/// The content of a response.
#[derive(Debug)]
pub(super) enum Content {
    Nothing,
    Value(Value),
    Text(Text),
    /// What a change has come to.
    Told(Json),
    /// There is no such entry.
    NoEntry,
    /// There is the entry, but no such field.
    NoField,
}

impl Result {
    fn new(status: StatusCode, content: Content) -> Self {
        Self { status, content }
    }

    /// Done, with nothing to tell.
    fn done(created: bool) -> Self {
        Self::new(if created { StatusCode::CREATED } else { StatusCode::NO_CONTENT }, Content::Nothing)
    }

    fn missing(content: Content) -> Self {
        Self::new(StatusCode::NOT_FOUND, content)
    }

    /// Deleted, or there was nothing to delete.
    fn deleted(reply: &Reply, otherwise: Content) -> Self {
        match reply {
            Reply::Deleted(true) => Self::done(false),
            _ => Self::missing(otherwise),
        }
    }
}

impl<'a> Action<'a> {
    /// Adds the steps of the action, after which the entry expires then.
    pub(super) fn plan(self, ty: ValueType, key: Key<'a>, expires: Expires, steps: &mut Vec<Step<'a>>) {
        let changes_expiry = expires != Expires::AsUsual;
        let mut push = |op: Op<'a>| steps.push(op.into());
        match self {
            Self::Get => push(Op::Get { ty, key }),
            Self::Put(value) => steps.push(Step { expires, ..Op::Put { key, value }.into() }),
            Self::Delete => push(Op::Del { ty, key }),
            Self::Touch if !changes_expiry => push(Op::Get { ty, key }),
            Self::Touch => steps.push(Step { expires, ..Op::Touch { ty, key }.into() }),
            Self::Add { ty, by, bounds } => steps.push(Step { bounds, expires, ..Op::IncrBy { ty, key, by }.into() }),
            Self::Merge(fields) => {
                fields.iter().for_each(|(field, value)| {
                    push(match value {
                        Some(value) => Op::MapSet { key, field, value },
                        None => Op::MapDel { key, field },
                    });
                });
                if fields.is_empty() && !changes_expiry {
                    // Tells whether there is such a map.
                    push(Op::MapGet { key, field: "" });
                }
            }
            Self::Members { add, remove } => {
                push(Op::SetAdd { key, members: add });
                push(Op::SetRem { key, members: remove });
            }
            Self::GetField(field) => push(Op::MapGet { key, field }),
            Self::PutField(field, value) => {
                // Tells whether it is new.
                push(Op::MapGet { key, field });
                push(Op::MapSet { key, field, value });
            }
            Self::DeleteField(field) => push(Op::MapDel { key, field }),
            Self::Has(member) => push(Op::SetHas { key, member }),
            Self::AddMember(members) => push(Op::SetAdd { key, members }),
            Self::RemoveMember(members) => push(Op::SetRem { key, members }),
        }
        if changes_expiry && matches!(self, Self::Merge(_) | Self::Members { .. }) {
            // Whatever the steps before have changed.
            steps.push(Step { expires, ..Op::Touch { ty, key }.into() });
        }
    }

    /// What its steps have come to.
    pub(super) fn result(self, mut steps: Vec<StepDone>) -> Result {
        let existed = steps.first().is_some_and(|step| step.before.is_some());
        let exists = steps.last().is_some_and(|step| step.after.is_some());
        let counts: Vec<u32> =
            steps.iter().map(|step| if let Reply::Count(count) = step.reply { count } else { 0 }).collect();
        let told = |json| Result::new(StatusCode::OK, Content::Told(json));
        let Some(StepDone { reply, .. }) = steps.pop() else { return Result::missing(Content::NoEntry) };
        match self {
            Self::Put(_) => Result::done(!existed),
            Self::Touch if exists => told(json!({})),
            Self::Touch => Result::missing(Content::NoEntry),
            Self::Delete => Result::deleted(&reply, Content::NoEntry),
            Self::Add { by, .. } => {
                let before = if let Reply::Value(value) = &reply { value.counter() } else { None };
                let before = before.unwrap_or_default();
                told(json!({"before": before, "value": before + by}))
            }
            Self::Merge(fields) => {
                let set = fields.iter().filter(|(_, value)| value.is_some()).count();
                let deleted = steps.iter().map(|step| &step.reply).chain([&reply]);
                let deleted = deleted.filter(|reply| **reply == Reply::Deleted(true)).count();
                match exists {
                    true => told(json!({"set": set, "deleted": deleted})),
                    false => Result::missing(Content::NoEntry),
                }
            }
            Self::Members { .. } => match exists {
                true => told(json!({"added": counts[0], "removed": counts[1]})),
                false => Result::missing(Content::NoEntry),
            },
            Self::PutField(..) => {
                let found = steps.pop().is_some_and(|step| matches!(step.reply, Reply::Field(_)));
                Result::done(!found)
            }
            Self::DeleteField(_) if exists => Result::deleted(&reply, Content::NoField),
            Self::DeleteField(_) => Result::missing(Content::NoEntry),
            Self::AddMember(_) => Result::done(counts[0] > 0),
            Self::RemoveMember(_) => match (counts[0], exists) {
                (0, false) => Result::missing(Content::NoEntry),
                (0, true) => Result::missing(Content::NoField),
                _ => Result::done(false),
            },
            Self::Get | Self::GetField(_) | Self::Has(_) => match reply {
                Reply::Value(value) => Result::new(StatusCode::OK, Content::Value(value)),
                Reply::Field(text) => Result::new(StatusCode::OK, Content::Text(text)),
                Reply::Has(true) => Result::done(false),
                Reply::Has(false) | Reply::NoField => Result::missing(Content::NoField),
                _ => Result::missing(Content::NoEntry),
            },
        }
    }
}
