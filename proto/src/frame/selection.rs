//! What requests for scans and for changes have in common: of which entries, from which place on, and how much at a time.

use super::error::RequestError;
use crate::payload::PayloadError;
use crate::record::field;
use crate::text::check_text;
use crate::value::ValueType;

const BOUND: usize = 0;
const FLAGS: usize = 2;
const PLACE_LENGTH: usize = 3;
const HEAD_BYTES: usize = 4;

const WITH_VALUES: u8 = 1;

/// The payload of such a request, and the value type of its frame.
pub(super) struct Selection<'a, const PLACE: usize> {
    pub(super) ty: Option<ValueType>,
    pub(super) prefix: &'a str,
    pub(super) values: bool,
    /// Most entries, or the longest wait.
    pub(super) bound: u16,
    pub(super) place: Option<&'a [u8; PLACE]>,
}

impl<'a, const PLACE: usize> Selection<'a, PLACE> {
    pub(super) fn decode(ty: u8, payload: &'a [u8]) -> Result<Self, RequestError> {
        let ty = match ty {
            0 => None,
            code => Some(ValueType::from_code(code).ok_or(RequestError::Type(code))?),
        };
        let beyond = RequestError::ItemLength(0);
        let (head, rest) = payload.split_first_chunk::<HEAD_BYTES>().ok_or(beyond)?;
        if head[FLAGS] & !WITH_VALUES != 0 {
            return Err(RequestError::Reserved);
        }
        let (place, prefix) = match usize::from(head[PLACE_LENGTH]) {
            0 => (None, rest),
            length if length == PLACE => {
                rest.split_first_chunk().map(|(place, rest)| (Some(place), rest)).ok_or(beyond)?
            }
            _ => return Err(beyond),
        };
        let prefix = check_text(prefix).map_err(PayloadError::from)?;
        let (values, bound) = (head[FLAGS] & WITH_VALUES != 0, u16::from_le_bytes(field(head, BOUND)));
        Ok(Self { ty, prefix, values, bound, place })
    }

    pub(super) fn payload_bytes(&self) -> usize {
        HEAD_BYTES + self.place.map_or(0, |place| place.len()) + self.prefix.len()
    }

    pub(super) fn encode_payload(&self, out: &mut Vec<u8>) {
        let place = self.place.map_or(&[][..], |place| place);
        out.extend_from_slice(&self.bound.to_le_bytes());
        out.extend_from_slice(&[u8::from(self.values), place.len() as u8]);
        out.extend_from_slice(place);
        out.extend_from_slice(self.prefix.as_bytes());
    }
}
