//! What holds over REST and over frames alike: the same cases against each, and the same random requests against both.
//!
//! ```text
//!   main.rs      cases
//!   api.rs       one interface to either protocol
//!   random.rs    random requests to two servers, one over each protocol, beside the model
//! ```

mod api;
#[path = "../frame_client/mod.rs"]
mod frame_client;
#[path = "../harness/mod.rs"]
mod harness;
#[allow(dead_code)] // What concerns tables is for history.rs.
#[path = "../model/mod.rs"]
mod model;
mod random;
#[allow(dead_code)] // As above.
#[path = "../requests/mod.rs"]
mod requests;

use std::collections::{BTreeMap, BTreeSet};

use api::{Api, Response, each};
use model::{Operation, Reply, Type, Value};
use serde_json::json;

/// Longest key, in bytes.
const LONGEST_KEY: usize = 512;

/// Largest value of one entry, in bytes.
const LARGEST_VALUE: usize = 32 << 20;

fn text(text: impl ToString) -> Response {
    Response::Reply(Reply::Text(text.to_string()))
}

const STORED: Response = Response::Reply(Reply::Stored);
const MISSING: Response = Response::Reply(Reply::NotFound);
const OVERFLOW: Response = Response::Reply(Reply::Overflow);

fn deleted(yes: bool) -> Response {
    Response::Reply(Reply::Deleted(yes))
}

fn value(value: &Value) -> Response {
    Response::Reply(Reply::Value(value.json()))
}

fn map(fields: &[(&str, &str)]) -> Value {
    Value::Map(fields.iter().map(|(field, value)| (field.to_string(), value.to_string())).collect())
}

