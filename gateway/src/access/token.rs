//! Tokens, and their hashes.
//!
//! A token that kvs makes is 256 random bits. Nobody can guess one, or find it from its hash by trying, so a fast hash is
//! enough; a slow one (argon2) would only let strangers use up processor time. The hash is keyed (HMAC-SHA-256, RFC 2104)
//! with a random key of the file: the same token has another hash in another file, and no table of hashes helps.

use std::path::Path;

use hmac::{Hmac, Mac};
use rand::RngExt;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Longest token, in bytes.
pub(crate) const MAX_TOKEN_BYTES: usize = 4096;

/// How a token that kvs makes begins, so that one in a file or message is recognised as such.
const BEGINNING: &str = "kvs_";

/// Random bytes of a token.
const SECRET_BYTES: usize = 32;

/// The key of hashes.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct HashKey([u8; 32]);

/// The hash of a token.
#[derive(Clone, Copy)]
pub(super) struct TokenHash([u8; 32]);

impl HashKey {
    pub(super) fn random() -> Self {
        Self(rand::rng().random())
    }

    pub(super) fn hash(&self, token: &[u8]) -> TokenHash {
        let mut hmac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        hmac.update(token);
        TokenHash(hmac.finalize().into_bytes().into())
    }

    pub(super) fn to_hex(&self) -> String {
        to_hex(&self.0)
    }

    pub(super) fn from_hex(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }
}

impl TokenHash {
    /// Whether they are equal. The time does not depend on where they differ.
    pub(super) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    pub(super) fn to_hex(self) -> String {
        to_hex(&self.0)
    }

    pub(super) fn from_hex(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }
}

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey")
    }
}

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenHash")
    }
}

/// A new token.
pub(super) fn random() -> String {
    let secret: [u8; SECRET_BYTES] = rand::rng().random();
    format!("{BEGINNING}{}", to_hex(&secret))
}

/// Reads a token from the first line of a file.
pub(super) fn read(file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let token = text.lines().next().unwrap_or_default().trim();
    match token.len() {
        1..=MAX_TOKEN_BYTES if token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(token.into()),
        _ => Err(format!(
            "{}: expected a token of 1 to {MAX_TOKEN_BYTES} visible ASCII characters in the first line",
            file.display()
        )),
    }
}

/// The token of a header `Authorization`: what comes after the scheme Bearer, which is case-insensitive (RFC 9110, section
/// 11.1).
pub(crate) fn bearer(credentials: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = credentials.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii_start())
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 2 * bytes.len() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_that_of_rfc_4231() {
        // Test case 2 has the key "Jefe"; HMAC pads a shorter key with zeros.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let hash = HashKey(key).hash(b"what do ya want for nothing?");
        assert_eq!(hash.to_hex(), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert!(hash.matches(&TokenHash::from_hex(&hash.to_hex()).unwrap()));
        assert!(!hash.matches(&HashKey::random().hash(b"what do ya want for nothing?")));
    }

    #[test]
    fn tokens_differ_and_can_be_sent() {
        let (one, other) = (random(), random());
        assert!(one != other && one.len() == 68 && one.bytes().all(|byte| byte.is_ascii_graphic()));
    }
}
