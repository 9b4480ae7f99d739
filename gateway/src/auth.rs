//! The token that clients must present, if the operator has configured one.

use std::path::Path;

use subtle::ConstantTimeEq;

/// Longest token, in bytes.
pub(crate) const MAX_TOKEN_BYTES: usize = 4096;

/// A secret that clients must know.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Reads the token from the first line of a file.
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

    /// Whether `presented` is the token. The time does not depend on where they differ.
    pub fn matches(&self, presented: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(presented).into()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}
