//! Bodies that change an entry, and values as JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;

use engine::Bounds;
use proto::{CounterType, StringsBuf, Value, ValueType, check_text};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::action::Action;
use super::transact::MAX_OPS;
use crate::http::problem::{Problem, bad_text};
use crate::http::values;

/// A change of an entry, as a body describes it.
#[derive(Debug)]
pub(super) enum Patch {
    Counter {
        ty: CounterType,
        change: CounterChange,
    },
    Map(Vec<(String, Option<String>)>),
    Set {
        add: StringsBuf,
        remove: StringsBuf,
    },
    /// Nothing but when the entry expires.
    Nothing,
}

/// How a counter changes.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CounterChange {
    #[serde(rename = "incr")]
    pub(super) by: Integer,
    pub(super) min: Option<Integer>,
    pub(super) max: Option<Integer>,
}

/// An integer. In JSON, `5.0` and `5e0` are the same number as `5`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Integer(pub(super) i64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(json)?;
        let whole = || number.as_f64().and_then(integer);
        number.as_i64().or_else(whole).map(Self).ok_or_else(|| D::Error::custom("not an integer of 64 bits"))
    }
}

/// The integer that a number is, if it is one and a float tells it from those beside it.
fn integer(number: f64) -> Option<i64> {
    const EXACT: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// The body as it is; of a counter, an integer in another form as digits.
pub(super) fn with_digits(ty: ValueType, body: &[u8]) -> Cow<'_, [u8]> {
    let odd = CounterType::of(ty).is_some() && body.iter().any(|byte| b".eE".contains(byte));
    let read = || serde_json::from_slice(body).ok().map(|Integer(number)| number.to_string().into_bytes());
    odd.then(read).flatten().map_or(Cow::Borrowed(body), Cow::Owned)
}

/// An object without members.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchanged {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetChange {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

/// What is wrong with JSON that has another form than expected.
fn malformed(what: &str, expected: &str, error: &serde_json::Error) -> Problem {
    Problem::Malformed(format!("{what} is not {expected}: see line {}, column {}", error.line(), error.column()))
}

/// Reads JSON of some form.
pub(super) fn read<T: DeserializeOwned>(what: &str, json: &[u8], expected: &str) -> Result<T, Problem> {
    serde_json::from_slice(json).map_err(|error| malformed(what, expected, &error))
}

fn list(texts: Vec<String>) -> Result<StringsBuf, Problem> {
    let mut list = StringsBuf::default();
    for text in &texts {
        list.push(checked(text)?);
    }
    Ok(list)
}

fn checked(text: &str) -> Result<&str, Problem> {
    check_text(text.as_bytes()).map_err(|e| bad_text("a string of the body", e))
}

impl Patch {
    /// Reads a change of an entry of this type.
    pub(super) fn read(ty: ValueType, json: &[u8]) -> Result<Self, Problem> {
        const COUNTER: &str = "an object such as {\"incr\":1,\"min\":0,\"max\":10}, min and max being optional";
        const MAP: &str = "an object of strings, or null for a field to delete";
        const SET: &str = "an object such as {\"add\":[\"a\"],\"remove\":[\"b\"]}";
        const NOTHING: &str = "{}: a value of this type is put as a whole";
        let what = "the patch";
        if json.trim_ascii_start().first() != Some(&b'{') {
            // A list of the members would be read, too.
            return Err(Problem::Malformed(format!("{what} is not an object of JSON")));
        }
        if let Some(ty) = CounterType::of(ty) {
            return match serde_json::from_slice(json) {
                Ok(Unchanged {}) => Ok(Self::Nothing),
                Err(_) => Ok(Self::Counter { ty, change: read(what, json, COUNTER)? }),
            };
        }
        Ok(match ty {
            ValueType::Float | ValueType::Str => {
                let Unchanged {} = read(what, json, NOTHING)?;
                Self::Nothing
            }
            ValueType::Set => {
                let SetChange { add, remove } = read(what, json, SET)?;
                Self::Set { add: list(add)?, remove: list(remove)? }
            }
            _ => {
                // Of a field that occurs more than once, the last value counts.
                let fields: BTreeMap<String, Option<String>> = read(what, json, MAP)?;
                if fields.len() > MAX_OPS {
                    return Err(Problem::TooMany(MAX_OPS));
                }
                for (field, value) in &fields {
                    checked(field)?;
                    value.as_deref().map_or(Ok(""), checked)?;
                }
                Self::Map(fields.into_iter().collect())
            }
        })
    }

    pub(super) fn action(&self) -> Action<'_> {
        match self {
            Self::Counter { ty, change: CounterChange { by, min, max } } => {
                let bounds = Bounds { min: min.map(|Integer(min)| min), max: max.map(|Integer(max)| max) };
                Action::Add { ty: *ty, by: by.0, bounds }
            }
            Self::Nothing => Action::Touch,
            Self::Map(fields) => Action::Merge(fields),
            Self::Set { add, remove } => Action::Members { add: add.as_strings(), remove: remove.as_strings() },
        }
    }
}

/// A value that was read from JSON.
pub(super) fn read_value(ty: ValueType, json: &RawValue) -> Result<Value, Problem> {
    let (json, mut list) = (json.get(), StringsBuf::default());
    if ty == ValueType::Str {
        let text: String = read("the value", json.as_bytes(), "a string")?;
        return Ok(Value::Str(checked(&text)?.into()));
    }
    values::read(ty, &with_digits(ty, json.as_bytes()), &mut list).map(Value::from)
}
