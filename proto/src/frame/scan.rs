//! Requests for scans: the entries of a type, or of all, page by page.

use super::error::RequestError;
use super::limits::MAX_SCAN_ENTRIES;
use super::opaque::{CURSOR_BYTES, Cursor};
use super::selection::Selection;
use crate::value::ValueType;

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
        let Selection { ty, prefix, values, bound: limit, place: cursor } = Selection::decode(ty, payload)?;
        match usize::from(limit) {
            1..=MAX_SCAN_ENTRIES => Ok(Self { ty, prefix, limit, values, cursor }),
            _ => Err(RequestError::ScanLimit(limit)),
        }
    }

    pub(super) fn selection(&self) -> Selection<'a, CURSOR_BYTES> {
        let Self { ty, prefix, values, limit: bound, cursor: place } = *self;
        Selection { ty, prefix, values, bound, place }
    }
}
