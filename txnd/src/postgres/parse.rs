//! Rows in the binary format of COPY as operations: the inverse of `rows.rs`.

use proto::{
    CounterType, Effect, Key, KeyError, Micros, Op, OpKind, Strings, StringsBuf, TextError, ValueRef, ValueType,
    check_text,
};

use super::key_names::KeyNames;
use super::rows::{JSONB_VERSION, micros};
use super::tables::{self, Kind};

/// Why a row was not written by this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RowError {
    #[error("the row has fewer columns than expected, or they have other types")]
    Form,
    #[error("unknown transaction_type")]
    Kind,
    #[error("its key_id is not in the table of keys")]
    KeyId,
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("a text {0}")]
    Text(#[from] TextError),
    #[error("the {0} is missing or does not fit the transaction_type")]
    Column(&'static str),
    #[error("the timestamp is out of range")]
    Timestamp,
}

/// The fields of a row, in sequence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields in `row`, from which the field count was removed.
    pub(super) fn of(row: &'a [u8]) -> Self {
        Self { rest: row }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], RowError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(RowError::Form)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Four bytes that are not a field.
    pub(super) fn word(&mut self) -> Result<i32, RowError> {
        self.take(4).and_then(number).map(i32::from_be_bytes)
    }

    /// The next field; `None` if it is NULL.
    pub(super) fn next(&mut self) -> Result<Option<&'a [u8]>, RowError> {
        match self.word()? {
            -1 => Ok(None),
            length => self.take(usize::try_from(length).map_err(|_| RowError::Form)?).map(Some),
        }
    }

    /// The next field, which must not be NULL.
    fn some(&mut self) -> Result<&'a [u8], RowError> {
        self.next()?.ok_or(RowError::Form)
    }

    /// The next field as a BIGINT.
    pub(super) fn bigint(&mut self) -> Result<i64, RowError> {
        self.some().and_then(number).map(i64::from_be_bytes)
    }

    /// The next field as an INTEGER.
    pub(super) fn int(&mut self) -> Result<i32, RowError> {
        self.some().and_then(number).map(i32::from_be_bytes)
    }

    fn text(&mut self) -> Result<&'a str, RowError> {
        Ok(check_text(self.some()?)?)
    }
}

fn number<const N: usize>(bytes: &[u8]) -> Result<[u8; N], RowError> {
    bytes.try_into().map_err(|_| RowError::Form)
}

/// An operation as it is stored in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Logged<'a> {
    pub(super) op: Op<'a>,
    pub(super) effect: Effect,
    pub(super) at: Micros,
}

/// Parses a row of a table of keys: id and key.
pub(super) fn key(mut fields: Fields<'_>) -> Result<(i64, &str), RowError> {
    let id = fields.bigint()?;
    Ok((id, Key::new(fields.some()?)?.as_str()))
}

/// Parses the id of the key in a row of a table of transactions of one value type.
pub(super) fn key_id(mut fields: Fields<'_>) -> Result<i64, RowError> {
    let (_lsn, _kind) = (fields.next()?, fields.next()?);
    fields.bigint()
}

/// Parses a row of a table of transactions, from its second column on. `list` stores what the operation borrows.
pub(super) fn transaction<'a>(
    table: Kind,
    mut fields: Fields<'a>,
    names: &'a KeyNames,
    list: &'a mut StringsBuf,
) -> Result<Logged<'a>, RowError> {
    *list = StringsBuf::default();
    let kind = kind(fields.some()?)?;
    let (op, effect) = match table {
        Kind::Typed(ty) => {
            let name = names.get(tables::index(ty), fields.bigint()?).ok_or(RowError::KeyId)?;
            let key = Key::new(name.as_bytes())?;
            let value = fields.next()?;
            let operand = if tables::has_operand(ty) { fields.next()? } else { None };
            typed(kind, ty, key, value, operand, list)?
        }
        Kind::Key => {
            let key = Key::new(fields.some()?)?;
            let names = text_array(fields.some()?, list)?;
            let types = ValueType::ALL.into_iter().filter(|ty| names.iter().any(|name| name == ty.name()));
            match kind {
                OpKind::DelAll => (Op::DelAll { key }, Effect::Types(types.collect())),
                _ => return Err(RowError::Kind),
            }
        }
    };
    let at = micros(fields.bigint()?).ok_or(RowError::Timestamp)?;
    Ok(Logged { op, effect, at })
}

fn kind(name: &[u8]) -> Result<OpKind, RowError> {
    OpKind::ALL.into_iter().find(|kind| kind.name().as_bytes() == name).ok_or(RowError::Kind)
}

