//! Who makes a request: the token of its header.

use proto::{Micros, Refusal};

use super::problem::Problem;
use crate::access::{Caller, bearer};

/// Tells the caller what the client has presented. Refuses a client that may do nothing.
pub(super) fn check(caller: &Caller, authorization: Option<&[u8]>, at: Micros) -> Result<(), Problem> {
    match authorization {
        None => caller.present_nothing(at),
        Some(credentials) => caller.present(bearer(credentials).unwrap_or_default(), at)?,
    }
    match caller.must_authenticate() {
        true => Err(Refusal::Unauthenticated.into()),
        false => Ok(()),
    }
}
