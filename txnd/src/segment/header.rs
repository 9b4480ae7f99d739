//! The header that every kind of file of the log begins with.
//!
//! ```text
//!   offset  bytes  field, integers little-endian
//!        0      4  magic
//!        4      4  format version
//!        8      …  fields of 8 bytes, of which the first is the log id
//!        …      …  zero
//!       60      4  CRC32C of bytes 0..60
//! ```

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;

const VERSION_AT: usize = 4;
const FIELDS_AT: usize = VERSION_AT + 4;
const FIELD_BYTES: usize = 8;
const CHECKSUM_AT: usize = 60;

/// Size of a header, in bytes.
pub(super) const HEADER_BYTES: usize = CHECKSUM_AT + 4;

/// A kind of file.
pub(super) struct Kind {
    pub(super) magic: [u8; 4],
    pub(super) version: u32,
    /// In messages.
    pub(super) name: &'static str,
}

/// Why a header cannot be used.
pub(super) enum HeaderError {
    Io(io::Error),
    Corrupt(String),
}

impl Kind {
    /// A header with these fields.
    pub(super) fn encode<const FIELDS: usize>(&self, fields: [u64; FIELDS]) -> [u8; HEADER_BYTES] {
        const { assert!(FIELDS_AT + FIELDS * FIELD_BYTES <= CHECKSUM_AT) };
        let mut header = [0; HEADER_BYTES];
        let mut put = |at: usize, field: &[u8]| header[at..at + field.len()].copy_from_slice(field);
        put(0, &self.magic);
        put(VERSION_AT, &self.version.to_le_bytes());
        for (index, field) in fields.into_iter().enumerate() {
            put(FIELDS_AT + index * FIELD_BYTES, &field.to_le_bytes());
        }
        let checksum = crc32c::crc32c(&header[..CHECKSUM_AT]);
        header[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        header
    }

    /// The fields of a file's header.
    pub(super) fn read<const FIELDS: usize>(&self, file: &File) -> Result<[u64; FIELDS], HeaderError> {
        const { assert!(FIELDS_AT + FIELDS * FIELD_BYTES <= CHECKSUM_AT) };
        let mut header = [0; HEADER_BYTES];
        if let Err(e) = file.read_exact_at(&mut header, 0) {
            return Err(match (e.kind(), file.metadata()) {
                (ErrorKind::UnexpectedEof, Ok(found)) => HeaderError::Corrupt(format!(
                    "the file has {} bytes, less than the header of a {}",
                    found.len(),
                    self.name
                )),
                _ => HeaderError::Io(e),
            });
        }
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
        let long = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().expect("eight bytes"));
        if !header.starts_with(&self.magic) || word(CHECKSUM_AT) != crc32c::crc32c(&header[..CHECKSUM_AT]) {
            let what = format!("this is not the header of a {} with a correct checksum", self.name);
            return Err(HeaderError::Corrupt(what));
        }
        if word(VERSION_AT) != self.version {
            let what = format!("format version {}; this program reads {}", word(VERSION_AT), self.version);
            return Err(HeaderError::Corrupt(what));
        }
        Ok(std::array::from_fn(|index| long(FIELDS_AT + index * FIELD_BYTES)))
    }
}
