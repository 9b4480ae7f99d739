//! Executes a transaction for a request.

use engine::{Check, NotTransacted, Step, Transacted};
use proto::{Lsn, Micros};

use super::token;
use crate::access::Caller;
use crate::context::Worker;
use crate::http::problem::Problem;
use crate::http::values::JsonValue;
use crate::once::AskedOnce;
use crate::protocol::Protocol;
use crate::service::{Options, Origin, told};

/// Most operations of a batch, and most fields of a patch.
pub(super) const MAX_OPS: usize = 1_000;

/// Most steps of a transaction: operations, and fields and lists of members that patches change.
const MAX_STEPS: usize = 10_000;

/// Executes the steps together at the time `at`. The error has the number of the step or check that it is about.
pub(super) fn transact(
    worker: &Worker,
    caller: &Caller,
    once: Option<&AskedOnce<'_>>,
    options: Options,
    at: Micros,
    checks: &[Check<'_>],
    steps: &[Step<'_>],
) -> Result<(Transacted, Option<Lsn>), (Problem, Part)> {
    let whole = |problem: Problem| (problem, Part::Whole);
    if steps.len() > MAX_STEPS {
        return Err(whole(Problem::TooMany(MAX_STEPS)));
    }
    let identity = caller.identity().map_err(|refusal| whole(refusal.into()))?;
    let origin = Origin { identity: &identity, protocol: Protocol::Rest };
    let transacted = worker.service.transact(origin, checks, steps, once, options, at);
    transacted.map_err(|failed| match failed {
        NotTransacted::Condition { check, found } => {
            let found = found.as_ref();
            let etag = found.map(|found| token::etag(&worker.shared.tokens, found.stamp));
            let Some(failed) = checks.get(check) else { return whole(Problem::Condition { etag, value: None }) };
            let value = found.and_then(|found| told(&identity, failed, found));
            let value = value.and_then(|value| serde_json::to_value(JsonValue(value)).ok());
            (Problem::Condition { etag, value }, Part::Check(check))
        }
        NotTransacted::Bounds { step, before } => (Problem::Limit { before }, Part::Step(step)),
        NotTransacted::Refused { step, refusal } => (refusal.into(), step.map_or(Part::Whole, Part::Step)),
    })
}

/// What of a transaction an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// Number of the check.
    Check(usize),
    /// Number of the step.
    Step(usize),
}
