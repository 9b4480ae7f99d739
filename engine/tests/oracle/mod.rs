//! What the engine promises, written down in the plainest way: one sorted tree, no shards, no limits, no threads.

// Every test binary that includes this file uses a part of it.
#![allow(dead_code)]

use std::collections::{BTreeMap, BTreeSet};

use engine::{Engine, Expires};
use proto::{CounterType, Effect, Micros, Op, Refusal, Reply, StringsBuf, TypeSet, Value, ValueRef, ValueType};

/// All entries of something, by type and key.
pub(crate) type Contents = BTreeMap<(ValueType, String), Value>;

/// The entries of `engine`.
pub(crate) fn contents(engine: &Engine) -> Contents {
    let mut contents = Contents::new();
    engine.for_each(|ty, key, value| {
        let twice = contents.insert((ty, key.to_owned()), value);
        assert_eq!(twice, None, "the engine visits each entry once");
    });
    contents
}

/// The sequential specification of the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Oracle {
    /// The lsn of the next write: the stamp of what it leaves.
    pub(crate) next_lsn: u64,
    entries: BTreeMap<(ValueType, String), Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Entry {
    value: Plain,
    stamp: u64,
    expires: Option<Micros>,
}

/// A value that can be compared exactly and hashed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Plain {
    Int(i32),
    Uint(u32),
    Float(u32),
    Str(String),
    Map(BTreeMap<String, String>),
    Set(BTreeSet<String>),
}

/// What an operation comes to.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) result: Result<Reply, Refusal>,
    /// The effect that the log keeps, if the operation changed something.
    pub(crate) effect: Option<Effect>,
    /// The effect that the log keeps if it was recorded although nothing changed.
    pub(crate) idle_effect: Effect,
}

fn changed(reply: Reply, effect: Effect) -> Answer {
    Answer { result: Ok(reply), effect: Some(effect), idle_effect: Effect::None }
}

fn unchanged(reply: Reply) -> Answer {
    Answer { result: Ok(reply), effect: None, idle_effect: Effect::None }
}

impl Oracle {
    pub(crate) fn execute(&mut self, op: &Op<'_>) -> Answer {
        let key = op.key().as_str();
        match *op {
            Op::Outcome { .. } => unreachable!("no operation of a client"),
            Op::Get { ty, .. } => {
                unchanged(self.get(ty, key).map_or(Reply::NoEntry, |value| Reply::Value(value.to_value())))
            }
            Op::Put { value, .. } => {
                self.store(value.value_type(), key, value.into());
                changed(Reply::Stored, Effect::None)
            }
            Op::Del { ty, .. } | Op::Expire { ty, .. } => match self.remove(ty, key) {
                true => changed(Reply::Deleted(true), Effect::None),
                false => unchanged(Reply::Deleted(false)),
            },
            Op::Touch { ty, .. } => match self.get(ty, key).cloned() {
                None => unchanged(Reply::NoEntry),
                Some(value) => {
                    self.store(ty, key, value);
                    changed(Reply::Stored, Effect::None)
                }
            },
            Op::DelAll { .. } => {
                let removed: TypeSet = ValueType::ALL.into_iter().filter(|ty| self.remove(*ty, key)).collect();
                match Effect::Types(removed) {
                    idle_effect if removed.is_empty() => Answer { idle_effect, ..unchanged(Reply::Deleted(false)) },
                    effect => changed(Reply::Deleted(true), effect),
                }
            }
            Op::Incr { ty, .. } => self.increment(ty, key, 1),
            Op::IncrBy { ty, by, .. } => self.increment(ty, key, by),
            Op::SetAdd { members, .. } => {
                let mut set = self.set(key).cloned().unwrap_or_default();
                let added = members.iter().filter(|member| set.insert((*member).to_owned())).count();
                self.store_set(key, set, added)
            }
            Op::SetRem { members, .. } => {
                let mut set = self.set(key).cloned().unwrap_or_default();
                let removed = members.iter().filter(|member| set.remove(*member)).count();
                self.store_set(key, set, removed)
            }
            Op::SetHas { member, .. } => {
                unchanged(self.set(key).map_or(Reply::NoEntry, |set| Reply::Has(set.contains(member))))
            }
            Op::MapGet { field, .. } => unchanged(match self.map(key) {
                None => Reply::NoEntry,
                Some(map) => map.get(field).map_or(Reply::NoField, |value| Reply::Field(value.as_str().into())),
            }),
            Op::MapSet { field, value, .. } => {
                let mut map = self.map(key).cloned().unwrap_or_default();
                map.insert(field.to_owned(), value.to_owned());
                self.store(ValueType::Map, key, Plain::Map(map));
                changed(Reply::Stored, Effect::None)
            }
            Op::MapDel { field, .. } => {
                let mut map = self.map(key).cloned().unwrap_or_default();
                match map.remove(field) {
                    None => unchanged(Reply::Deleted(false)),
                    Some(_) => {
                        self.store(ValueType::Map, key, Plain::Map(map));
                        changed(Reply::Deleted(true), Effect::None)
                    }
                }
            }
        }
    }

