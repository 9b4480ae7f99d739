//! Rows of the tables as operations: the inverse of `rows.rs`.

use proto::{CounterType, Effect, Key, Micros, Op, OpKind, RecordedOutcome, StringsBuf, ValueType, check_text};

use super::binary::{Fields, RowError, json, number, text_array};
use super::column;
use super::key_names::KeyNames;
use super::tables::{self, Kind};

/// An operation as it is stored in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Logged<'a> {
    pub(super) op: Op<'a>,
    pub(super) effect: Effect,
    pub(super) at: Micros,
    pub(super) expires: Option<Micros>,
}

/// A row of a table of keys: id and key.
pub(super) fn key(mut fields: Fields<'_>) -> Result<(i64, &str), RowError> {
    let id = fields.bigint()?;
    Ok((id, Key::new(fields.some()?)?.as_str()))
}

/// The id of the key in a row of a table of transactions of one value type.
pub(super) fn key_id(mut fields: Fields<'_>) -> Result<i64, RowError> {
    let (_lsn, _kind) = (fields.next()?, fields.next()?);
    fields.bigint()
}

/// A row of a table of transactions, from its second column on. The operation borrows from `list`.
pub(super) fn transaction<'a>(
    table: Kind,
    mut fields: Fields<'a>,
    names: &'a KeyNames,
    list: &'a mut StringsBuf,
) -> Result<Logged<'a>, RowError> {
    *list = StringsBuf::default();
    let (op, effect) = match table {
        Kind::Typed(ty) => {
            let kind = kind(fields.some()?)?;
            let name = names.get(tables::index(ty), fields.bigint()?).ok_or(RowError::KeyId)?;
            let key = Key::new(name.as_bytes())?;
            let value = fields.next()?;
            let operand = if tables::has_operand(ty) { fields.next()? } else { None };
            typed(kind, ty, key, value, operand, list)?
        }
        Kind::Key => {
            let kind = kind(fields.some()?)?;
            let key = Key::new(fields.some()?)?;
            let names = text_array(fields.some()?, list)?;
            let types = ValueType::ALL.into_iter().filter(|ty| names.iter().any(|name| name == ty.name()));
            match kind {
                OpKind::DelAll => (Op::DelAll { key }, Effect::Types(types.collect())),
                _ => return Err(RowError::Kind),
            }
        }
        Kind::Outcome => return outcome(fields),
    };
    let at = fields.time()?.ok_or(RowError::Timestamp)?;
    let expires = match table {
        Kind::Typed(_) => fields.time()?,
        Kind::Key | Kind::Outcome => None,
    };
    Ok(Logged { op, effect, at, expires })
}

/// A row of the table of outcomes.
fn outcome(mut fields: Fields<'_>) -> Result<Logged<'_>, RowError> {
    let key = Key::new(fields.some()?)?;
    let fingerprint = fields.some()?.try_into().map_err(|_| RowError::Column("fingerprint"))?;
    let outcome = fields.some()?;
    RecordedOutcome::decode(outcome).map_err(|_| RowError::Column("outcome"))?;
    let op = Op::Outcome { key, fingerprint, outcome };
    let at = fields.time()?.ok_or(RowError::Timestamp)?;
    Ok(Logged { op, effect: Effect::None, at, expires: fields.time()? })
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
    let result = |ty: CounterType| column::read_effect(ty, value?);
    Ok(match (kind, ty) {
        (OpKind::Get, ty) => (Op::Get { ty, key }, Effect::None),
        (OpKind::Del, ty) => (Op::Del { ty, key }, Effect::None),
        (OpKind::Touch, ty) => (Op::Touch { ty, key }, Effect::None),
        (OpKind::Expire, ty) => (Op::Expire { ty, key }, Effect::None),
        (OpKind::Put, ty) => {
            let value = column::read(ty, value?, list)?;
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
