//! Requests for the changes after a place in the log.

use super::error::RequestError;
use super::limits::MAX_FOLLOW_WAIT_MILLIS;
use super::opaque::{TOKEN_BYTES, Token};
use super::selection::Selection;
use crate::value::ValueType;

/// Which changes are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follow<'a> {
    /// Of entries of this type, or of all.
    pub ty: Option<ValueType>,
    /// Of those whose keys begin so.
    pub prefix: &'a str,
    /// Whether values are wanted, too.
    pub values: bool,
    /// How long to wait for the first change, in milliseconds.
    pub wait: u16,
    /// Those after this place; `None`: after the present one.
    pub after: Option<&'a Token>,
}

impl<'a> Follow<'a> {
    pub(super) fn decode(ty: u8, payload: &'a [u8]) -> Result<Self, RequestError> {
        let Selection { ty, prefix, values, bound: wait, place: after } = Selection::decode(ty, payload)?;
        match wait {
            0..=MAX_FOLLOW_WAIT_MILLIS => Ok(Self { ty, prefix, values, wait, after }),
            _ => Err(RequestError::Wait(wait)),
        }
    }

    pub(super) fn selection(&self) -> Selection<'a, TOKEN_BYTES> {
        let Self { ty, prefix, values, wait: bound, after: place } = *self;
        Selection { ty, prefix, values, bound, place }
    }
}
