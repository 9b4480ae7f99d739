//! Requests for the changes after a place in the log.

use super::error::RequestError;
use super::limits::MAX_FOLLOW_WAIT_MILLIS;
use super::opaque::{TOKEN_BYTES, Token};
use crate::payload::PayloadError;
use crate::record::field;
use crate::text::check_text;
use crate::value::ValueType;

const WAIT: usize = 0;
const FLAGS: usize = 2;
const TOKEN_LENGTH: usize = 3;
const HEAD_BYTES: usize = 4;

const WITH_VALUES: u8 = 1;

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
        let ty = match ty {
            0 => None,
            code => Some(ValueType::from_code(code).ok_or(RequestError::Type(code))?),
        };
        let beyond = RequestError::ItemLength(0);
        let (head, rest) = payload.split_first_chunk::<HEAD_BYTES>().ok_or(beyond)?;
        let wait = u16::from_le_bytes(field(head, WAIT));
        if wait > MAX_FOLLOW_WAIT_MILLIS {
            return Err(RequestError::Wait(wait));
        }
        if head[FLAGS] & !WITH_VALUES != 0 {
            return Err(RequestError::Reserved);
        }
        let (after, prefix) = match usize::from(head[TOKEN_LENGTH]) {
            0 => (None, rest),
            TOKEN_BYTES => rest.split_first_chunk().map(|(token, rest)| (Some(token), rest)).ok_or(beyond)?,
            _ => return Err(beyond),
        };
        let prefix = check_text(prefix).map_err(PayloadError::from)?;
        Ok(Self { ty, prefix, values: head[FLAGS] & WITH_VALUES != 0, wait, after })
    }

    pub(super) fn payload_bytes(&self) -> usize {
        HEAD_BYTES + self.after.map_or(0, |token| token.len()) + self.prefix.len()
    }

    pub(super) fn encode_payload(&self, out: &mut Vec<u8>) {
        let after = self.after.map_or(&[][..], |token| token);
        out.extend_from_slice(&self.wait.to_le_bytes());
        out.extend_from_slice(&[u8::from(self.values), after.len() as u8]);
        out.extend_from_slice(after);
        out.extend_from_slice(self.prefix.as_bytes());
    }
}
