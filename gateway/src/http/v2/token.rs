//! Opaque tokens as text: base64url (RFC 4648) of those in `crate::token`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::{Place, Stamp};
use proto::Lsn;

use crate::http::problem::Problem;
pub(super) use crate::token::{NotOurs, Tokens};

/// The problem of a token in the parameter or header of this name.
pub(super) fn refused(name: &str, why: NotOurs) -> Problem {
    match why {
        NotOurs::Malformed => Problem::Malformed(format!("{name}: expected a token of this server, such as Kvs-Token")),
        NotOurs::Foreign => Problem::Gone("the token is of another log"),
        NotOurs::Lost => Problem::Gone("the token is of a write that the log has lost"),
    }
}

fn decoded(text: &[u8]) -> Result<Vec<u8>, NotOurs> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotOurs::Malformed)
}

/// The state of an entry, in quotes.
pub(super) fn etag(tokens: &Tokens, stamp: Stamp) -> String {
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(tokens.etag(stamp)))
}

/// The stamp of an entry's state, from what is between the quotes.
pub(super) fn parse_etag(tokens: &Tokens, text: &[u8]) -> Result<Stamp, NotOurs> {
    tokens.stamp_of(&decoded(text)?)
}

/// A place in the log.
pub(super) fn token(tokens: &Tokens, lsn: Lsn) -> String {
    URL_SAFE_NO_PAD.encode(tokens.token(lsn))
}

/// The lsn of a place in the log.
pub(super) fn parse_token(tokens: &Tokens, text: &[u8]) -> Result<Lsn, NotOurs> {
    tokens.lsn_of(&decoded(text)?)
}

/// A place in a listing.
pub(super) fn cursor(tokens: &Tokens, place: Place) -> String {
    URL_SAFE_NO_PAD.encode(tokens.cursor(place))
}

/// Where a listing goes on.
pub(super) fn parse_cursor(tokens: &Tokens, text: &[u8]) -> Result<Place, NotOurs> {
    tokens.place_of(&decoded(text)?)
}

#[cfg(test)]
mod tests {
    use proto::ValueType;

    use super::*;

    #[test]
    fn tokens_come_back_and_those_of_others_do_not() {
        let (ours, others) = (Tokens::without_log(7), Tokens::without_log(8));
        let place = Place { shard: 255, ty: ValueType::Set, from: u32::MAX };
        for lsn in [0, 1, 0xFF_FFFF_FFFF, u64::MAX] {
            assert_eq!(parse_token(&ours, token(&ours, lsn).as_bytes()), Ok(lsn));
            let etag = etag(&ours, lsn.into());
            assert_eq!(parse_etag(&ours, etag.trim_matches('"').as_bytes()), Ok(lsn.into()));
        }
        assert_eq!(parse_cursor(&ours, cursor(&ours, place).as_bytes()), Ok(place));
        assert_eq!(parse_token(&others, token(&ours, 1).as_bytes()), Err(NotOurs::Foreign));
        assert_eq!(parse_cursor(&others, cursor(&ours, place).as_bytes()), Err(NotOurs::Foreign));
        for bad in ["", "x", "AAAA", &etag(&ours, 1.into()), &(token(&ours, 1) + "AA"), "é"] {
            assert_eq!(parse_token(&ours, bad.as_bytes()), Err(NotOurs::Malformed), "{bad}");
        }
    }
}
