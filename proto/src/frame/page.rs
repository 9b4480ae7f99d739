//! Pages of a scan.

use super::error::ReplyError;
use super::opaque::{CURSOR_BYTES, Cursor, ETAG_BYTES, Etag};
use super::parts::{iterate, set_length, split_if, unpack_value, validate};
use crate::key::Key;
use crate::lsn::Micros;
use crate::record::field;
use crate::value::{ValueRef, ValueType};

const ITEM_TYPE: usize = 0;
const ITEM_FLAGS: usize = 1;
const ITEM_KEY_LENGTH: usize = 2;
const ITEM_VALUE_LENGTH: usize = 4;
const ITEM_BYTES: usize = 8;

const EXPIRES: u8 = 1;
const HAS_VALUE: u8 = 2;

const PAGE_HEAD_BYTES: usize = 4;

/// An entry of a page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScannedEntry<'a> {
    /// Its type.
    pub ty: ValueType,
    /// Its key.
    pub key: Key<'a>,
    /// Its state.
    pub etag: Etag,
    /// When it expires, in Unix microseconds; `None`: never.
    pub expires: Option<Micros>,
    /// Its value, if it was wanted.
    pub value: Option<ValueRef<'a>>,
}

/// A page of a scan, validated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Page<'a> {
    /// Where the next one begins; `None` at the end.
    pub next: Option<Cursor>,
    entries: &'a [u8],
}

/// Appends the payload of a page up to its entries.
pub(super) fn encode_page_head(out: &mut Vec<u8>, next: Option<Cursor>) {
    let next = next.as_ref().map_or(&[][..], |cursor| cursor);
    out.extend_from_slice(&[next.len() as u8, 0, 0, 0]);
    out.extend_from_slice(next);
}

/// Appends an entry of a page.
pub(super) fn encode_page_entry(out: &mut Vec<u8>, entry: &ScannedEntry<'_>) {
    let ScannedEntry { ty, key, etag, expires, value } = entry;
    let flags = if expires.is_some() { EXPIRES } else { 0 } | if value.is_some() { HAS_VALUE } else { 0 };
    let start = out.len();
    out.extend_from_slice(&[*ty as u8, flags]);
    out.extend_from_slice(&(key.as_bytes().len() as u16).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(etag);
    out.extend(expires.map(Micros::to_le_bytes).into_iter().flatten());
    out.extend_from_slice(key.as_bytes());
    let payload = out.len();
    value.iter().for_each(|value| value.pack(out));
    set_length(out, start + ITEM_VALUE_LENGTH, payload);
}

impl<'a> Page<'a> {
    pub(super) fn decode(payload: &'a [u8]) -> Result<Self, ReplyError> {
        let (head, rest) = payload.split_first_chunk::<PAGE_HEAD_BYTES>().ok_or(ReplyError::Item)?;
        let (next, entries) = match *head {
            [0, 0, 0, 0] => (None, rest),
            [length, 0, 0, 0] if usize::from(length) == CURSOR_BYTES => split_if(rest, true)?,
            _ => return Err(ReplyError::Reserved),
        };
        validate(entries, decode_page_entry)?;
        Ok(Self { next, entries })
    }

    /// The entries.
    pub fn entries(self) -> impl Iterator<Item = ScannedEntry<'a>> {
        iterate(self.entries, decode_page_entry)
    }
}

fn decode_page_entry(bytes: &[u8]) -> Result<(ScannedEntry<'_>, &[u8]), ReplyError> {
    let (head, rest) = bytes.split_first_chunk::<ITEM_BYTES>().ok_or(ReplyError::Item)?;
    let (code, flags) = (head[ITEM_TYPE], head[ITEM_FLAGS]);
    let ty = ValueType::from_code(code).ok_or(ReplyError::Type(code))?;
    if flags & !(EXPIRES | HAS_VALUE) != 0 {
        return Err(ReplyError::Reserved);
    }
    let (etag, rest) = rest.split_first_chunk::<ETAG_BYTES>().ok_or(ReplyError::Item)?;
    let (expires, rest) = split_if(rest, flags & EXPIRES != 0)?;
    let key_length = usize::from(u16::from_le_bytes(field(head, ITEM_KEY_LENGTH)));
    let (key, rest) = rest.split_at_checked(key_length).ok_or(ReplyError::Item)?;
    let length = u32::from_le_bytes(field(head, ITEM_VALUE_LENGTH)) as usize;
    let (value, rest) = rest.split_at_checked(length).ok_or(ReplyError::Item)?;
    let value = match flags & HAS_VALUE {
        0 if length > 0 => return Err(ReplyError::Item),
        0 => None,
        _ => Some(unpack_value(ty, value, code)?),
    };
    let key = Key::new(key).map_err(|_| ReplyError::Key)?;
    Ok((ScannedEntry { ty, key, etag: *etag, expires: expires.map(Micros::from_le_bytes), value }, rest))
}
