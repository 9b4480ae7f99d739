//! Checks the token of a request.

use super::problem::Problem;
use crate::auth::Token;

/// Checks that the client has presented the token, if the server requires one.
pub(super) fn check(token: Option<&Token>, authorization: Option<&[u8]>) -> Result<(), Problem> {
    let Some(token) = token else { return Ok(()) };
    match authorization.and_then(bearer).is_some_and(|presented| token.matches(presented)) {
        true => Ok(()),
        false => Err(Problem::Unauthorized),
    }
}

/// The token after the scheme Bearer, which is case-insensitive (RFC 9110, section 11.1).
fn bearer(credentials: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = credentials.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii_start())
}
