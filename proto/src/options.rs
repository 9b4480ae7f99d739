//! The options block of a version 2 record: extra data besides its operation, between key and payload.
//!
//! Integers are little-endian.
//!
//! ```text
//!   block   := length of the options (u16, at most MAX_OPTIONS_BYTES) option*
//!   option  := tag (u8) length of the value (u8) value
//!
//!   tag         bit 7: critical: a reader that does not know the tag must reject the record; it skips other options
//!   0x81        expiry        8 bytes: when the entry expires after this write, in Unix microseconds; none if it does not. Of
//!                             an outcome: until when it is kept
//!   0x02        (unused: idempotency keys have records of their own, see outcome.rs)
//!   0x83        group         2 bytes: how many records that follow this one take effect together with it, or not at all
//!   0x04        stamp         5 bytes: the low 40 bits of the lsn of the entry's last write, in the records of a checkpoint
//! ```
//!
//! Tag 0x02 was reserved once, and stays unused.

use crate::limits::MAX_OPTIONS_BYTES;
use crate::lsn::Micros;

/// When the entry expires. A reader that skipped it would keep the entry forever.
pub const TAG_EXPIRY: u8 = CRITICAL | 1;

/// How many records of its group follow. A reader that skipped it could see a part of what is one step.
pub const TAG_GROUP: u8 = CRITICAL | 3;

/// The stamp of an entry in a checkpoint.
pub const TAG_STAMP: u8 = 4;

/// The tag bit that forbids skipping the option.
pub const CRITICAL: u8 = 1 << 7;

const BLOCK_LENGTH_BYTES: usize = 2;

/// Size of the head of an option: tag and length.
const OPTION_HEAD_BYTES: usize = 2;

/// Size of an expiry, in bytes.
const EXPIRY_BYTES: usize = size_of::<Micros>();

/// Size of a stamp, in bytes.
const STAMP_BYTES: usize = 5;

/// Size of the number of records that follow, in bytes.
const GROUP_BYTES: usize = size_of::<u16>();

/// What a record's options say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordOptions {
    /// When the entry expires after this write; `None`: never. Of an outcome: until when it is kept. Only a record of a write that
    /// leaves an entry has it, and that of an outcome.
    pub expires: Option<Micros>,
    /// The low 40 bits of the lsn of the entry's last write. Records of a checkpoint have it, since their own lsn is only
    /// a number within the checkpoint.
    pub stamp: Option<u64>,
    /// How many of the records that follow belong to the same group, which is one step: 0 for the last of a group, and for a
    /// record that stands alone.
    pub following: u16,
}

impl RecordOptions {
    /// Size of the block, in bytes; 0 if there are no options.
    #[inline]
    pub fn bytes(&self) -> usize {
        match *self {
            Self { expires: None, stamp: None, following: 0 } => 0,
            _ => BLOCK_LENGTH_BYTES + self.content_bytes(),
        }
    }

    fn content_bytes(&self) -> usize {
        let expiry = if self.expires.is_some() { OPTION_HEAD_BYTES + EXPIRY_BYTES } else { 0 };
        let stamp = if self.stamp.is_some() { OPTION_HEAD_BYTES + STAMP_BYTES } else { 0 };
        let group = if self.following > 0 { OPTION_HEAD_BYTES + GROUP_BYTES } else { 0 };
        expiry + stamp + group
    }

    /// Appends the block; there must be an option.
    #[cold]
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let content = self.content_bytes();
        out.extend_from_slice(&(content as u16).to_le_bytes());
        if let Some(expires) = self.expires {
            out.extend_from_slice(&[TAG_EXPIRY, EXPIRY_BYTES as u8]);
            out.extend_from_slice(&expires.to_le_bytes());
        }
        if self.following > 0 {
            out.extend_from_slice(&[TAG_GROUP, GROUP_BYTES as u8]);
            out.extend_from_slice(&self.following.to_le_bytes());
        }
        if let Some(stamp) = self.stamp {
            out.extend_from_slice(&[TAG_STAMP, STAMP_BYTES as u8]);
            out.extend_from_slice(&stamp.to_le_bytes()[..STAMP_BYTES]);
        }
    }

    fn set(&mut self, tag: u8, value: &[u8]) -> Result<(), OptionsError> {
        match tag {
            TAG_STAMP if value.len() == STAMP_BYTES => {
                let mut stamp = [0; size_of::<u64>()];
                stamp[..STAMP_BYTES].copy_from_slice(value);
                self.stamp = Some(u64::from_le_bytes(stamp));
                Ok(())
            }
            TAG_EXPIRY => {
                let expires = value.try_into().map_err(|_| OptionsError::Value(tag))?;
                self.expires = Some(Micros::from_le_bytes(expires));
                Ok(())
            }
            TAG_GROUP => {
                let following = value.try_into().map_err(|_| OptionsError::Value(tag))?;
                self.following = u16::from_le_bytes(following);
                Ok(())
            }
            TAG_STAMP => Err(OptionsError::Value(tag)),
            _ if tag & CRITICAL != 0 => Err(OptionsError::Critical(tag)),
            _ => Ok(()),
        }
    }
}

/// Why bytes are not a valid options block, or have an option that must not be skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum OptionsError {
    #[error("the record's options claim {0} bytes; expected at most {MAX_OPTIONS_BYTES}, within the record")]
    Length(usize),
    #[error("the option with tag {0:#04x} extends past the end of the record's options")]
    Truncated(u8),
    #[error("the value of the option with tag {0:#04x} has the wrong length")]
    Value(u8),
    #[error("the record says when an entry expires, but leaves none")]
    NothingExpires,
    #[error(
        "the record has a critical option with tag {0:#04x}, which this version does not know; use a newer version"
    )]
    Critical(u8),
}

