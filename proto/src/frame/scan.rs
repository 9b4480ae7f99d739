//! Requests for scans: the entries of a type, or of all, page by page.

use super::error::RequestError;
use super::limits::MAX_SCAN_ENTRIES;
use super::opaque::{CURSOR_BYTES, Cursor};
use crate::payload::PayloadError;
use crate::record::field;
use crate::text::check_text;
use crate::value::ValueType;

const LIMIT: usize = 0;
const FLAGS: usize = 2;
const CURSOR_LENGTH: usize = 3;
const HEAD_BYTES: usize = 4;

const WITH_VALUES: u8 = 1;

/// Which entries are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scan<'a> {
    /// Of this type, or of all.
    pub ty: Option<ValueType>,
    /// Those whose keys begin so.
    pub prefix: &'a str,
    /// Most entries of the page.
    pub limit: u16,
    /// Whether their values are wanted, too.
    pub values: bool,
    /// Where the page before has ended.
    pub cursor: Option<&'a Cursor>,
}

impl<'a> Scan<'a> {
    pub(super) fn decode(ty: u8, payload: &'a [u8]) -> Result<Self, RequestError> {
        let ty = match ty {
            0 => None,
            code => Some(ValueType::from_code(code).ok_or(RequestError::Type(code))?),
        };
        let beyond = RequestError::ItemLength(0);
        let (head, rest) = payload.split_first_chunk::<HEAD_BYTES>().ok_or(beyond)?;
        let limit = u16::from_le_bytes(field(head, LIMIT));
        if limit == 0 || usize::from(limit) > MAX_SCAN_ENTRIES {
            return Err(RequestError::ScanLimit(limit));
        }
        if head[FLAGS] & !WITH_VALUES != 0 {
            return Err(RequestError::Reserved);
        }
        let (cursor, prefix) = match usize::from(head[CURSOR_LENGTH]) {
            0 => (None, rest),
            CURSOR_BYTES => rest.split_first_chunk().map(|(cursor, rest)| (Some(cursor), rest)).ok_or(beyond)?,
            _ => return Err(beyond),
        };
        let prefix = check_text(prefix).map_err(PayloadError::from)?;
        Ok(Self { ty, prefix, limit, values: head[FLAGS] & WITH_VALUES != 0, cursor })
    }

    pub(super) fn payload_bytes(&self) -> usize {
        HEAD_BYTES + self.cursor.map_or(0, |cursor| cursor.len()) + self.prefix.len()
    }

    pub(super) fn encode_payload(&self, out: &mut Vec<u8>) {
        let cursor = self.cursor.map_or(&[][..], |cursor| cursor);
        out.extend_from_slice(&self.limit.to_le_bytes());
        out.extend_from_slice(&[u8::from(self.values), cursor.len() as u8]);
        out.extend_from_slice(cursor);
        out.extend_from_slice(self.prefix.as_bytes());
    }
}