    /// The same, at a time, of an entry that expires then.
    pub(crate) fn execute_at(&mut self, op: &Op<'_>, expires: Expires, at: Micros) -> Answer {
        self.expire(at);
        let answer = self.execute(op);
        if answer.effect.is_some()
            && op.kind().leaves_an_entry()
            && let Some(ty) = op.value_type()
            && let Some(entry) = self.entries.get_mut(&(ty, op.key().as_str().to_owned()))
        {
            match expires {
                _ if !op.kind().takes_expiry() => {}
                Expires::AsUsual if matches!(op, Op::Put { .. }) => entry.expires = None,
                Expires::AsUsual => {}
                Expires::Never => entry.expires = None,
                Expires::At(deadline) => entry.expires = Some(deadline.max(at + 1)),
            }
        }
        answer
    }

    /// Removes what has expired.
    pub(crate) fn expire(&mut self, at: Micros) {
        self.entries.retain(|_, entry| entry.expires.is_none_or(|deadline| at < deadline));
    }

    /// When each entry expires.
    pub(crate) fn deadlines(&self) -> impl Iterator<Item = (ValueType, &str, Option<Micros>)> {
        self.entries.iter().map(|((ty, key), entry)| (*ty, key.as_str(), entry.expires))
    }

    pub(crate) fn contents(&self) -> Contents {
        self.entries.iter().map(|(name, entry)| (name.clone(), entry.value.to_value())).collect()
    }

    /// The lsn of each entry's last write.
    pub(crate) fn stamps(&self) -> impl Iterator<Item = (ValueType, &str, u64)> {
        self.entries.iter().map(|((ty, key), entry)| (*ty, key.as_str(), entry.stamp))
    }

    fn get(&self, ty: ValueType, key: &str) -> Option<&Plain> {
        self.entries.get(&(ty, key.to_owned())).map(|entry| &entry.value)
    }

    fn set(&self, key: &str) -> Option<&BTreeSet<String>> {
        match self.get(ValueType::Set, key)? {
            Plain::Set(set) => Some(set),
            other => unreachable!("{other:?} is stored as a set"),
        }
    }

    fn map(&self, key: &str) -> Option<&BTreeMap<String, String>> {
        match self.get(ValueType::Map, key)? {
            Plain::Map(map) => Some(map),
            other => unreachable!("{other:?} is stored as a map"),
        }
    }

    fn store(&mut self, ty: ValueType, key: &str, value: Plain) {
        let expires = self.entries.get(&(ty, key.to_owned())).and_then(|entry| entry.expires);
        self.entries.insert((ty, key.to_owned()), Entry { value, stamp: self.next_lsn, expires });
    }

    /// A set operation that changed nothing does not create the set either.
    fn store_set(&mut self, key: &str, set: BTreeSet<String>, changes: usize) -> Answer {
        if changes == 0 {
            return unchanged(Reply::Count(0));
        }
        self.store(ValueType::Set, key, Plain::Set(set));
        changed(Reply::Count(changes as u32), Effect::None)
    }

    fn remove(&mut self, ty: ValueType, key: &str) -> bool {
        self.entries.remove(&(ty, key.to_owned())).is_some()
    }

    fn increment(&mut self, ty: CounterType, key: &str, by: i64) -> Answer {
        let (before, old) = match (ty, self.get(ty.into(), key)) {
            (CounterType::Int, None) => (0, Value::Int(0)),
            (CounterType::Uint, None) => (0, Value::Uint(0)),
            (_, Some(Plain::Int(v))) => (i64::from(*v), Value::Int(*v)),
            (_, Some(Plain::Uint(v))) => (i64::from(*v), Value::Uint(*v)),
            other => unreachable!("{other:?} is no counter"),
        };
        let sum = i128::from(before) + i128::from(by);
        let new = match ty {
            CounterType::Int => i32::try_from(sum).ok().map(|v| (Plain::Int(v), Effect::Int(v))),
            CounterType::Uint => u32::try_from(sum).ok().map(|v| (Plain::Uint(v), Effect::Uint(v))),
        };
        match new {
            None => {
                Answer { result: Err(Refusal::Overflow { ty, before, by }), effect: None, idle_effect: Effect::None }
            }
            Some((value, effect)) => {
                self.store(ty.into(), key, value);
                changed(Reply::Value(old), effect)
            }
        }
    }
}

impl From<ValueRef<'_>> for Plain {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Int(v) => Self::Int(v),
            ValueRef::Uint(v) => Self::Uint(v),
            ValueRef::Float(v) => Self::Float(v.to_bits()),
            ValueRef::Str(text) => Self::Str(text.to_owned()),
            ValueRef::Map(list) => Self::Map(list.pairs().map(|(f, v)| (f.to_owned(), v.to_owned())).collect()),
            ValueRef::Set(list) => Self::Set(list.iter().map(str::to_owned).collect()),
        }
    }
}

impl Plain {
    fn to_value(&self) -> Value {
        match self {
            Self::Int(v) => Value::Int(*v),
            Self::Uint(v) => Value::Uint(*v),
            Self::Float(bits) => Value::Float(f32::from_bits(*bits)),
            Self::Str(text) => Value::Str(text.as_str().into()),
            Self::Map(map) => {
                Value::Map(map.iter().flat_map(|(f, v)| [f.as_str(), v.as_str()]).collect::<StringsBuf>())
            }
            Self::Set(set) => Value::Set(set.iter().map(String::as_str).collect::<StringsBuf>()),
        }
    }
}
