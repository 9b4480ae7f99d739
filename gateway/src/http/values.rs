//! Values in bodies, for each value type: how they are read, written and described. A new type needs a line in each.

use bytes::Bytes;
use proto::{CounterType, StringsBuf, Text, Value, ValueRef, ValueType, check_text};
use serde::{Serialize, Serializer};
use serde_json::json;

use super::problem::{Problem, bad_text};
use super::response::Response;
use super::schema::{Body, fields, integer, members, plain, text};
use super::{json, number};

const EXPECTED_INT: &str = "an integer from -2147483648 to 2147483647";
const EXPECTED_UINT: &str = "an integer from 0 to 4294967295";
const EXPECTED_UINT_STEP: &str = "an integer from -4294967295 to 4294967295";

/// Reads the body of a put. The value borrows from `list`.
pub(super) fn read<'v>(ty: ValueType, body: &'v [u8], list: &'v mut StringsBuf) -> Result<ValueRef<'v>, Problem> {
    Ok(match ty {
        ValueType::Int => ValueRef::Int(number::parse_integer(body, EXPECTED_INT)?),
        ValueType::Uint => ValueRef::Uint(number::parse_integer(body, EXPECTED_UINT)?),
        ValueType::Float => ValueRef::Float(number::parse_float(body)?),
        ValueType::Str => ValueRef::Str(check_text(body).map_err(|e| bad_text("the body", e))?),
        ValueType::Map => {
            *list = json::parse_map(body)?;
            ValueRef::Map(list.as_strings())
        }
        ValueType::Set => {
            *list = json::parse_set(body)?;
            ValueRef::Set(list.as_strings())
        }
    })
}

/// The amount of an increment: an i32 for an int; for a uint, any difference of two u32.
pub(super) fn read_step(ty: CounterType, body: &[u8]) -> Result<i64, Problem> {
    match ty {
        CounterType::Uint => {
            let by: i64 = number::parse_integer(body, EXPECTED_UINT_STEP)?;
            match by.unsigned_abs() <= u64::from(u32::MAX) {
                true => Ok(by),
                false => Err(Problem::NotRepresentable(format!("{by} is out of range; expected {EXPECTED_UINT_STEP}"))),
            }
        }
        CounterType::Int => Ok(number::parse_integer::<i32>(body, EXPECTED_INT).map(i64::from)?),
    }
}

/// The response with this value, as REST v1 writes it.
pub(super) fn write(value: Value) -> Response {
    match value {
        Value::Int(number) => Response::text(number.to_string()),
        Value::Uint(number) => Response::text(number.to_string()),
        Value::Float(number) => Response::text(number::format_float(number)),
        Value::Str(value) => Response::text(text_body(value)),
        Value::Map(list) => Response::json(json::write_map(list.as_strings())),
        Value::Set(list) => Response::json(json::write_set(list.as_strings())),
    }
}

/// The largest float in the digits that it is written with, which are rounded up.
const MAX_FLOAT: f64 = 3.4028235e38;

/// The schema of a value.
pub(super) fn schema(ty: ValueType) -> Body {
    match ty {
        ValueType::Int => integer(i32::MIN.into(), i32::MAX.into()),
        ValueType::Uint => integer(0, u32::MAX.into()),
        ValueType::Float => plain(json!({"type": "number", "minimum": -MAX_FLOAT, "maximum": MAX_FLOAT})),
        ValueType::Str => text(),
        ValueType::Map => fields(),
        ValueType::Set => members(),
    }
}

/// The schema of the amount of an increment.
pub(super) fn step_schema(ty: CounterType) -> Body {
    match ty {
        CounterType::Int => integer(i32::MIN.into(), i32::MAX.into()),
        CounterType::Uint => integer(-i64::from(u32::MAX), u32::MAX.into()),
    }
}

/// A value as JSON, as records are shown.
pub(crate) struct JsonValue<'v>(pub(crate) ValueRef<'v>);

impl Serialize for JsonValue<'_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            ValueRef::Int(number) => json.serialize_i32(number),
            ValueRef::Uint(number) => json.serialize_u32(number),
            ValueRef::Float(number) => json.serialize_f32(number),
            ValueRef::Str(value) => json.serialize_str(value),
            ValueRef::Map(list) => json.collect_map(list.pairs()),
            ValueRef::Set(list) => json.collect_seq(list.iter()),
        }
    }
}

/// The text as a body. Long text is not copied.
pub(super) fn text_body(value: Text) -> Bytes {
    match value {
        Text::Inline { .. } => Bytes::copy_from_slice(value.as_bytes()),
        Text::Copied(text) => Bytes::from(String::from(text)),
        Text::Shared(_) => Bytes::from_owner(value),
    }
}