/// Decodes the block at the start of `bytes`; returns what follows, too.
pub(crate) fn decode(bytes: &[u8]) -> Result<(RecordOptions, &[u8]), OptionsError> {
    let (length, rest) = bytes.split_first_chunk::<BLOCK_LENGTH_BYTES>().ok_or(OptionsError::Length(bytes.len()))?;
    let length = usize::from(u16::from_le_bytes(*length));
    if length > MAX_OPTIONS_BYTES {
        return Err(OptionsError::Length(length));
    }
    let (mut options, rest) = rest.split_at_checked(length).ok_or(OptionsError::Length(length))?;
    let mut decoded = RecordOptions::default();
    while let Some((&tag, after_tag)) = options.split_first() {
        let (&length, after_length) = after_tag.split_first().ok_or(OptionsError::Truncated(tag))?;
        let (value, next) = after_length.split_at_checked(length.into()).ok_or(OptionsError::Truncated(tag))?;
        decoded.set(tag, value)?;
        options = next;
    }
    Ok((decoded, rest))
}

const _: () = assert!(MAX_OPTIONS_BYTES <= u16::MAX as usize, "a record stores the length of its options in 16 bits");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(options: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let options: Vec<u8> =
            options.iter().flat_map(|(tag, value)| [&[*tag, value.len() as u8], &value[..]].concat()).collect();
        [&(options.len() as u16).to_le_bytes()[..], &options].concat()
    }

    fn skip(bytes: &[u8]) -> Result<&[u8], OptionsError> {
        decode(bytes).map(|(_, rest)| rest)
    }

    /// A tag that no version knows.
    fn unknown_tag() -> impl Strategy<Value = u8> {
        prop_oneof![Just(1), TAG_STAMP + 1..CRITICAL]
    }

    proptest! {
        #[test]
        fn what_is_said_comes_back(
            stamp in proptest::option::of(0..1u64 << 40),
            expires in proptest::option::of(any::<Micros>()),
            following in any::<u16>(),
            rest in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let options = RecordOptions { expires, stamp, following };
            let mut bytes = Vec::new();
            if options != RecordOptions::default() {
                options.encode(&mut bytes);
                prop_assert_eq!(bytes.len(), options.bytes());
                bytes.extend_from_slice(&rest);
                prop_assert_eq!(decode(&bytes), Ok((options, &rest[..])));
            }
        }

        #[test]
        fn options_that_may_be_skipped_are_and_what_follows_is_left(
            options in proptest::collection::vec((unknown_tag(), proptest::collection::vec(any::<u8>(), 0..20)), 0..8),
            rest in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let bytes = [block(&options), rest.clone()].concat();
            prop_assert_eq!(skip(&bytes), Ok(&rest[..]));
        }

        #[test]
        fn a_critical_option_is_refused_wherever_it_is(
            mut options in proptest::collection::vec((unknown_tag(), proptest::collection::vec(any::<u8>(), 0..20)), 1..8),
            at: prop::sample::Index,
            tag in TAG_GROUP + 1..,
        ) {
            let at = at.index(options.len());
            options[at].0 = tag;
            let block = block(&options);
            prop_assert_eq!(skip(&block), Err(OptionsError::Critical(tag)));
        }

        #[test]
        fn a_block_that_is_cut_off_is_refused(
            options in proptest::collection::vec((unknown_tag(), proptest::collection::vec(any::<u8>(), 0..20)), 1..8),
        ) {
            let block = block(&options);
            for length in 0..block.len() {
                prop_assert!(skip(&block[..length]).is_err());
            }
        }

        #[test]
        fn arbitrary_bytes_are_refused_or_skipped(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(rest) = skip(&bytes) {
                prop_assert!(bytes.ends_with(rest) && bytes.len() - rest.len() <= BLOCK_LENGTH_BYTES + MAX_OPTIONS_BYTES);
            }
        }
    }

    #[test]
    fn lengths_are_not_trusted() {
        let at_most = block(&[(1, vec![0; 252]), (1, vec![])]);
        assert_eq!((at_most.len(), skip(&at_most)), (2 + MAX_OPTIONS_BYTES, Ok(&[][..])));
        let too_long = block(&[(1, vec![0; 252]), (1, vec![0; 1])]);
        assert_eq!(skip(&too_long), Err(OptionsError::Length(MAX_OPTIONS_BYTES + 1)));
        assert_eq!(skip(&[0xff, 0xff, 1]), Err(OptionsError::Length(0xffff)));
        assert_eq!(skip(&[3, 0, 1, 0]), Err(OptionsError::Length(3)), "the block ends beyond the bytes");
        assert_eq!(skip(&[1, 0, 5]), Err(OptionsError::Truncated(5)), "an option without a length");
        assert_eq!(skip(&[3, 0, TAG_STAMP, 1, 0]), Err(OptionsError::Value(TAG_STAMP)), "a stamp of one byte");
        assert_eq!(skip(&[3, 0, TAG_EXPIRY, 1, 0]), Err(OptionsError::Value(TAG_EXPIRY)), "an expiry of one byte");
        assert_eq!(skip(&[3, 0, TAG_GROUP, 1, 0]), Err(OptionsError::Value(TAG_GROUP)), "a group of one byte");
        assert_eq!(skip(&[3, 0, 5, 2, 0, 9]), Err(OptionsError::Truncated(5)), "a value that reaches beyond the block");
    }

    #[test]
    fn tags_stay_what_they_are() {
        assert_eq!([TAG_EXPIRY, TAG_GROUP, TAG_STAMP], [0x81, 0x83, 0x04]);
    }
}
