//! Keys and values: the key of entry number `n`, and its value. The same for every protocol.

use clap::ValueEnum;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// Size of every key, in bytes.
pub(crate) const KEY_BYTES: usize = 16;

/// A key: 16 hexadecimal digits.
pub(crate) type KeyText = [u8; KEY_BYTES];

/// Number of distinct values. An entry's number selects its value.
const VALUES: usize = 1024;

/// Smallest int. All ints have seven digits, so that all requests of a kind have the same length, and none is among the
/// ten thousand small integers that Redis shares.
const LEAST_INT: i32 = 1_000_000;

const _: () = assert!(LEAST_INT + (VALUES as i32) * INT_STEP < 10_000_000);
const INT_STEP: i32 = 7919;
const INT_DIGITS: usize = 7;

/// Two hexadecimal digits for each byte.
const HEX: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    table
};

/// The key of entry `n`. Different numbers give different keys, in a scattered order; `bench` uses the same ones.
///
/// Made from a table of 512 bytes: this is cheaper than reading it from a list of all keys. That would be a cache miss
/// each time, on a machine that the server shares.
pub(crate) fn key(n: u64) -> KeyText {
    // 2 to the 64 divided by the golden ratio: multiples are spread evenly (Knuth, TAOCP volume 3, 6.4).
    let scattered = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut text = [0; KEY_BYTES];
    for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(scattered.to_be_bytes()) {
        *pair = HEX[usize::from(byte)];
    }
    text
}

/// The type of all values of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ValueKind {
    /// 32-bit integers; decimal text where a server has no integers
    Int,
    /// Texts of `--value-bytes` bytes
    Str,
    /// Maps of one field with a text of `--value-bytes` bytes; only stored, over frames or RESP
    Map,
    /// Sets of one member of `--value-bytes` bytes; only stored, over frames or RESP
    Set,
}

/// The field of every map.
pub(crate) const FIELD: &str = "field";

/// One value, in each form that a protocol may need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// An int and its decimal text.
    Int(i32, &'a str),
    /// A text.
    Str(&'a str),
    /// A map of one field with this value.
    Map(&'a str),
    /// A set of this member.
    Set(&'a str),
}

impl<'a> Value<'a> {
    /// The value as text.
    pub(crate) fn text(self) -> &'a str {
        match self {
            Self::Int(_, text) | Self::Str(text) | Self::Map(text) | Self::Set(text) => text,
        }
    }
}

/// All values of a run, created in advance.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    kind: ValueKind,
    ints: Vec<i32>,
    /// Ints: the concatenated decimal texts. Texts: random letters; each value is a window of them.
    text: String,
    bytes: usize,
}

impl Values {
    /// Values of this kind; `bytes` is the length of each text.
    pub(crate) fn new(kind: ValueKind, bytes: usize, seed: u64) -> Self {
        let ints: Vec<i32> = (0..VALUES as i32).map(|n| LEAST_INT + n * INT_STEP).collect();
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (text, bytes) = match kind {
            ValueKind::Int => (ints.iter().map(i32::to_string).collect(), INT_DIGITS),
            ValueKind::Str | ValueKind::Map | ValueKind::Set => {
                ((0..bytes + VALUES).map(|_| char::from(random.random_range(b'a'..=b'z'))).collect(), bytes)
            }
        };
        Self { kind, ints, text, bytes }
    }

    /// The value of entry `n`.
    pub(crate) fn get(&self, n: u64) -> Value<'_> {
        let n = n as usize % VALUES;
        match self.kind {
            ValueKind::Int => Value::Int(self.ints[n], &self.text[n * INT_DIGITS..][..INT_DIGITS]),
            ValueKind::Str => Value::Str(&self.text[n..n + self.bytes]),
            ValueKind::Map => Value::Map(&self.text[n..n + self.bytes]),
            ValueKind::Set => Value::Set(&self.text[n..n + self.bytes]),
        }
    }

    /// Length of every value as text, in bytes.
    pub(crate) fn text_bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_are_those_of_the_benchmarks() {
        for n in [0, 1, 2, 12345, u64::MAX] {
            let expected = format!("{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            assert_eq!(key(n), expected.as_bytes());
        }
    }

    #[test]
    fn keys_differ() {
        let keys: HashSet<KeyText> = (0..10_000).map(key).collect();
        assert_eq!(keys.len(), 10_000);
    }

    #[test]
    fn values_have_one_length() {
        for (kind, bytes) in [(ValueKind::Int, 0), (ValueKind::Str, 64), (ValueKind::Str, 0)] {
            let values = Values::new(kind, bytes, 1);
            for n in 0..2 * VALUES as u64 {
                let value = values.get(n);
                assert_eq!(value.text().len(), values.text_bytes());
                if let Value::Int(int, text) = value {
                    assert_eq!(int.to_string(), text);
                }
            }
        }
    }
}
