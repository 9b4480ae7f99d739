//! What a request with an idempotency key has come to, as the log keeps it: everything that its response is made of.
//!
//! Integers are little-endian. Its record is the first of the request's records, which follow it without a gap. So it can say
//! which of them it means before they have their lsns.
//!
//! ```text
//!   outcome := last write (u32: so many records after this one; 0: the request has written nothing) step*
//!   step    := flags (u8) before? after? expires? reply
//!   before, after := 5 bytes: the state of the entry, the low 40 bits of the lsn of its last write; or, if the flag says so,
//!                    how many records after this one that write is
//!   expires := 8 bytes: when the entry expires, in Unix microseconds
//!   reply   := kind (u8) value type (u8, 0 for none) length (u32) that many bytes
//!
//!   flags   1  there is before     2  before is a write of this request
//!           4  there is after      8  after is a write of this request     16  there is expires
//!   kinds   0  stored    1  value    2  field    3  no entry    4  no field    5  deleted (1 byte)    6  count (u32)    7  has (1 byte)
//! ```

use crate::lsn::Micros;
use crate::op::Reply;
use crate::packed::UnpackError;
use crate::text::{TextError, check_text};
use crate::value::{ValueRef, ValueType};

const HAS_BEFORE: u8 = 1;
const OWN_BEFORE: u8 = 2;
const HAS_AFTER: u8 = 4;
const OWN_AFTER: u8 = 8;
const EXPIRES: u8 = 16;
const FLAGS_KNOWN: u8 = HAS_BEFORE | OWN_BEFORE | HAS_AFTER | OWN_AFTER | EXPIRES;

const STORED: u8 = 0;
const VALUE: u8 = 1;
const FIELD: u8 = 2;
const NO_ENTRY: u8 = 3;
const NO_FIELD: u8 = 4;
const DELETED: u8 = 5;
const COUNT: u8 = 6;
const HAS: u8 = 7;

/// Size of a place, in bytes.
const PLACE_BYTES: usize = 5;

/// What a request has come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordedOutcome {
    /// The last write: so many records after that of the outcome. `None` if the request has written nothing.
    pub last: Option<u32>,
    /// What each step has come to.
    pub steps: Vec<OutcomeStep>,
}

/// What a step has come to.
#[derive(Clone, Debug, PartialEq)]
pub struct OutcomeStep {
    /// The reply.
    pub reply: Reply,
    /// The state of the entry before the step, if it was there.
    pub before: Option<Place>,
    /// Its state after the step, if it is there, and when it expires.
    pub after: Option<(Place, Option<Micros>)>,
}

/// The write that an entry has its state from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The low 40 bits of its lsn.
    Lsn(u64),
    /// One of the same request: so many records after that of the outcome.
    Own(u32),
}

/// Why bytes are not a valid outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum OutcomeError {
    #[error("an outcome ends too early")]
    Length,
    #[error("the flags {0:#x} of an outcome are unknown")]
    Flags(u8),
    #[error("an outcome has a reply of the unknown kind {0}, or one with the wrong type or size")]
    Reply(u8),
    #[error("a text in an outcome {0}")]
    Text(#[from] TextError),
    #[error("a value in an outcome: {0}")]
    Value(#[from] UnpackError),
}

impl RecordedOutcome {
    /// The outcome as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.last.unwrap_or(0).to_le_bytes().to_vec();
        self.steps.iter().for_each(|step| step.encode(&mut out));
        out
    }

    /// Reads an outcome, all of `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self, OutcomeError> {
        let mut rest = bytes;
        let last = u32::from_le_bytes(*take(&mut rest)?);
        let mut steps = Vec::new();
        while !rest.is_empty() {
            steps.push(OutcomeStep::decode(&mut rest)?);
        }
        Ok(Self { last: (last > 0).then_some(last), steps })
    }
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], OutcomeError> {
    let (taken, behind) = rest.split_first_chunk().ok_or(OutcomeError::Length)?;
    *rest = behind;
    Ok(taken)
}

impl Place {
    fn is_own(self) -> bool {
        matches!(self, Self::Own(_))
    }

    fn encode(self, out: &mut Vec<u8>) {
        let word = match self {
            Self::Lsn(lsn) => lsn,
            Self::Own(after) => after.into(),
        };
        out.extend_from_slice(&word.to_le_bytes()[..PLACE_BYTES]);
    }

    fn decode(rest: &mut &[u8], is_own: bool) -> Result<Self, OutcomeError> {
        let [a, b, c, d, e] = *take::<PLACE_BYTES>(rest)?;
        Ok(match is_own {
            true => Self::Own(u32::from_le_bytes([a, b, c, d])),
            false => Self::Lsn(u64::from_le_bytes([a, b, c, d, e, 0, 0, 0])),
        })
    }
}

impl OutcomeStep {
    fn encode(&self, out: &mut Vec<u8>) {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let after = self.after.map(|(place, _)| place);
        let expires = self.after.and_then(|(_, expires)| expires);
        out.push(
            flag(self.before.is_some(), HAS_BEFORE)
                | flag(self.before.is_some_and(Place::is_own), OWN_BEFORE)
                | flag(after.is_some(), HAS_AFTER)
                | flag(after.is_some_and(Place::is_own), OWN_AFTER)
                | flag(expires.is_some(), EXPIRES),
        );
        self.before.into_iter().chain(after).for_each(|place| place.encode(out));
        out.extend(expires.map(Micros::to_le_bytes).into_iter().flatten());
        encode_reply(&self.reply, out);
    }

