//! Values as callers see them, and in the packed form in which they are sent.

use std::collections::{BTreeMap, BTreeSet};

use proto::{Strings, StringsBuf, ValueType, check_text};
#[cfg(feature = "json")]
use serde_json::{Value as Json, json};

use crate::invalid::InvalidInput;

/// A value of any type, for requests that mix them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Signed 32-bit integer.
    Int(i32),
    /// Unsigned 32-bit integer.
    Uint(u32),
    /// Finite 32-bit IEEE 754 number.
    Float(f32),
    /// Text without NUL.
    Str(String),
    /// Text to text.
    Map(BTreeMap<String, String>),
    /// Texts without order or repetition.
    Set(BTreeSet<String>),
}

impl Value {
    /// The value's type.
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Int(_) => ValueType::Int,
            Self::Uint(_) => ValueType::Uint,
            Self::Float(_) => ValueType::Float,
            Self::Str(_) => ValueType::Str,
            Self::Map(_) => ValueType::Map,
            Self::Set(_) => ValueType::Set,
        }
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident),*) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

from! {
    i32 => Int, u32 => Uint, f32 => Float, String => Str, &str => Str, BTreeMap<String, String> => Map, BTreeSet<String> => Set
}

impl From<proto::Value> for Value {
    fn from(packed: proto::Value) -> Self {
        match packed {
            proto::Value::Int(v) => Self::Int(v),
            proto::Value::Uint(v) => Self::Uint(v),
            proto::Value::Float(v) => Self::Float(v),
            proto::Value::Str(text) => Self::Str(text.as_str().to_string()),
            proto::Value::Map(list) => Self::Map(unpack_map(list.as_strings())),
            proto::Value::Set(list) => Self::Set(unpack_set(list.as_strings())),
        }
    }
}

/// As JSON, which has a string for a str, an object of strings for a map, an array of strings for a set.
#[cfg(feature = "json")]
impl Value {
    /// The value of type `ty` that `json` is. The error says what is expected.
    pub fn from_json(ty: ValueType, json: &Json) -> Result<Self, &'static str> {
        let text = |json: &Json| json.as_str().map(str::to_owned);
        let (value, expected) = match ty {
            ValueType::Int => (
                json.as_i64().and_then(|number| i32::try_from(number).ok()).map(Self::Int),
                "expected an integer from -2147483648 to 2147483647",
            ),
            ValueType::Uint => (
                json.as_u64().and_then(|number| u32::try_from(number).ok()).map(Self::Uint),
                "expected an integer from 0 to 4294967295",
            ),
            ValueType::Float => (json.as_f64().map(|number| Self::Float(number as f32)), "expected a number"),
            ValueType::Str => (text(json).map(Self::Str), "expected a string"),
            ValueType::Map => (
                json.as_object().and_then(|fields| {
                    let fields = fields.iter().map(|(field, value)| Some((field.clone(), text(value)?)));
                    fields.collect::<Option<_>>().map(Self::Map)
                }),
                "expected a JSON object of strings, such as {\"name\":\"Ada\"}",
            ),
            ValueType::Set => (
                json.as_array().and_then(|members| members.iter().map(text).collect::<Option<_>>()).map(Self::Set),
                "expected a JSON array of strings, such as [\"a\",\"b\"]",
            ),
        };
        value.ok_or(expected)
    }

    /// The value as JSON.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Int(number) => json!(number),
            Self::Uint(number) => json!(number),
            // By its shortest digits: 0.1, not the nearest double of the single.
            Self::Float(number) => json!(number.to_string().parse::<f64>().unwrap_or_default()),
            Self::Str(text) => json!(text),
            Self::Map(fields) => json!(fields),
            Self::Set(members) => json!(members),
        }
    }
}

/// The value in packed form, if it can be stored.
pub(crate) fn pack(value: Value) -> Result<proto::Value, InvalidInput> {
    Ok(match value {
        Value::Int(v) => proto::Value::Int(v),
        Value::Uint(v) => proto::Value::Uint(v),
        Value::Float(v) => proto::Value::Float(finite(v)?),
        Value::Str(value) => proto::Value::Str(text("value", &value)?.into()),
        Value::Map(map) => proto::Value::Map(pack_map(map)?),
        Value::Set(set) => proto::Value::Set(pack_set("member", set)?),
    })
}

/// Checks that a text can be stored; the error calls it `what`.
pub(crate) fn text<'t>(what: &'static str, text: &'t str) -> Result<&'t str, InvalidInput> {
    check_text(text.as_bytes()).map_err(|error| InvalidInput::Text { what, error })
}

/// Checks that a float can be stored.
pub(crate) fn finite(value: f32) -> Result<f32, InvalidInput> {
    if value.is_finite() { Ok(value) } else { Err(InvalidInput::NotFinite) }
}

/// A list of texts in ascending order, without duplicates.
pub(crate) fn pack_set<S: AsRef<str>>(
    what: &'static str,
    members: impl IntoIterator<Item = S>,
) -> Result<StringsBuf, InvalidInput> {
    let mut members: Vec<S> = members.into_iter().collect();
    members.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
    members.dedup_by(|a, b| (*a).as_ref() == (*b).as_ref());
    members.iter().try_fold(StringsBuf::default(), |mut list, member| {
        list.push(text(what, member.as_ref())?);
        Ok(list)
    })
}

/// A list of fields and values, in ascending order of the fields. If a field occurs twice, the last value counts.
pub(crate) fn pack_map<F: AsRef<str>, V: AsRef<str>>(
    fields: impl IntoIterator<Item = (F, V)>,
) -> Result<StringsBuf, InvalidInput> {
    let fields: Vec<(F, V)> = fields.into_iter().collect();
    let sorted: BTreeMap<&str, &str> = fields.iter().map(|(field, value)| (field.as_ref(), value.as_ref())).collect();
    sorted.into_iter().try_fold(StringsBuf::default(), |mut list, (field, value)| {
        list.push(text("field", field)?);
        list.push(text("value", value)?);
        Ok(list)
    })
}

pub(crate) fn unpack_map(list: Strings<'_>) -> BTreeMap<String, String> {
    list.pairs().map(|(field, value)| (field.to_string(), value.to_string())).collect()
}

pub(crate) fn unpack_set(list: Strings<'_>) -> BTreeSet<String> {
    list.iter().map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collections_are_packed_in_order_each_item_once() {
        let set = pack_set("member", ["b", "a", "b", "ab"]).unwrap();
        assert_eq!(set.as_strings().iter().collect::<Vec<_>>(), ["a", "ab", "b"]);
        let map = pack_map([("b", "1"), ("a", "2"), ("b", "3")]).unwrap();
        assert_eq!(map.as_strings().iter().collect::<Vec<_>>(), ["a", "2", "b", "3"]);
    }

    #[test]
    fn what_cannot_be_stored_is_named() {
        let error = pack_set("member", ["a\0"]).unwrap_err();
        assert_eq!(error.to_string(), "the member holds a NUL character at byte 1; text without NUL is expected");
        assert_eq!(pack(Value::from(f32::NAN)), Err(InvalidInput::NotFinite));
    }
}
