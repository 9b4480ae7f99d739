//! What the views `current_*` should show, derived from the records alone.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proto::{Batch, Effect, Lsn, Micros, Op, Record, Strings, ValueRef, ValueType};
use serde_json::{Value as Json, json};
use testkit::arbitrary::{self, OwnedOp};
use testkit::postgres_server::PostgresServer;

/// Operations on few keys with few elements, so that they meet.
pub(crate) fn operations() -> BoxedStrategy<OwnedOp> {
    let key = prop::sample::select(vec!["a", "b", "c", "d", "e"]).prop_map(String::from).boxed();
    let text = prop::sample::select(vec!["", "p", "q", "r", "é \"\\"]).prop_map(String::from).boxed();
    arbitrary::any_record(key, text)
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    Single(Json),
    Map(BTreeMap<String, String>),
    Set(BTreeSet<String>),
}

/// One key of one type.
#[derive(Clone, Debug)]
struct Entry {
    /// `None` after a deletion.
    state: Option<State>,
    lsn: Lsn,
    at: Micros,
    expires: Option<Micros>,
}

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub(crate) struct PresentState(BTreeMap<(u8, String), Entry>);

impl PresentState {
    pub(crate) fn apply(&mut self, batch: &Batch) {
        batch.records().for_each(|record| self.apply_record(&record.expect("a record")));
    }

    fn apply_record(&mut self, record: &Record<'_>) {
        let types: Vec<ValueType> = match (record.op.value_type(), record.effect) {
            (Some(ty), _) => vec![ty],
            (None, Effect::Types(types)) => types.iter().collect(),
            (None, _) => Vec::new(),
        };
        for ty in types {
            let key = (ty as u8, record.op.key().as_str().to_string());
            let before = self.0.get(&key).and_then(|entry| entry.state.clone());
            if let Some(state) = after(before, record) {
                self.0.insert(key, Entry { state, lsn: record.lsn, at: record.at, expires: record.options.expires });
            }
        }
    }

    /// The rows of all views, as [`shown`] gives them.
    pub(crate) fn rows(&self) -> Vec<Json> {
        let row = |((ty, key), entry): (&(u8, String), &Entry)| {
            let value = match entry.state.as_ref()? {
                State::Single(value) => value.clone(),
                State::Map(fields) => json!(fields),
                State::Set(members) => json!(members),
            };
            Some(json!([ty, key, value, entry.lsn, entry.at, entry.expires]))
        };
        self.0.iter().filter_map(row).collect()
    }
}

/// The state after a record; `None` if that only reads.
fn after(before: Option<State>, record: &Record<'_>) -> Option<Option<State>> {
    let texts = |list: Strings<'_>| list.iter().map(String::from).collect::<Vec<_>>();
    let fields = |state| match state {
        Some(State::Map(fields)) => Some(fields),
        _ => None,
    };
    let members = |state| match state {
        Some(State::Set(members)) => Some(members),
        _ => None,
    };
    Some(match (&record.op, record.effect) {
        (Op::Get { .. } | Op::MapGet { .. } | Op::SetHas { .. }, _) => return None,
        (Op::Del { .. } | Op::DelAll { .. } | Op::Expire { .. }, _) => None,
        (Op::Touch { .. } | Op::Outcome { .. }, _) => before,
        (_, Effect::Int(result)) => Some(State::Single(json!(result))),
        (_, Effect::Uint(result)) => Some(State::Single(json!(result))),
        (Op::Put { value, .. }, _) => Some(match *value {
            ValueRef::Int(value) => State::Single(json!(value)),
            ValueRef::Uint(value) => State::Single(json!(value)),
            ValueRef::Float(value) => State::Single(json!(format!("{:08x}", value.to_bits()))),
            ValueRef::Str(text) => State::Single(json!(text)),
            ValueRef::Map(map) => State::Map(map.pairs().map(|(field, value)| (field.into(), value.into())).collect()),
            ValueRef::Set(members) => State::Set(texts(members).into_iter().collect()),
        }),
        (Op::MapSet { field, value, .. }, _) => {
            let mut fields = fields(before).unwrap_or_default();
            fields.insert((*field).into(), (*value).into());
            Some(State::Map(fields))
        }
        (Op::MapDel { field, .. }, _) => fields(before).map(|mut fields| {
            fields.remove(*field);
            State::Map(fields)
        }),
        (Op::SetAdd { members: added, .. }, _) => {
            let added = texts(*added);
            let before = members(before);
            match (&before, added.is_empty()) {
                (None, true) => None,
                _ => Some(State::Set(before.unwrap_or_default().into_iter().chain(added).collect())),
            }
        }
        (Op::SetRem { members: removed, .. }, _) => members(before).map(|mut members| {
            members.retain(|member| !removed.iter().any(|removed| removed == member));
            State::Set(members)
        }),
        (op, _) => panic!("an operation without its effect: {op:?}"),
    })
}

/// The rows of all views: type, key, value, lsn, time and deadline in microseconds, in this order.
pub(crate) fn shown(server: &PostgresServer, url: &str) -> Vec<Json> {
    let views = [
        (1, "current_int", "to_json(value)"),
        (2, "current_uint", "to_json(value)"),
        (3, "current_float", "to_json(encode(float4send(value), 'hex'))"),
        (4, "current_string", "to_json(value)"),
        (5, "current_map", "to_json(value)"),
        (6, "current_set", "to_json(value)"),
    ];
    let select = views.map(|(ty, view, value)| {
        let micros = |time: &str| format!("(extract(epoch FROM {time}) * 1000000)::bigint");
        let (at, expires) = (micros("timestamp"), micros("expires_at"));
        format!("SELECT {ty} AS ty, key, json_build_array({ty}, key, {value}, lsn, {at}, {expires}) AS row FROM {view}")
    });
    let all = format!(
        "SELECT coalesce(json_agg(row ORDER BY ty, key COLLATE \"C\"), '[]')::text FROM ({}) rows",
        select.join(" UNION ALL ")
    );
    serde_json::from_str(&server.psql(url, &all).replace('\n', " ")).expect("JSON")
}
