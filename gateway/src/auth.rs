//! The token that clients must show, if the operator wants one.

use std::path::Path;

use subtle::ConstantTimeEq;

/// Longest token, in bytes.
pub(crate) const MAX_TOKEN_BYTES: usize = 4096;

/// A secret that clients must know.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Reads the first line of a file.
    pub fn read(file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        let token = text.lines().next().unwrap_or_default().trim();
        match token.len() {
            1..=MAX_TOKEN_BYTES if token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Self(token.into())),
            _ => Err(format!(
                "{}: expected a token of 1 to {MAX_TOKEN_BYTES} visible ASCII characters in the first line",
                file.display()
            )),
        }
    }

    /// Whether `shown` is the token. Takes the same time wherever they differ.
    pub fn matches(&self, shown: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(shown).into()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}