    fn decode(rest: &mut &[u8]) -> Result<Self, OutcomeError> {
        let [flags] = *take::<1>(rest)?;
        if flags & !FLAGS_KNOWN != 0 || flags & (HAS_AFTER | EXPIRES) == EXPIRES {
            return Err(OutcomeError::Flags(flags));
        }
        let mut place = |has: u8, own: u8| match flags & has {
            0 => Ok(None),
            _ => Place::decode(rest, flags & own != 0).map(Some),
        };
        let (before, after) = (place(HAS_BEFORE, OWN_BEFORE)?, place(HAS_AFTER, OWN_AFTER)?);
        let expires = match flags & EXPIRES {
            0 => None,
            _ => Some(Micros::from_le_bytes(*take(rest)?)),
        };
        Ok(Self { reply: decode_reply(rest)?, before, after: after.map(|place| (place, expires)) })
    }
}

fn encode_reply(reply: &Reply, out: &mut Vec<u8>) {
    let (kind, ty) = match reply {
        Reply::Stored => (STORED, 0),
        Reply::Value(value) => (VALUE, value.value_type() as u8),
        Reply::Field(_) => (FIELD, 0),
        Reply::NoEntry => (NO_ENTRY, 0),
        Reply::NoField => (NO_FIELD, 0),
        Reply::Deleted(_) => (DELETED, 0),
        Reply::Count(_) => (COUNT, 0),
        Reply::Has(_) => (HAS, 0),
    };
    out.extend_from_slice(&[kind, ty]);
    let length = out.len();
    out.extend_from_slice(&[0; 4]);
    let begin = out.len();
    match reply {
        Reply::Stored | Reply::NoEntry | Reply::NoField => {}
        Reply::Value(value) => value.pack(out),
        Reply::Field(text) => out.extend_from_slice(text.as_bytes()),
        Reply::Deleted(yes) | Reply::Has(yes) => out.push(u8::from(*yes)),
        Reply::Count(count) => out.extend_from_slice(&count.to_le_bytes()),
    }
    let bytes = (out.len() - begin) as u32;
    out[length..begin].copy_from_slice(&bytes.to_le_bytes());
}

fn decode_reply(rest: &mut &[u8]) -> Result<Reply, OutcomeError> {
    let [kind, ty] = *take::<2>(rest)?;
    let length = u32::from_le_bytes(*take(rest)?) as usize;
    let (bytes, behind) = rest.split_at_checked(length).ok_or(OutcomeError::Length)?;
    *rest = behind;
    Ok(match (kind, ValueType::from_code(ty), bytes) {
        (VALUE, Some(ty), bytes) => Reply::Value(ValueRef::unpack(ty, bytes)?.into()),
        _ if ty != 0 => return Err(OutcomeError::Reply(kind)),
        (STORED, _, []) => Reply::Stored,
        (FIELD, _, text) => Reply::Field(check_text(text)?.into()),
        (NO_ENTRY, _, []) => Reply::NoEntry,
        (NO_FIELD, _, []) => Reply::NoField,
        (DELETED, _, [yes @ 0..=1]) => Reply::Deleted(*yes == 1),
        (HAS, _, [yes @ 0..=1]) => Reply::Has(*yes == 1),
        (COUNT, _, bytes) => Reply::Count(u32::from_le_bytes(bytes.try_into().map_err(|_| OutcomeError::Reply(kind))?)),
        _ => return Err(OutcomeError::Reply(kind)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Text;
    use crate::value::Value;
    use proptest::prelude::*;

    fn any_reply() -> impl Strategy<Value = Reply> {
        prop_oneof![
            Just(Reply::Stored),
            any::<i32>().prop_map(|value| Reply::Value(Value::Int(value))),
            "[a-z]{0,40}".prop_map(|text| Reply::Value(Value::Str(Text::from(text.as_str())))),
            "[a-z]{0,40}".prop_map(|text| Reply::Field(Text::from(text.as_str()))),
            Just(Reply::NoEntry),
            Just(Reply::NoField),
            any::<bool>().prop_map(Reply::Deleted),
            any::<u32>().prop_map(Reply::Count),
            any::<bool>().prop_map(Reply::Has),
        ]
    }

    fn any_place() -> impl Strategy<Value = Place> {
        prop_oneof![(0..1u64 << 40).prop_map(Place::Lsn), any::<u32>().prop_map(Place::Own)]
    }

    fn any_step() -> impl Strategy<Value = OutcomeStep> {
        let after = proptest::option::of((any_place(), proptest::option::of(any::<Micros>())));
        (any_reply(), proptest::option::of(any_place()), after).prop_map(|(reply, before, after)| OutcomeStep {
            reply,
            before,
            after,
        })
    }

    proptest! {
        #[test]
        fn an_outcome_comes_back_and_no_part_of_it_is_one(
            last in proptest::option::of(1..u32::MAX),
            steps in proptest::collection::vec(any_step(), 0..5),
            cut: prop::sample::Index,
        ) {
            let outcome = RecordedOutcome { last, steps };
            let bytes = outcome.encode();
            prop_assert_eq!(RecordedOutcome::decode(&bytes), Ok(outcome.clone()));
            // Cut between two steps it is a shorter one, elsewhere none.
            match RecordedOutcome::decode(&bytes[..cut.index(bytes.len())]) {
                Ok(shorter) => prop_assert!(outcome.steps.starts_with(&shorter.steps)),
                Err(error) => prop_assert_eq!(error, OutcomeError::Length),
            }
        }

        #[test]
        fn any_bytes_are_an_outcome_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(outcome) = RecordedOutcome::decode(&bytes) {
                prop_assert_eq!(RecordedOutcome::decode(&outcome.encode()), Ok(outcome));
            }
        }
    }
}
