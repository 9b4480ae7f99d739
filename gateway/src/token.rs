//! Opaque tokens: what clients see of places in the log, in a listing, and of the state of an entry. Over frames they are these
//! bytes, over REST the same in base64url (RFC 4648). Integers are big-endian.
//!
//! ```text
//!   kind            1   of the token and of its layout
//!   origin          8   id of the log; of a place in a listing: of the process
//!   partition       2   0; room for a log that is spread
//!   place           …   etag: term (4), stamp (5); token: term (4), lsn (8); cursor: shard (4), value type (1), place in the table (4)
//! ```
//!
//! So a token of a log that was restored or replaced means nothing here, and is not mistaken for another one. Neither is that of
//! a write which a crash has taken back: its lsn is given again, but in another term. A term is the low 32 bits of its epoch.

use std::sync::Arc;

use engine::{Place, Stamp};
use proto::frame::{Cursor, Etag, Token};
use proto::{Lsn, ValueType};
use txnd::Terms;

const ETAG: u8 = 0x11;
const TOKEN: u8 = 0x12;
const CURSOR: u8 = 0x13;

const PARTITION: [u8; 2] = [0; 2];

/// Bytes before the place.
const HEAD_BYTES: usize = 1 + 8 + PARTITION.len();

/// Why bytes are not a token of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotOurs {
    /// They are no token at all.
    Malformed,
    /// It is of another log, or another process.
    Foreign,
    /// It is of a write that the log has lost.
    Lost,
}

/// Makes and reads the tokens of a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens {
    /// Id of the log; without one, that of the process.
    log: u64,
    /// Where its terms begin.
    terms: Arc<Terms>,
    /// Id of the process.
    process: u64,
}

fn encode<const N: usize>(kind: u8, origin: u64, place: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[0] = kind;
    bytes[1..9].copy_from_slice(&origin.to_be_bytes());
    bytes[9..HEAD_BYTES].copy_from_slice(&PARTITION);
    bytes[HEAD_BYTES..].copy_from_slice(place);
    bytes
}

/// The place of a token of this kind and origin.
fn decode<const N: usize>(kind: u8, origin: u64, bytes: &[u8]) -> Result<[u8; N], NotOurs> {
    let (head, place) = bytes.split_at_checked(HEAD_BYTES).ok_or(NotOurs::Malformed)?;
    let place = <[u8; N]>::try_from(place).map_err(|_| NotOurs::Malformed)?;
    match (head[0] == kind, head[1..9] == origin.to_be_bytes() && head[9..] == PARTITION) {
        (false, _) => Err(NotOurs::Malformed),
        (true, false) => Err(NotOurs::Foreign),
        (true, true) => Ok(place),
    }
}

/// An lsn from its low 40 bits: the one that is nearest to `near`.
fn whole_lsn(stamp: Stamp, near: Lsn) -> Lsn {
    const UNUSED_BITS: u32 = 64 - 40;
    let distance = (stamp.low_bits().wrapping_sub(near) << UNUSED_BITS).cast_signed() >> UNUSED_BITS;
    near.saturating_add_signed(distance)
}

impl Tokens {
    /// Those of a process without a log.
    pub(crate) fn without_log(process: u64) -> Self {
        Self::new(process, Arc::default(), process)
    }

    /// Those of a process that writes a log.
    pub(crate) fn new(log: u64, terms: Arc<Terms>, process: u64) -> Self {
        Self { log, terms, process }
    }

    /// The term in which an lsn was given.
    fn term_of(&self, lsn: Lsn) -> [u8; 4] {
        (self.terms.of(lsn) as u32).to_be_bytes()
    }

    /// Whether the log has, or may come to have, what got this lsn in this term.
    fn check(&self, term: [u8; 4], lsn: Lsn) -> Result<(), NotOurs> {
        match self.terms.has(u32::from_be_bytes(term).into(), lsn) {
            true => Ok(()),
            false => Err(NotOurs::Lost),
        }
    }

    /// A stamp's lsn. Without the bits that a stamp does not have it can only be told if it is not too far from here: within
    /// half a trillion writes.
    fn lsn_of_stamp(&self, stamp: Stamp) -> Lsn {
        whole_lsn(stamp, self.terms.starts().last().map_or(0, |own| own.base))
    }