fn set(members: &[&str]) -> Value {
    Value::Set(members.iter().map(ToString::to_string).collect())
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

/// Values of each type.
fn values() -> Vec<(Type, Vec<Value>)> {
    vec![
        (Type::Int, [i32::MIN, -1, 0, i32::MAX].map(Value::Int).into()),
        (Type::Uint, [0, 1, u32::MAX].map(Value::Uint).into()),
        (Type::Float, [0.0, -0.0, 1.5, f32::MAX, f32::MIN, f32::from_bits(1)].map(Value::Float).into()),
        (Type::Str, ["", " a\nline\r\n", "añ€😀", &"long ".repeat(1000)].map(|text| Value::Str(text.into())).into()),
        (Type::Map, vec![map(&[]), map(&[("a", "1")]), map(&[("", ""), ("a\"", "\\"), ("é", "\u{1}")])]),
        (Type::Set, vec![set(&[]), set(&["a"]), set(&["", "a\"", "é", "\u{10ffff}"])]),
    ]
}

#[test]
fn values_are_put_read_replaced_and_deleted() {
    each(|api| {
        for (ty, values) in values() {
            assert_eq!(api.ask("k", &Operation::Get(ty)), MISSING);
            assert_eq!(api.ask("k", &Operation::Del(ty)), deleted(false));
            for put in values {
                assert_eq!(api.ask("k", &Operation::Put(put.clone())), STORED);
                assert_eq!(api.ask("k", &Operation::Get(ty)), value(&put));
            }
            assert_eq!(api.ask("k", &Operation::Del(ty)), deleted(true));
            assert_eq!(api.ask("k", &Operation::Get(ty)), MISSING);
            assert_eq!(api.ask("k", &Operation::Del(ty)), deleted(false));
        }
    });
}

#[test]
fn an_entry_is_named_by_type_and_key() {
    each(|api| {
        let values = values();
        let put_all = |api: &mut dyn Api| {
            for (_, values) in &self::values() {
                assert_eq!(api.ask("same", &Operation::Put(values[1].clone())), STORED);
            }
        };
        for (gone, _) in &values {
            put_all(api);
            assert_eq!(api.ask("same", &Operation::Del(*gone)), deleted(true));
            for (ty, values) in &values {
                let expected = if ty == gone { MISSING } else { value(&values[1]) };
                assert_eq!(api.ask("same", &Operation::Get(*ty)), expected, "{ty:?} without {gone:?}");
            }
        }
        assert_eq!(api.ask("another", &Operation::DelAll), deleted(false));
        put_all(api);
        assert_eq!(api.ask("same", &Operation::DelAll), deleted(true));
        for (ty, _) in &values {
            assert_eq!(api.ask("same", &Operation::Get(*ty)), MISSING);
        }
        assert_eq!(api.ask("same", &Operation::DelAll), deleted(false));
        assert_eq!(api.ask("one", &Operation::Put(set(&[]))), STORED);
        assert_eq!(api.ask("one", &Operation::DelAll), deleted(true));
    });
}

#[test]
fn counters_answer_the_value_before() {
    each(|api| {
        for ty in [Type::Int, Type::Uint] {
            for (ask, before) in [
                (Operation::Incr(ty), "0"),
                (Operation::Incr(ty), "1"),
                (Operation::IncrBy(ty, 40), "2"),
                (Operation::IncrBy(ty, -41), "42"),
                (Operation::IncrBy(ty, 0), "1"),
            ] {
                assert_eq!(api.ask("n", &ask), text(before), "{ask:?}");
            }
            assert_eq!(api.ask("n", &Operation::Get(ty)), Response::Reply(Reply::Value(json!(1))));
            assert_eq!(api.ask("first", &Operation::IncrBy(ty, 5)), text(0));
            assert_eq!(api.ask("first", &Operation::Get(ty)), Response::Reply(Reply::Value(json!(5))));
        }
    });
}

#[test]
fn counters_reach_both_ends_of_their_type_and_stop_there() {
    let (int, uint) = (Type::Int, Type::Uint);
    let (least, most, largest) = (i64::from(i32::MIN), i64::from(i32::MAX), i64::from(u32::MAX));
    each(|api| {
        for (ty, start, by, end) in [
            (int, most - 1, 1, Some(most)),
            (int, most, 0, Some(most)),
            (int, most, 1, None),
            (int, 1, most, None),
            (int, least + 1, -1, Some(least)),
            (int, least, -1, None),
            (int, -1, least + 1, Some(least)),
            (int, -1, least, None),
            (uint, largest - 1, 1, Some(largest)),
            (uint, largest, 1, None),
            (uint, 0, largest, Some(largest)),
            (uint, 1, largest, None),
            (uint, largest, -largest, Some(0)),
            (uint, 0, -1, None),
            (uint, 5, -6, None),
        ] {
            let number = |number: i64| match ty {
                Type::Int => Value::Int(i32::try_from(number).expect("an int")),
                _ => Value::Uint(u32::try_from(number).expect("a uint")),
            };
            assert_eq!(api.ask("n", &Operation::Put(number(start))), STORED);
            let expected = end.map_or(OVERFLOW, |_| text(start));
            assert_eq!(api.ask("n", &Operation::IncrBy(ty, by)), expected, "{ty:?}: {start} + {by}");
            assert_eq!(
                api.ask("n", &Operation::Get(ty)),
                value(&number(end.unwrap_or(start))),
                "{ty:?}: {start} + {by}"
            );
        }
        for (ty, most) in [(int, Value::Int(i32::MAX)), (uint, Value::Uint(u32::MAX))] {
            assert_eq!(api.ask("n", &Operation::Put(most.clone())), STORED);
            assert_eq!(api.ask("n", &Operation::Incr(ty)), OVERFLOW);
            assert_eq!(api.ask("n", &Operation::Get(ty)), value(&most));
        }
        assert_eq!(api.ask("missing", &Operation::IncrBy(uint, -1)), OVERFLOW);
        assert_eq!(api.ask("missing", &Operation::Get(uint)), MISSING, "a refused increment makes no entry");
    });
}

#[test]
fn sets_grow_shrink_and_know_their_members() {
    each(|api| {
        let mut ask = |ask: Operation| api.ask("s", &ask);
        assert_eq!(ask(Operation::SetHas("a".into())), MISSING);
        assert_eq!(ask(Operation::SetRem(texts(&["a"]))), text(0));
        assert_eq!(ask(Operation::SetAdd(texts(&[]))), text(0));
        assert_eq!(ask(Operation::Get(Type::Set)), MISSING, "nothing was added");
        assert_eq!(ask(Operation::SetAdd(texts(&["b", "a", "b", "ä", "Z", ""]))), text(5));
        assert_eq!(ask(Operation::SetAdd(texts(&["a", "c"]))), text(1));
        assert_eq!(ask(Operation::Get(Type::Set)), value(&set(&["", "Z", "a", "b", "c", "ä"])));
        for (member, has) in [("a", true), ("ä", true), ("", true), ("A", false), ("a/b", false)] {
            assert_eq!(ask(Operation::SetHas(member.into())), text(has), "{member}");
        }
        assert_eq!(ask(Operation::SetRem(texts(&["a", "not there"]))), text(1));
        assert_eq!(ask(Operation::SetHas("a".into())), text(false));
        assert_eq!(ask(Operation::SetRem(texts(&["", "Z", "b", "c", "ä"]))), text(5));
        assert_eq!(ask(Operation::Get(Type::Set)), value(&set(&[])), "a set left empty stays");
    });
}

#[test]
fn map_fields_are_read_written_and_deleted_one_by_one() {
    each(|api| {
        let mut ask = |ask: Operation| api.ask("m", &ask);
        let get = |field: &str| Operation::MapGet(field.into());
        assert_eq!(ask(get("a")), MISSING);
        assert_eq!(ask(Operation::MapDel("a".into())), deleted(false));
        assert_eq!(ask(Operation::MapSet("a".into(), "one\n\"two\"".into())), STORED);
        assert_eq!(ask(get("a")), text("one\n\"two\""));
        assert_eq!(ask(get("b")), MISSING);
        assert_eq!(ask(Operation::Put(map(&[("b", "2"), ("a/b", "3"), ("", "4")]))), STORED);
        assert_eq!(ask(get("a")), MISSING, "a put replaces the whole map");
        for (field, value) in [("b", "2"), ("a/b", "3"), ("", "4")] {
            assert_eq!(ask(get(field)), text(value));
        }
        assert_eq!(ask(Operation::MapSet("b".into(), String::new())), STORED);
        assert_eq!(ask(get("b")), text(""));
        for field in ["b", "a/b", ""] {
            assert_eq!(ask(Operation::MapDel(field.into())), deleted(true));
            assert_eq!(ask(Operation::MapDel(field.into())), deleted(false));
        }
        assert_eq!(ask(Operation::Get(Type::Map)), value(&map(&[])), "a map left empty stays");
    });
}

/// One request of each kind, of a type that goes with it.
fn asks() -> Vec<Operation> {
    let mut asks: Vec<Operation> =
        Type::ALL.into_iter().flat_map(|ty| [Operation::Get(ty), Operation::Del(ty)]).collect();
    asks.extend(values().into_iter().map(|(_, mut values)| Operation::Put(values.remove(1))));
    asks.extend([Type::Int, Type::Uint].into_iter().flat_map(|ty| [Operation::Incr(ty), Operation::IncrBy(ty, 1)]));
    asks.extend([
        Operation::SetAdd(texts(&["a"])),
        Operation::SetRem(texts(&["a"])),
        Operation::SetHas("a".into()),
        Operation::DelAll,
    ]);
    asks.extend([
        Operation::MapGet("a".into()),
        Operation::MapSet("a".into(), "b".into()),
        Operation::MapDel("a".into()),
    ]);
    asks
}

#[test]
fn keys_have_from_1_to_512_bytes_without_nul() {
    let (longest, long_letters) = ("k".repeat(LONGEST_KEY), "🗝".repeat(LONGEST_KEY / 4));
    let (too_long, too_long_letters) = ("k".repeat(LONGEST_KEY + 1), "é".repeat(LONGEST_KEY / 2 + 1));
    each(|api| {
        for key in ["k", " ", "..", "a/b", "%41", "\u{1}", "e\u{301}", "\u{e9}", &longest, &long_letters] {
            let put = Value::Str(key.into());
            assert_eq!(api.ask(key, &Operation::Get(Type::Str)), MISSING, "{key}");
            assert_eq!(api.ask(key, &Operation::Put(put.clone())), STORED, "{key}");
            assert_eq!(api.ask(key, &Operation::Get(Type::Str)), value(&put), "{key}");
        }
        for key in ["", "\0", "a\0b", &too_long, &too_long_letters] {
            for ask in asks() {
                assert_eq!(api.ask(key, &ask), Response::BadKey, "{key:?} {ask:?}");
            }
        }
    });
}

#[test]
fn what_cannot_be_stored_is_refused_and_changes_nothing() {
    let nul = || "a\0b".to_string();
    each(|api| {
        let present = [Value::Float(1.5), Value::Str("old".into()), map(&[("a", "1")]), set(&["a"])];
        for put in &present {
            assert_eq!(api.ask("k", &Operation::Put(put.clone())), STORED);
        }
        let refused = [
            Operation::Put(Value::Float(f32::NAN)),
            Operation::Put(Value::Float(f32::INFINITY)),
            Operation::Put(Value::Float(f32::NEG_INFINITY)),
            Operation::Put(Value::Str(nul())),
            Operation::Put(Value::Map(BTreeMap::from([("a".into(), nul())]))),
            Operation::Put(Value::Map(BTreeMap::from([(nul(), "a".into())]))),
            Operation::Put(Value::Set(BTreeSet::from(["a".into(), nul()]))),
            Operation::SetAdd(vec!["b".into(), nul()]),
            Operation::SetRem(vec!["a".into(), nul()]),
            Operation::SetHas(nul()),
            Operation::MapGet(nul()),
            Operation::MapSet(nul(), "a".into()),
            Operation::MapSet("a".into(), nul()),
            Operation::MapDel(nul()),
        ];
        for ask in &refused {
            for key in ["k", "new"] {
                assert_eq!(api.ask(key, ask), Response::BadValue, "{ask:?}");
            }
        }
        for put in &present {
            assert_eq!(api.ask("k", &Operation::Get(put.ty())), value(put));
            assert_eq!(api.ask("new", &Operation::Get(put.ty())), MISSING);
        }
    });
}

#[test]
fn a_value_that_grows_too_large_is_refused_and_stays_as_it_was() {
    const PART: usize = 15 << 20;
    each(|api| {
        let part = "x".repeat(PART);
        for field in ["a", "b"] {
            assert_eq!(api.ask("m", &Operation::MapSet(field.into(), part.clone())), STORED);
            assert_eq!(api.ask("s", &Operation::SetAdd(vec![format!("{field}{part}")])), text(1));
        }
        // Each item takes 4 bytes besides its own.
        let room = LARGEST_VALUE - 2 * (4 + 1 + 4 + PART);
        let (fits, too_large) = ("y".repeat(room - 4 - 1 - 4), "y".repeat(room - 4 - 1 - 4 + 1));
        assert_eq!(api.ask("m", &Operation::MapSet("c".into(), too_large)), Response::TooLarge);
        assert_eq!(api.ask("m", &Operation::MapGet("c".into())), MISSING);
        assert_eq!(api.ask("m", &Operation::MapSet("c".into(), fits.clone())), STORED);
        assert_eq!(api.ask("m", &Operation::MapGet("c".into())), text(fits));
        assert_eq!(api.ask("s", &Operation::SetAdd(vec!["z".repeat(PART)])), Response::TooLarge);
        assert_eq!(api.ask("s", &Operation::SetAdd(vec!["z".into()])), text(1));
    });
}
