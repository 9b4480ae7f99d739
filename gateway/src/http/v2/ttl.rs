//! For how long entries live: `Kvs-Ttl`, and the member `ttl` of an operation of a batch.

use arrayvec::ArrayVec;
use engine::Expires;
use hyper::header::HeaderName;
use proto::Micros;
use proto::limits::MAX_TTL_MILLIS;

use crate::clock;
use crate::http::head::Head;
use crate::http::options::TTL;
use crate::http::problem::Problem;

/// When the entry expires.
pub(super) const EXPIRES: HeaderName = HeaderName::from_static("kvs-expires");

/// The units of a time, in microseconds.
const UNITS: [(&str, Micros); 5] =
    [("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000), ("d", 86_400_000_000)];

/// The longest time, in microseconds.
const MAX_TTL: Micros = MAX_TTL_MILLIS.cast_signed() * 1_000;

/// The form of a time for the description of the API; all of these are in range.
pub(super) const PATTERN: &str = "^(none|[1-9][0-9]{0,11}ms|[1-9][0-9]{0,8}s|[1-9][0-9]{0,6}m|[1-9][0-9]{0,4}h|([1-9][0-9]{0,3}|[12][0-9]{4}|3[0-5][0-9]{3}|36[0-4][0-9]{2}|36500)d)$";

/// When an entry that is written at the time `at` expires, by a text such as `90s`, or `none`.
pub(super) fn parse(text: &str, at: Micros) -> Result<Expires, Problem> {
    if text == "none" {
        return Ok(Expires::Never);
    }
    let malformed = || {
        Problem::Malformed(format!(
            "ttl {text:?}: expected a time from 1ms to 36500d, which is a whole number and one of ms, s, m, h, d; or none"
        ))
    };
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(malformed)?;
    let lives = number.parse().ok().and_then(|number: Micros| number.checked_mul(*unit));
    let lives = lives.filter(|lives| (1..=MAX_TTL).contains(lives)).ok_or_else(malformed)?;
    Ok(Expires::At(at + lives))
}

/// What a head says about it. Only some requests take it.
pub(super) fn of(head: &Head<'_>, takes: bool, at: Micros) -> Result<Expires, Problem> {
    let lines: ArrayVec<&[u8], 2> = head.values(&TTL).take(2).collect();
    let Some(line) = lines.first() else { return Ok(Expires::AsUsual) };
    if !takes {
        let expected = "Kvs-Ttl goes with a PUT or PATCH of a whole entry; in a batch, say \"ttl\" in the operation";
        return Err(Problem::Malformed(expected.into()));
    }
    if lines.len() > 1 {
        return Err(Problem::Malformed("Kvs-Ttl is there more than once".into()));
    }
    parse(&String::from_utf8_lossy(line), at)
}

/// A deadline as clients see it.
pub(super) fn shown(expires: Micros) -> String {
    clock::exactly(expires).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_unit() {
        for (text, lives) in [
            ("1ms", 1_000),
            ("90s", 90_000_000),
            ("007m", 420_000_000),
            ("1h", 3_600_000_000),
            ("36500d", MAX_TTL),
            ("876000h", MAX_TTL),
        ] {
            assert_eq!(parse(text, 5).unwrap(), Expires::At(5 + lives), "{text}");
        }
        assert_eq!(parse("none", 5).unwrap(), Expires::Never);
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "",
            "0s",
            "1",
            "s",
            "1.5s",
            "-1s",
            "+1s",
            "1 s",
            "1S",
            "1w",
            "None",
            "36501d",
            "876001h",
            "9223372036854775807d",
            "99999999999999999999s",
            "1s ",
            "1sm",
            "é",
        ] {
            assert!(parse(text, 5).is_err(), "{text}");
        }
    }
}