    /// The state of an entry.
    pub(crate) fn etag(&self, stamp: Stamp) -> Etag {
        let [t, u, v, w] = self.term_of(self.lsn_of_stamp(stamp));
        let [.., a, b, c, d, e] = stamp.low_bits().to_be_bytes();
        encode(ETAG, self.log, &[t, u, v, w, a, b, c, d, e])
    }

    /// The stamp of an entry's state.
    pub(crate) fn stamp_of(&self, etag: &[u8]) -> Result<Stamp, NotOurs> {
        let [t, u, v, w, a, b, c, d, e] = decode(ETAG, self.log, etag)?;
        let stamp = Lsn::from_be_bytes([0, 0, 0, a, b, c, d, e]).into();
        self.check([t, u, v, w], self.lsn_of_stamp(stamp)).map(|()| stamp)
    }

    /// A place in the log.
    pub(crate) fn token(&self, lsn: Lsn) -> Token {
        let [t, u, v, w] = self.term_of(lsn);
        let [a, b, c, d, e, f, g, h] = lsn.to_be_bytes();
        encode(TOKEN, self.log, &[t, u, v, w, a, b, c, d, e, f, g, h])
    }

    /// The lsn of a place in the log.
    pub(crate) fn lsn_of(&self, token: &[u8]) -> Result<Lsn, NotOurs> {
        let [t, u, v, w, a, b, c, d, e, f, g, h] = decode(TOKEN, self.log, token)?;
        let lsn = Lsn::from_be_bytes([a, b, c, d, e, f, g, h]);
        self.check([t, u, v, w], lsn).map(|()| lsn)
    }

    /// A place in a listing.
    pub(crate) fn cursor(&self, place: Place) -> Cursor {
        let [a, b, c, d] = place.shard.to_be_bytes();
        let [e, f, g, h] = place.from.to_be_bytes();
        encode(CURSOR, self.process, &[a, b, c, d, place.ty as u8, e, f, g, h])
    }

    /// Where a listing goes on.
    pub(crate) fn place_of(&self, cursor: &[u8]) -> Result<Place, NotOurs> {
        let [a, b, c, d, ty, e, f, g, h] = decode(CURSOR, self.process, cursor)?;
        let ty = ValueType::from_code(ty).ok_or(NotOurs::Malformed)?;
        Ok(Place { shard: u32::from_be_bytes([a, b, c, d]), ty, from: u32::from_be_bytes([e, f, g, h]) })
    }
}

#[cfg(test)]
mod tests {
    use txnd::TermStart;

    use super::*;

    fn tokens(starts: &[(u64, Lsn)]) -> Tokens {
        let starts = starts.iter().map(|&(epoch, base)| TermStart { epoch, base });
        Tokens::new(7, Arc::new(Terms::of_starts(starts).expect("they ascend")), 8)
    }

    #[test]
    fn what_was_lost_is_not_mistaken_for_what_has_its_lsn_now() {
        let before = tokens(&[(1, 0), (4, 90)]);
        let (kept, lost) = (before.token(95), before.token(100));
        let (kept_state, lost_state) = (before.etag(95.into()), before.etag(100.into()));
        let now = tokens(&[(1, 0), (4, 90), (5, 97)]);
        assert_eq!((now.lsn_of(&kept), now.lsn_of(&lost)), (Ok(95), Err(NotOurs::Lost)));
        assert_eq!((now.stamp_of(&kept_state), now.stamp_of(&lost_state)), (Ok(95.into()), Err(NotOurs::Lost)));
        assert_eq!((now.token(95), now.etag(95.into())), (kept, kept_state), "what was not lost keeps its token");
        assert_ne!((now.token(100), now.etag(100.into())), (lost, lost_state));
    }

    #[test]
    fn a_stamp_is_told_by_what_is_near() {
        let (far, low) = (9 << 40, (1 << 40) - 1);
        for (lsn, near) in [(0, 0), (5, 1), (far + 5, far + 1), (far - 5, far + 1), (far + 5, far - 1), (low, 1 << 39)]
        {
            assert_eq!(whole_lsn(Stamp::from(lsn), near), lsn, "{lsn} near {near}");
        }
        let late = tokens(&[(1, far - 9), (2, far + 9)]);
        for lsn in [far - 100, far - 8, far, far + 9, far + 10, far + 100_000] {
            assert_eq!(late.stamp_of(&late.etag(lsn.into())), Ok(lsn.into()), "{lsn}");
        }
    }
}
