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

/// Decodes items that lie one behind the other.
type DecodeItem<'a, T> = fn(&'a [u8]) -> Result<(T, &'a [u8]), ReplyError>;

/// Checks that all items can be decoded.
pub(super) fn validate<'a, T>(items: &'a [u8], decode: DecodeItem<'a, T>) -> Result<(), ReplyError> {
    let mut rest = items;
    while !rest.is_empty() {
        (_, rest) = decode(rest)?;
    }
    Ok(())
}

/// The items, which were validated.
pub(super) fn iterate<'a, T>(items: &'a [u8], decode: DecodeItem<'a, T>) -> impl Iterator<Item = T> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let (item, behind) = (!rest.is_empty()).then(|| decode(rest).ok()).flatten()?;
        rest = behind;
        Some(item)
    })
}
