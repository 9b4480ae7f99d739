//! The three endpoints that access no entries.

use num_bigint::BigUint;

use crate::http::problem::Problem;
use crate::http::response::Response;

/// Largest N of `fibo?n=N`.
const MAX_FIBO: u32 = 10_000;

/// Returns the body with the case of its letters swapped.
pub(super) fn echo(body: &[u8]) -> Result<Response, Problem> {
    let body = std::str::from_utf8(body)
        .map_err(|e| Problem::Malformed(format!("the body is not valid UTF-8 at byte {}", e.valid_up_to())))?;
    let mut swapped = String::with_capacity(body.len());
    for letter in body.chars() {
        if letter.is_lowercase() {
            swapped.extend(letter.to_uppercase());
        } else if letter.is_uppercase() {
            swapped.extend(letter.to_lowercase());
        } else {
            swapped.push(letter);
        }
    }
    Ok(Response::text(swapped))
}

pub(super) fn hello() -> Response {
    Response::text("Hello from kvs:v1-0-0 service!")
}

/// Returns the N-th Fibonacci number for the query `n=N`.
pub(super) fn fibo(query: Option<&str>) -> Result<Response, Problem> {
    let n = query.unwrap_or("").split('&').find_map(|pair| pair.strip_prefix("n="));
    let n = n
        .and_then(|n| n.parse().ok())
        .filter(|n| *n <= MAX_FIBO)
        .ok_or_else(|| Problem::Malformed(format!("expected ?n=N with N from 0 to {MAX_FIBO}, such as fibo?n=90")))?;
    let (mut this, mut next) = (BigUint::ZERO, BigUint::from(1u8));
    for _ in 0..n {
        this += &next;
        std::mem::swap(&mut this, &mut next);
    }
    Ok(Response::text(this.to_string()))
}
