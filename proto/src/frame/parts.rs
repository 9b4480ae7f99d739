//! Parts of replies that several of them have.

use super::error::ReplyError;
use crate::packed::UnpackError;
use crate::payload::PayloadError;
use crate::value::{ValueRef, ValueType};

/// Writes the number of bytes between `from` and the end of `out` at the position `at`.
pub(super) fn set_length(out: &mut [u8], at: usize, from: usize) {
    let length = (out.len() - from) as u32;
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

/// A value of this type, in a reply with this status.
pub(super) fn unpack_value(ty: ValueType, payload: &[u8], status: u8) -> Result<ValueRef<'_>, ReplyError> {
    ValueRef::unpack(ty, payload).map_err(|error| match error {
        UnpackError::Size => ReplyError::Size(status),
        UnpackError::Text(error) => PayloadError::from(error).into(),
        UnpackError::Strings(error) => PayloadError::from(error).into(),
    })
}

/// The next `N` bytes, if they are there.
pub(super) fn split_if<const N: usize>(bytes: &[u8], is_there: bool) -> Result<(Option<[u8; N]>, &[u8]), ReplyError> {
    match is_there {
        false => Ok((None, bytes)),
        true => bytes.split_first_chunk().map(|(taken, rest)| (Some(*taken), rest)).ok_or(ReplyError::Item),
    }
}
