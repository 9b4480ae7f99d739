//! Rules for requests of clients beyond their form: what may be asked for, and that each value has one encoding.

use super::error::RequestError;
use crate::op::{Op, OpKind};
use crate::value::ValueRef;

/// The kind of operation that a frame may ask for. Touch has an option, for which version 1 has no room; nobody asks for Expire or
/// Outcome.
#[inline(always)]
pub(super) fn kind_of(opcode: u8) -> Option<OpKind> {
    OpKind::from_code(opcode).filter(|kind| !matches!(kind, OpKind::Touch | OpKind::Expire | OpKind::Outcome))
}

/// Rules for clients beyond the form: each value has one encoding, and can be stored.
#[inline(always)]
pub(super) fn check_value(value: &ValueRef<'_>) -> Result<(), RequestError> {
    match value {
        ValueRef::Float(value) if !value.is_finite() => Err(RequestError::NotFinite),
        ValueRef::Map(list) => check_order(list.pairs().map(|(field, _)| field)),
        ValueRef::Set(list) => check_order(list.iter()),
        _ => Ok(()),
    }
}

/// The same for an operation other than a put.
pub(super) fn check_members(op: &Op<'_>) -> Result<(), RequestError> {
    match op {
        Op::SetAdd { members, .. } | Op::SetRem { members, .. } => check_order(members.iter()),
        _ => Ok(()),
    }
}

fn check_order<'t>(texts: impl Iterator<Item = &'t str>) -> Result<(), RequestError> {
    if texts.is_sorted_by(|a, b| a < b) { Ok(()) } else { Err(RequestError::Order) }
}
