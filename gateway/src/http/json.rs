//! Maps and sets as JSON.

use std::borrow::Cow;
use std::fmt;

use proto::{Strings, StringsBuf, TextError, check_text};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::Serializer;

/// Why a body is rejected as a map or set.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadJson {
    /// It is not valid JSON of the expected form.
    #[error("the body is not {expected}: see line {line}, column {column}")]
    Malformed { expected: &'static str, line: usize, column: usize },
    /// It contains a string that cannot be stored.
    #[error("a string of the body {0}")]
    Text(TextError),
}

/// Parses a JSON object of strings into a packed map. If a field occurs more than once, its last value counts.
pub(super) fn parse_map(body: &[u8]) -> Result<StringsBuf, BadJson> {
    let Fields(mut fields) = parse(body, "a JSON object of strings")?;
    // Stable, so that among equal fields the last one, which is the one to keep, stays last.
    fields.sort_by(|(a, _), (b, _)| a.0.cmp(&b.0));
    let superseded = |n: usize| fields.get(n + 1).is_some_and(|(next, _)| next.0 == fields[n].0.0);
    let kept = fields.iter().enumerate().filter(|(n, _)| !superseded(*n));
    pack(body, kept.flat_map(|(_, (field, value))| [field, value]))
}

/// Parses a JSON array of strings into a packed set. Duplicates are removed.
pub(super) fn parse_set(body: &[u8]) -> Result<StringsBuf, BadJson> {
    let mut members: Vec<JsonText> = parse(body, "a JSON array of strings")?;
    members.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    members.dedup_by(|a, b| a.0 == b.0);
    pack(body, members.iter())
}

fn parse<'b, T: Deserialize<'b>>(body: &'b [u8], expected: &'static str) -> Result<T, BadJson> {
    // serde_json's own message may quote the body at length.
    serde_json::from_slice(body).map_err(|e| BadJson::Malformed { expected, line: e.line(), column: e.column() })
}

fn pack<'t>(body: &[u8], texts: impl Iterator<Item = &'t JsonText<'t>>) -> Result<StringsBuf, BadJson> {
    let mut list = StringsBuf::with_capacity(body.len());
    for JsonText(text) in texts {
        check_text(text.as_bytes()).map_err(BadJson::Text)?;
        list.push(text);
    }
    Ok(list)
}

/// A JSON string: borrowed from the body unless it contains escapes, so that millions of short strings need no
/// allocations.
struct JsonText<'b>(Cow<'b, str>);

/// The fields and values of a JSON object, in order, including repeated fields.
struct Fields<'b>(Vec<(JsonText<'b>, JsonText<'b>)>);

impl<'de> Deserialize<'de> for JsonText<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = JsonText<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(JsonText(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(JsonText(Cow::Owned(text.into())))
            }
        }

        json.deserialize_str(Text)
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = object.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        json.deserialize_map(Object)
    }
}

/// Writes a packed map as a JSON object.
pub(super) fn write_map(list: Strings<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(list.as_bytes().len() + 2);
    serde_json::Serializer::new(&mut out).collect_map(list.pairs()).expect("strings can be written into memory");
    out
}

/// Writes a packed set as a JSON array.
pub(super) fn write_set(list: Strings<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(list.as_bytes().len() + 2);
    serde_json::Serializer::new(&mut out).collect_seq(list.iter()).expect("strings can be written into memory");
    out
}