fn typed<'a>(
    kind: OpKind,
    ty: ValueType,
    key: Key<'a>,
    value: Option<&'a [u8]>,
    operand: Option<&'a [u8]>,
    list: &'a mut StringsBuf,
) -> Result<(Op<'a>, Effect), RowError> {
    let value = value.ok_or(RowError::Column("value"));
    let operand = operand.ok_or(RowError::Column("operand"));
    let result = |ty| match ty {
        CounterType::Int => number(value?).map(|bytes| Effect::Int(i32::from_be_bytes(bytes))),
        CounterType::Uint => uint(value?).map(Effect::Uint),
    };
    Ok(match (kind, ty) {
        (OpKind::Get, ty) => (Op::Get { ty, key }, Effect::None),
        (OpKind::Del, ty) => (Op::Del { ty, key }, Effect::None),
        (OpKind::Put, ty) => {
            let value = match ty {
                ValueType::Int => ValueRef::Int(i32::from_be_bytes(number(value?)?)),
                ValueType::Uint => ValueRef::Uint(uint(value?)?),
                ValueType::Float => match f32::from_be_bytes(number(value?)?) {
                    float if float.is_finite() => ValueRef::Float(float),
                    _ => return Err(RowError::Column("value")),
                },
                ValueType::Str => ValueRef::Str(check_text(value?)?),
                ValueType::Map => ValueRef::Map(object(value?, list)?),
                ValueType::Set => ValueRef::Set(text_array(value?, list)?),
            };
            (Op::Put { key, value }, Effect::None)
        }
        (OpKind::Incr, ty) => {
            let ty = CounterType::of(ty).ok_or(RowError::Kind)?;
            (Op::Incr { ty, key }, result(ty)?)
        }
        (OpKind::IncrBy, ty) => {
            let ty = CounterType::of(ty).ok_or(RowError::Kind)?;
            (Op::IncrBy { ty, key, by: i64::from_be_bytes(number(operand?)?) }, result(ty)?)
        }
        (OpKind::SetAdd, ValueType::Set) => (Op::SetAdd { key, members: text_array(operand?, list)? }, Effect::None),
        (OpKind::SetRem, ValueType::Set) => (Op::SetRem { key, members: text_array(operand?, list)? }, Effect::None),
        (OpKind::SetHas, ValueType::Set) => {
            let mut members = text_array(operand?, list)?.iter();
            match (members.next(), members.next()) {
                (Some(member), None) => (Op::SetHas { key, member }, Effect::None),
                _ => return Err(RowError::Column("operand")),
            }
        }
        (OpKind::MapGet, ValueType::Map) => (Op::MapGet { key, field: check_text(operand?)? }, Effect::None),
        (OpKind::MapDel, ValueType::Map) => (Op::MapDel { key, field: check_text(operand?)? }, Effect::None),
        (OpKind::MapSet, ValueType::Map) => {
            let field = check_text(operand?)?;
            let text: String = json(value?)?;
            list.push(&text);
            let value = list.as_strings().iter().next().expect("it was pushed just now");
            (Op::MapSet { key, field, value }, Effect::None)
        }
        _ => return Err(RowError::Kind),
    })
}

/// A uint in a BIGINT.
fn uint(bytes: &[u8]) -> Result<u32, RowError> {
    u32::try_from(i64::from_be_bytes(number(bytes)?)).map_err(|_| RowError::Column("value"))
}

/// A JSONB of a type that serde knows.
fn json<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, RowError> {
    let text = bytes.strip_prefix(&[JSONB_VERSION]).ok_or(RowError::Form)?;
    serde_json::from_slice(text).map_err(|_| RowError::Column("value"))
}

/// A JSONB object of texts.
fn object<'a>(bytes: &[u8], list: &'a mut StringsBuf) -> Result<Strings<'a>, RowError> {
    for (field, value) in json::<std::collections::BTreeMap<String, String>>(bytes)? {
        list.push(&field);
        list.push(&value);
    }
    Ok(list.as_strings())
}

/// A TEXT[] of one dimension without NULLs.
fn text_array<'a>(bytes: &[u8], list: &'a mut StringsBuf) -> Result<Strings<'a>, RowError> {
    let mut fields = Fields { rest: bytes };
    let [dimensions, _has_nulls, _element_type] = [fields.word()?, fields.word()?, fields.word()?];
    match dimensions {
        0 => {}
        1 => {
            let [count, _first_index] = [fields.word()?, fields.word()?];
            for _ in 0..count {
                list.push(fields.text()?);
            }
        }
        _ => return Err(RowError::Form),
    }
    Ok(list.as_strings())
}
