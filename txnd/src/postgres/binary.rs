//! Rows in the binary format of COPY, see <https://www.postgresql.org/docs/15/sql-copy.html>.
//!
//! ```text
//!   file  := signature (11 bytes) flags (i32, 0) extension length (i32, 0) row* end (i16, -1)
//!   row   := number of fields (i16) field*
//!   field := length (i32, -1 for NULL) then that many bytes; integers are big-endian
//! ```

use proto::{KeyError, Micros, Strings, StringsBuf, TextError, check_text};

/// The bytes before the first row.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

const END: [u8; 2] = (-1_i16).to_be_bytes();

/// Memory to keep for each table's rows of the next group, in bytes.
const KEPT_BYTES: usize = 16 << 20;

/// Object id of the type TEXT, the element type of TEXT[].
const TEXT_OID: u32 = 25;

/// Version of the binary form of JSONB; its text follows.
pub(super) const JSONB_VERSION: u8 = 1;

/// From the Unix epoch to that of PostgreSQL, 2000-01-01, in microseconds.
const POSTGRES_EPOCH: Micros = 946_684_800_000_000;

/// Range of TIMESTAMPTZ, in microseconds from its own epoch (`MIN_TIMESTAMP`, `END_TIMESTAMP` of timestamp.h).
const TIMESTAMPS: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;

/// Rows of one table in the format of COPY.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) bytes: Vec<u8>,
}

impl Rows {
    pub(super) fn begin(&mut self, fields: i16) {
        self.bytes.extend_from_slice(&fields.to_be_bytes());
    }

    pub(super) fn field(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn null(&mut self) {
        self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
    }

    pub(super) fn bigint(&mut self, value: i64) {
        self.field(&value.to_be_bytes());
    }

    /// A time, or none.
    pub(super) fn time(&mut self, at: Option<Micros>) -> Result<(), &'static str> {
        match at {
            Some(at) => self.bigint(timestamp(at)?),
            None => self.null(),
        }
        Ok(())
    }

    /// A row of a table of keys.
    pub(super) fn key(&mut self, id: i64, key: &str) {
        self.begin(2);
        self.bigint(id);
        self.field(key.as_bytes());
    }

    pub(super) fn text_array(&mut self, items: Strings<'_>) {
        // In both forms an item is a length of 4 bytes and its text; an array without items has no dimension.
        let dimensions = u32::from(items != Strings::EMPTY);
        let length = 12 + 8 * dimensions + items.as_bytes().len() as u32;
        for word in [length, dimensions, 0, TEXT_OID] {
            self.bytes.extend_from_slice(&word.to_be_bytes());
        }
        if dimensions > 0 {
            let (count, first_index) = (items.iter().count() as u32, 1_u32);
            self.bytes.extend_from_slice(&count.to_be_bytes());
            self.bytes.extend_from_slice(&first_index.to_be_bytes());
        }
        items.iter().for_each(|item| self.field(item.as_bytes()));
    }

    /// A JSONB field, written by `write`.
    pub(super) fn jsonb(
        &mut self,
        write: impl FnOnce(&mut serde_json::Serializer<&mut Vec<u8>>) -> serde_json::Result<()>,
    ) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0, 0, 0, 0, JSONB_VERSION]);
        write(&mut serde_json::Serializer::new(&mut self.bytes)).expect("texts can be written as JSON into memory");
        let length = (self.bytes.len() - at - 4) as i32;
        self.bytes[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
    }
}

/// The complete input of COPY for these rows.
pub(super) fn copy_input(rows: &[u8]) -> [&[u8]; 3] {
    [HEADER, rows, &END]
}

/// Splits rows, which are ordered by an id in their first field, after the last one with an id up to `last`.
pub(super) fn split_after(rows: &[u8], last: u64) -> (&[u8], &[u8]) {
    let mut rest = rows;
    while !rest.is_empty() {
        let mut row = Fields::of(rest);
        let read = |row: &mut Fields<'_>| {
            let count = i16::from_be_bytes(number(row.take(2)?)?);
            let id = row.bigint()?;
            for _ in 1..count {
                row.next()?;
            }
            Ok::<_, RowError>(id.cast_unsigned())
        };
        if read(&mut row).expect("our own rows are complete") > last {
            break;
        }
        rest = row.rest;
    }
    rows.split_at(rows.len() - rest.len())
}

/// Why this program cannot have written a row.
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
    #[error("the {0} is missing or does not go with the transaction_type")]
    Column(&'static str),
    #[error("a timestamp is missing or out of range")]
    Timestamp,
}

/// The fields of a row, one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields in `row`, from which their number has been removed.
    pub(super) fn of(row: &'a [u8]) -> Self {
        Self { rest: row }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], RowError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(RowError::Form)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Four bytes outside a field.
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
    pub(super) fn some(&mut self) -> Result<&'a [u8], RowError> {
        self.next()?.ok_or(RowError::Form)
    }

    /// The next field as a BIGINT.
    pub(super) fn bigint(&mut self) -> Result<i64, RowError> {
        self.some().and_then(number).map(i64::from_be_bytes)
    }

    /// The next field as a TIMESTAMPTZ.
    pub(super) fn time(&mut self) -> Result<Option<Micros>, RowError> {
        let Some(field) = self.next()? else { return Ok(None) };
        micros(number(field).map(i64::from_be_bytes)?).map(Some).ok_or(RowError::Timestamp)
    }

    /// The next field as an INTEGER.
    pub(super) fn int(&mut self) -> Result<i32, RowError> {
        self.some().and_then(number).map(i32::from_be_bytes)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, RowError> {
        Ok(check_text(self.some()?)?)
    }
}

/// A number of this many bytes.
pub(super) fn number<const N: usize>(bytes: &[u8]) -> Result<[u8; N], RowError> {
    bytes.try_into().map_err(|_| RowError::Form)
}

/// A JSONB field, read by serde.
pub(super) fn json<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, RowError> {
    let text = bytes.strip_prefix(&[JSONB_VERSION]).ok_or(RowError::Form)?;
    serde_json::from_slice(text).map_err(|_| RowError::Column("value"))
}

/// A one-dimensional TEXT[] without NULLs.
pub(super) fn text_array<'a>(bytes: &[u8], list: &'a mut StringsBuf) -> Result<Strings<'a>, RowError> {
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
/// The time as TIMESTAMPTZ, in microseconds from its own epoch.
pub(super) fn timestamp(at: Micros) -> Result<i64, &'static str> {
    let since_2000 = at.checked_sub(POSTGRES_EPOCH).filter(|since| TIMESTAMPS.contains(since));
    since_2000.ok_or("a time in it is out of the range of TIMESTAMPTZ")
}

/// The time of a TIMESTAMPTZ.
pub(super) fn micros(timestamp: i64) -> Option<Micros> {
    timestamp.checked_add(POSTGRES_EPOCH).filter(|_| TIMESTAMPS.contains(&timestamp))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_split_between_two_ids() {
        let mut rows = Rows::default();
        let mut ends = vec![0];
        for id in [3, 4, 7] {
            rows.begin(3);
            rows.bigint(id);
            rows.null();
            rows.field(&[b'x'; 5][..id as usize % 5]);
            ends.push(rows.bytes.len());
        }
        for (last, count) in [(0, 0), (2, 0), (3, 1), (5, 2), (6, 2), (7, 3), (u64::MAX, 3)] {
            let (before, after) = split_after(&rows.bytes, last);
            assert_eq!((before.len(), before.len() + after.len()), (ends[count], rows.bytes.len()), "{last}");
        }
    }
}
