//! Opaque tokens: what clients see of places in the log, in a listing, and of the state of an entry. Over frames they are these
//! bytes, over REST the same in base64url (RFC 4648). Integers are big-endian.
//!
//! ```text
//!   kind            1   of the token and of its layout
//!   origin          8   id of the log; of a place in a listing: of the process
//!   partition       2   0; room for a log that is spread
//!   place           …   etag: stamp (5), token: lsn (8), cursor: shard (4), value type (1), place in the table (4)
//! ```
//!
//! So a token of a log that was restored or replaced means nothing here, and is not mistaken for another one.

use engine::{Place, Stamp};
use proto::frame::{Cursor, Etag, Token};
use proto::{Lsn, ValueType};

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

/// The state of an entry.
pub(crate) fn etag(log: u64, stamp: Stamp) -> Etag {
    encode(ETAG, log, &stamp.low_bits().to_be_bytes()[3..])
}

/// The stamp of an entry's state.
pub(crate) fn stamp_of(log: u64, etag: &[u8]) -> Result<Stamp, NotOurs> {
    let [a, b, c, d, e] = decode(ETAG, log, etag)?;
    Ok(Lsn::from_be_bytes([0, 0, 0, a, b, c, d, e]).into())
}

/// A place in the log.
pub(crate) fn token(log: u64, lsn: Lsn) -> Token {
    encode(TOKEN, log, &lsn.to_be_bytes())
}

/// The lsn of a place in the log.
pub(crate) fn lsn_of(log: u64, token: &[u8]) -> Result<Lsn, NotOurs> {
    decode(TOKEN, log, token).map(Lsn::from_be_bytes)
}

/// A place in a listing.
pub(crate) fn cursor(process: u64, place: Place) -> Cursor {
    let [a, b, c, d] = place.shard.to_be_bytes();
    let [e, f, g, h] = place.from.to_be_bytes();
    encode(CURSOR, process, &[a, b, c, d, place.ty as u8, e, f, g, h])
}

/// Where a listing goes on.
pub(crate) fn place_of(process: u64, cursor: &[u8]) -> Result<Place, NotOurs> {
    let [a, b, c, d, ty, e, f, g, h] = decode(CURSOR, process, cursor)?;
    let ty = ValueType::from_code(ty).ok_or(NotOurs::Malformed)?;
    Ok(Place { shard: u32::from_be_bytes([a, b, c, d]), ty, from: u32::from_be_bytes([e, f, g, h]) })
}
