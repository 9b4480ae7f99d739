//! What REST v1 says that a request leads to: its answer, the entries after it, and its rows in a PostgreSQL log. Written
//! from the documents, of ordinary collections, for one request after the other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Type {
    Int,
    Uint,
    Float,
    Str,
    Map,
    Set,
}

impl Type {
    pub(crate) const ALL: [Self; 6] = [Self::Int, Self::Uint, Self::Float, Self::Str, Self::Map, Self::Set];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Float => "float",
            Self::Str => "str",
            Self::Map => "map",
            Self::Set => "set",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Int(i32),
    Uint(u32),
    Float(f32),
    Str(String),
    Map(BTreeMap<String, String>),
    Set(BTreeSet<String>),
}

impl Value {
    pub(crate) fn ty(&self) -> Type {
        match self {
            Self::Int(_) => Type::Int,
            Self::Uint(_) => Type::Uint,
            Self::Float(_) => Type::Float,
            Self::Str(_) => Type::Str,
            Self::Map(_) => Type::Map,
            Self::Set(_) => Type::Set,
        }
    }

    /// The value in a form that tells apart what differs: of a float its bits.
    pub(crate) fn json(&self) -> Json {
        match self {
            Self::Int(number) => json!(number),
            Self::Uint(number) => json!(number),
            Self::Float(number) => json!(format!("{:08x}", number.to_bits())),
            Self::Str(text) => json!(text),
            Self::Map(fields) => json!(fields),
            Self::Set(members) => json!(members),
        }
    }
}

/// What a request asks to be done with a key.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Get(Type),
    Put(Value),
    Del(Type),
    DelAll,
    Incr(Type),
    IncrBy(Type, i64),
    SetAdd(Vec<String>),
    SetRem(Vec<String>),
    SetHas(String),
    MapGet(String),
    MapSet(String, String),
    MapDel(String),
}

impl Operation {
    /// As in the column `transaction_type`.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Get(_) => "get",
            Self::Put(_) => "put",
            Self::Del(_) => "del",
            Self::DelAll => "del-all",
            Self::Incr(_) => "incr",
            Self::IncrBy(..) => "incrby",
            Self::SetAdd(_) => "set-add",
            Self::SetRem(_) => "set-rem",
            Self::SetHas(_) => "set-has",
            Self::MapGet(_) => "map-get",
            Self::MapSet(..) => "map-set",
            Self::MapDel(_) => "map-del",
        }
    }

    /// The type that is asked about; none for all of them.
    pub(crate) fn ty(&self) -> Option<Type> {
        match self {
            Self::Get(ty) | Self::Del(ty) | Self::Incr(ty) | Self::IncrBy(ty, _) => Some(*ty),
            Self::Put(value) => Some(value.ty()),
            Self::SetAdd(_) | Self::SetRem(_) | Self::SetHas(_) => Some(Type::Set),
            Self::MapGet(_) | Self::MapSet(..) | Self::MapDel(_) => Some(Type::Map),
            Self::DelAll => None,
        }
    }

    fn reads(&self) -> bool {
        matches!(self, Self::Get(_) | Self::SetHas(_) | Self::MapGet(_))
    }

    /// As in the column `operand`.
    fn operand(&self) -> Json {
        match self {
            Self::Incr(_) => json!(1),
            Self::IncrBy(_, by) => json!(by),
            Self::SetAdd(members) | Self::SetRem(members) => json!(members.iter().collect::<BTreeSet<_>>()),
            Self::SetHas(member) => json!([member]),
            Self::MapGet(field) | Self::MapSet(field, _) | Self::MapDel(field) => json!(field),
            Self::Get(_) | Self::Put(_) | Self::Del(_) | Self::DelAll => Json::Null,
        }
    }
}

/// An answer by its meaning.
#[derive(Debug, PartialEq)]
pub(crate) enum Reply {
    Stored,
    Deleted(bool),
    /// A value as [`Value::json`] gives it.
    Value(Json),
    /// The text of a count, of a field, or whether there is a member.
    Text(String),
    NotFound,
    Overflow,
}

/// What a request has changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Something,
    Nothing,
    /// It was not carried out.
    Refused,
}

#[derive(Debug)]
struct Entry {
    value: Value,
    /// Of the last write to it that was recorded.
    lsn: u64,
}

/// A row of a table of transactions: lsn, transaction type, key, value, operand.
pub(crate) type Row = Json;

/// Entries and log after some requests.
#[derive(Debug)]
pub(crate) struct Model {
    /// Whether everything is recorded, or only writes that have an effect.
    record_all: bool,
    entries: BTreeMap<(Type, String), Entry>,
    lsn: u64,
    /// By table: of a type, or of whole keys (`None`).
    rows: BTreeMap<Option<Type>, Vec<Row>>,
}

