//! Numbers as decimal text.

use std::num::IntErrorKind;
use std::str::FromStr;

/// Why a text is rejected as a number.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadNumber {
    /// It is not a number.
    #[error("{0}")]
    Malformed(String),
    /// The type cannot hold it.
    #[error("{0}")]
    OutOfRange(String),
}

/// Parses an integer. Text that is not an integer is malformed; an integer that the type cannot hold is out of range.
pub(super) fn parse_integer<T>(body: &[u8], expected: &str) -> Result<T, BadNumber>
where
    T: TryFrom<i64>,
{
    let text = text(body, expected)?;
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed(text, expected));
    }
    match i64::from_str(text) {
        Ok(number) => T::try_from(number).map_err(|_| out_of_range(text, expected)),
        Err(e) if matches!(e.kind(), IntErrorKind::PosOverflow | IntErrorKind::NegOverflow) => {
            Err(out_of_range(text, expected))
        }
        Err(_) => Err(malformed(text, expected)),
    }
}

/// Parses a finite 32-bit floating-point number.
pub(super) fn parse_float(body: &[u8]) -> Result<f32, BadNumber> {
    const EXPECTED: &str = "a decimal number such as 3.14159 or 2.7e+00";
    let text = text(body, EXPECTED)?;
    match f32::from_str(text) {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(_) => Err(out_of_range(text, "a finite 32-bit number")),
        Err(_) => Err(malformed(text, EXPECTED)),
    }
}

/// The shortest text that parses back to the same number, plain or with an exponent.
pub(super) fn format_float(number: f32) -> String {
    let (plain, exponent) = (number.to_string(), format!("{number:e}"));
    if exponent.len() < plain.len() { exponent } else { plain }
}

fn text<'b>(body: &'b [u8], expected: &str) -> Result<&'b str, BadNumber> {
    std::str::from_utf8(body)
        .map_err(|_| BadNumber::Malformed(format!("the body is not valid UTF-8; expected {expected}")))
}

fn malformed(text: &str, expected: &str) -> BadNumber {
    BadNumber::Malformed(format!("{} is not a number; expected {expected}", quoted(text)))
}

fn out_of_range(text: &str, expected: &str) -> BadNumber {
    BadNumber::OutOfRange(format!("{} is out of range; expected {expected}", quoted(text)))
}

/// The text for a message, escaped and truncated.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn floats_are_as_short_as_can_be() {
        for (number, text) in
            [(0.0, "0"), (-0.0, "-0"), (5.0, "5"), (2.71, "2.71"), (1e38, "1e38"), (1e-5, "1e-5"), (0.1, "0.1")]
        {
            assert_eq!(format_float(number), text);
        }
    }

    proptest! {
        #[test]
        fn floats_read_back(bits in any::<u32>()) {
            let number = f32::from_bits(bits);
            prop_assume!(number.is_finite());
            prop_assert_eq!(parse_float(format_float(number).as_bytes()).ok().map(f32::to_bits), Some(bits));
        }
    }
}
