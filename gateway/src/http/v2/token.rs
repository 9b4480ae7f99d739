//! Opaque tokens as text: base64url (RFC 4648) of those in `crate::token`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::{Place, Stamp};
use proto::Lsn;

use crate::token;
pub(super) use crate::token::NotOurs;

fn decoded(text: &[u8]) -> Result<Vec<u8>, NotOurs> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotOurs::Malformed)
}

/// The state of an entry, in quotes.
pub(super) fn etag(log: u64, stamp: Stamp) -> String {
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(token::etag(log, stamp)))
}

/// The stamp of an entry's state, from what is between the quotes.
pub(super) fn parse_etag(log: u64, text: &[u8]) -> Result<Stamp, NotOurs> {
    token::stamp_of(log, &decoded(text)?)
}

/// A place in the log.
pub(super) fn token(log: u64, lsn: Lsn) -> String {
    URL_SAFE_NO_PAD.encode(token::token(log, lsn))
}

/// The lsn of a place in the log.
pub(super) fn parse_token(log: u64, text: &[u8]) -> Result<Lsn, NotOurs> {
    token::lsn_of(log, &decoded(text)?)
}

/// A place in a listing.
pub(super) fn cursor(process: u64, place: Place) -> String {
    URL_SAFE_NO_PAD.encode(token::cursor(process, place))
}

/// Where a listing goes on.
pub(super) fn parse_cursor(process: u64, text: &[u8]) -> Result<Place, NotOurs> {
    token::place_of(process, &decoded(text)?)
}

#[cfg(test)]
mod tests {
    use proto::ValueType;

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
