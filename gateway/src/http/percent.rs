//! Percent-encoding of path segments.

use std::borrow::Cow;

/// A `%` that is not followed by two hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad percent-encoding at byte {0} of the path segment; expected % and two hexadecimal digits")]
pub(super) struct BadEncoding(usize);

/// Decodes a path segment once. `+` is a plus sign, `%2F` a slash within the segment.
pub(super) fn percent_decode(segment: &str) -> Result<Cow<'_, [u8]>, BadEncoding> {
    let bytes = segment.as_bytes();
    if !bytes.contains(&b'%') {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'%' {
            decoded.push(bytes[at]);
            at += 1;
            continue;
        }
        let digit = |offset: usize| bytes.get(at + offset).and_then(|&digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(1), digit(2)) else {
            return Err(BadEncoding(at));
        };
        decoded.push((high * 16 + low) as u8);
        at += 3;
    }
    Ok(Cow::Owned(decoded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_decoded_once() {
        assert_eq!(percent_decode("a+b").unwrap().as_ref(), b"a+b");
        assert_eq!(percent_decode("%2F%252F..").unwrap().as_ref(), b"/%2F..");
        assert_eq!(percent_decode("%c3%A4").unwrap().as_ref(), "ä".as_bytes());
        for (bad, at) in [("%", 0), ("a%1", 1), ("%zz", 0), ("ab%+1", 2)] {
            assert_eq!(percent_decode(bad), Err(BadEncoding(at)), "{bad}");
        }
    }
}
