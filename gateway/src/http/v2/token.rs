//! Opaque tokens: what clients see of places in the log, in the listing, and of the state of an entry.
//!
//! Each is base64url (RFC 4648) of these bytes; integers are big-endian:
//!
//! ```text
//!   kind            1   of the token and of its layout
//!   origin          8   id of the log; of a place in the listing: of the process
//!   partition       2   0; room for a log that is spread
//!   place           …   etag: stamp (5), token: lsn (8), cursor: shard (4), value type (1), place in the table (4)
//! ```
//!
//! So a token of a log that was restored or replaced means nothing here, and is not mistaken for another one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::{Place, Stamp};
use proto::{Lsn, ValueType};

const ETAG: u8 = 0x11;
const TOKEN: u8 = 0x12;
const CURSOR: u8 = 0x13;

const PARTITION: [u8; 2] = [0; 2];

/// Bytes before the place.
const HEAD_BYTES: usize = 1 + 8 + PARTITION.len();

/// Why a text is not a token of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotOurs {
    /// It is no token at all.
    Malformed,
    /// It is of another log, or another process.
    Foreign,
}

fn encode(kind: u8, origin: u64, place: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode([&[kind][..], &origin.to_be_bytes(), &PARTITION, place].concat())
}

/// The place of a token of this kind and origin.
fn decode<const N: usize>(kind: u8, origin: u64, text: &[u8]) -> Result<[u8; N], NotOurs> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotOurs::Malformed)?;
    let (head, place) = bytes.split_at_checked(HEAD_BYTES).ok_or(NotOurs::Malformed)?;
    let place = <[u8; N]>::try_from(place).map_err(|_| NotOurs::Malformed)?;
    match (head[0] == kind, head[1..9] == origin.to_be_bytes() && head[9..] == PARTITION) {
        (false, _) => Err(NotOurs::Malformed),
        (true, false) => Err(NotOurs::Foreign),
        (true, true) => Ok(place),
    }
}

/// The state of an entry, in quotes.
pub(super) fn etag(log: u64, stamp: Stamp) -> String {
    format!("\"{}\"", encode(ETAG, log, &stamp.low_bits().to_be_bytes()[3..]))
}

/// The stamp of an entry's state, from what is between the quotes.
pub(super) fn parse_etag(log: u64, text: &[u8]) -> Result<Stamp, NotOurs> {
    let [a, b, c, d, e] = decode(ETAG, log, text)?;
    Ok(Lsn::from_be_bytes([0, 0, 0, a, b, c, d, e]).into())
}

/// A place in the log.
pub(super) fn token(log: u64, lsn: Lsn) -> String {
    encode(TOKEN, log, &lsn.to_be_bytes())
}

/// The lsn of a place in the log.
pub(super) fn parse_token(log: u64, text: &[u8]) -> Result<Lsn, NotOurs> {
    decode(TOKEN, log, text).map(Lsn::from_be_bytes)
}

/// A place in a listing.
pub(super) fn cursor(process: u64, place: Place) -> String {
    let [a, b, c, d] = place.shard.to_be_bytes();
    let [e, f, g, h] = place.from.to_be_bytes();
    encode(CURSOR, process, &[a, b, c, d, place.ty as u8, e, f, g, h])
}

/// Where a listing goes on.
pub(super) fn parse_cursor(process: u64, text: &[u8]) -> Result<Place, NotOurs> {
    let [a, b, c, d, ty, e, f, g, h] = decode(CURSOR, process, text)?;
    let ty = ValueType::from_code(ty).ok_or(NotOurs::Malformed)?;
    Ok(Place { shard: u32::from_be_bytes([a, b, c, d]), ty, from: u32::from_be_bytes([e, f, g, h]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_and_those_of_others_do_not() {
        let place = Place { shard: 255, ty: ValueType::Set, from: u32::MAX };
        for lsn in [0, 1, 0xFF_FFFF_FFFF, u64::MAX] {
            assert_eq!(parse_token(7, token(7, lsn).as_bytes()), Ok(lsn));
            let etag = etag(7, lsn.into());
            assert_eq!(parse_etag(7, etag.trim_matches('"').as_bytes()), Ok(lsn.into()));
        }
        assert_eq!(parse_cursor(7, cursor(7, place).as_bytes()), Ok(place));
        assert_eq!(parse_token(8, token(7, 1).as_bytes()), Err(NotOurs::Foreign));
        assert_eq!(parse_cursor(8, cursor(7, place).as_bytes()), Err(NotOurs::Foreign));
        for bad in ["", "x", "AAAA", &etag(7, 1.into()), &(token(7, 1) + "AA"), "é"] {
            assert_eq!(parse_token(7, bad.as_bytes()), Err(NotOurs::Malformed), "{bad}");
        }
    }
}
