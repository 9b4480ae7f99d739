//! The columns of a value, for each value type: how `value` is written and read. A new type needs a line in each.

use proto::{CounterType, Effect, Strings, StringsBuf, ValueRef, ValueType, check_text};

use super::binary::{RowError, Rows, json, number, text_array};

/// Writes a value.
pub(super) fn write(rows: &mut Rows, value: ValueRef<'_>) {
    match value {
        ValueRef::Int(value) => rows.field(&value.to_be_bytes()),
        ValueRef::Uint(value) => rows.bigint(i64::from(value)),
        ValueRef::Float(value) => rows.field(&value.to_be_bytes()),
        ValueRef::Str(text) => rows.field(text.as_bytes()),
        ValueRef::Map(map) => rows.jsonb(|json| serde::Serializer::collect_map(json, map.pairs())),
        ValueRef::Set(members) => rows.text_array(members),
    }
}

/// Reads a value, which borrows from `list`.
pub(super) fn read<'a>(ty: ValueType, bytes: &'a [u8], list: &'a mut StringsBuf) -> Result<ValueRef<'a>, RowError> {
    Ok(match ty {
        ValueType::Int => ValueRef::Int(i32::from_be_bytes(number(bytes)?)),
        ValueType::Uint => ValueRef::Uint(uint(bytes)?),
        ValueType::Float => match f32::from_be_bytes(number(bytes)?) {
            float if float.is_finite() => ValueRef::Float(float),
            _ => return Err(RowError::Column("value")),
        },
        ValueType::Str => ValueRef::Str(check_text(bytes)?),
        ValueType::Map => ValueRef::Map(object(bytes, list)?),
        ValueType::Set => ValueRef::Set(text_array(bytes, list)?),
    })
}

/// Reads the result of an increment.
pub(super) fn read_effect(ty: CounterType, bytes: &[u8]) -> Result<Effect, RowError> {
    Ok(match ty {
        CounterType::Int => Effect::Int(i32::from_be_bytes(number(bytes)?)),
        CounterType::Uint => Effect::Uint(uint(bytes)?),
    })
}

/// A uint in a BIGINT.
fn uint(bytes: &[u8]) -> Result<u32, RowError> {
    u32::try_from(i64::from_be_bytes(number(bytes)?)).map_err(|_| RowError::Column("value"))
}

/// A JSONB object of texts.
fn object<'a>(bytes: &[u8], list: &'a mut StringsBuf) -> Result<Strings<'a>, RowError> {
    for (field, value) in json::<std::collections::BTreeMap<String, String>>(bytes)? {
        list.push(&field);
        list.push(&value);
    }
    Ok(list.as_strings())
}