impl Model {
    pub(crate) fn new(record_all: bool) -> Self {
        Self { record_all, entries: BTreeMap::new(), lsn: 0, rows: BTreeMap::new() }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The last request's lsn that was recorded.
    pub(crate) fn lsn(&self) -> u64 {
        self.lsn
    }

    /// The rows of a table in order.
    pub(crate) fn rows(&self, table: Option<Type>) -> &[Row] {
        self.rows.get(&table).map_or(&[], Vec::as_slice)
    }

    /// Every entry of a type by key: key, value, lsn of the last write to it.
    pub(crate) fn present(&self, ty: Type) -> Vec<Json> {
        let of_type = self.entries.iter().filter(|((of, _), _)| *of == ty);
        of_type.map(|((_, key), entry)| json!([key, entry.value.json(), entry.lsn])).collect()
    }

    /// Carries out a request.
    pub(crate) fn apply(&mut self, key: &str, ask: &Operation) -> Reply {
        let present: Vec<Type> = Type::ALL.into_iter().filter(|ty| self.value(*ty, key).is_some()).collect();
        let (reply, effect) = self.carry_out(key, ask);
        if effect == Effect::Something || (effect == Effect::Nothing && self.record_all) {
            self.lsn += 1;
            self.record(key, ask, &present);
        }
        reply
    }

    fn record(&mut self, key: &str, ask: &Operation, present: &[Type]) {
        let (lsn, kind) = (self.lsn, ask.kind());
        let Some(ty) = ask.ty() else {
            let names: Vec<_> = present.iter().map(|ty| ty.name()).collect();
            self.rows.entry(None).or_default().push(json!([lsn, kind, key, names, null]));
            for ty in present {
                self.rows.entry(Some(*ty)).or_default().push(json!([lsn, kind, key, null, null]));
            }
            return;
        };
        let value = match ask {
            Operation::Put(_) | Operation::Incr(_) | Operation::IncrBy(..) => self.value(ty, key).map(Value::json),
            Operation::MapSet(_, value) => Some(json!(value)),
            _ => None,
        };
        self.rows.entry(Some(ty)).or_default().push(json!([lsn, kind, key, value, ask.operand()]));
        if let Some(entry) = self.entries.get_mut(&(ty, key.to_string()))
            && !ask.reads()
        {
            entry.lsn = lsn;
        }
    }

    fn value(&self, ty: Type, key: &str) -> Option<&Value> {
        self.entries.get(&(ty, key.to_string())).map(|entry| &entry.value)
    }

    fn put(&mut self, key: &str, value: Value) {
        self.entries.insert((value.ty(), key.to_string()), Entry { value, lsn: 0 });
    }

    fn map(&self, key: &str) -> Option<BTreeMap<String, String>> {
        match self.value(Type::Map, key) {
            Some(Value::Map(fields)) => Some(fields.clone()),
            _ => None,
        }
    }

    fn set(&self, key: &str) -> Option<BTreeSet<String>> {
        match self.value(Type::Set, key) {
            Some(Value::Set(members)) => Some(members.clone()),
            _ => None,
        }
    }

    fn carry_out(&mut self, key: &str, ask: &Operation) -> (Reply, Effect) {
        let read = |reply: Option<Reply>| (reply.unwrap_or(Reply::NotFound), Effect::Nothing);
        let effect = |something| if something { Effect::Something } else { Effect::Nothing };
        match ask {
            Operation::Get(ty) => read(self.value(*ty, key).map(|value| Reply::Value(value.json()))),
            Operation::SetHas(member) => read(self.set(key).map(|set| Reply::Text(set.contains(member).to_string()))),
            Operation::MapGet(field) => read(self.map(key).and_then(|mut map| map.remove(field)).map(Reply::Text)),
            Operation::Put(value) => {
                self.put(key, value.clone());
                (Reply::Stored, Effect::Something)
            }
            Operation::Del(ty) => {
                let deleted = self.entries.remove(&(*ty, key.to_string())).is_some();
                (Reply::Deleted(deleted), effect(deleted))
            }
            Operation::DelAll => {
                let before = self.len();
                self.entries.retain(|(_, other), _| other != key);
                let deleted = self.len() < before;
                (Reply::Deleted(deleted), effect(deleted))
            }
            Operation::Incr(ty) => self.increment(key, *ty, 1),
            Operation::IncrBy(ty, by) => self.increment(key, *ty, *by),
            Operation::SetAdd(members) => {
                let mut set = self.set(key).unwrap_or_default();
                let added = members.iter().filter(|member| set.insert(member.to_string())).count();
                if added > 0 {
                    self.put(key, Value::Set(set));
                }
                (Reply::Text(added.to_string()), effect(added > 0))
            }
            Operation::SetRem(members) => {
                let mut set = self.set(key).unwrap_or_default();
                let removed = members.iter().filter(|member| set.remove(*member)).count();
                if removed > 0 {
                    self.put(key, Value::Set(set));
                }
                (Reply::Text(removed.to_string()), effect(removed > 0))
            }
            Operation::MapSet(field, value) => {
                let mut map = self.map(key).unwrap_or_default();
                map.insert(field.clone(), value.clone());
                self.put(key, Value::Map(map));
                (Reply::Stored, Effect::Something)
            }
            Operation::MapDel(field) => {
                let mut map = self.map(key).unwrap_or_default();
                let deleted = map.remove(field).is_some();
                if deleted {
                    self.put(key, Value::Map(map));
                }
                (Reply::Deleted(deleted), effect(deleted))
            }
        }
    }

    fn increment(&mut self, key: &str, ty: Type, by: i64) -> (Reply, Effect) {
        let before = match self.value(ty, key) {
            Some(Value::Int(number)) => i64::from(*number),
            Some(Value::Uint(number)) => i64::from(*number),
            _ => 0,
        };
        let after = match ty {
            Type::Uint => u32::try_from(before + by).map(Value::Uint),
            _ => i32::try_from(before + by).map(Value::Int),
        };
        match after {
            Err(_) => (Reply::Overflow, Effect::Refused),
            Ok(after) => {
                self.put(key, after);
                (Reply::Text(before.to_string()), Effect::Something)
            }
        }
    }
}
