//! Executes a transaction for a request.

use engine::{Check, Found, NotTransacted, Step, Transacted};
use proto::{Lsn, Micros, ValueRef};

use super::token;
use crate::access::Caller;
use crate::context::Worker;
use crate::http::problem::Problem;
use crate::http::values::JsonValue;
use crate::protocol::Protocol;
use crate::service::{Options, Origin};

/// Most steps of a transaction: operations of a batch, or fields of a patch.
pub(super) const MAX_STEPS: usize = 1_000;

/// Largest value, packed, that is told with a condition that failed.
const MAX_TOLD_BYTES: usize = 4 << 10;

/// Executes the steps together at the time `at`. The error has the number of the step or check that it is about.
pub(super) fn transact(
    worker: &Worker,
    caller: &Caller,
    options: Options,
    at: Micros,
    checks: &[Check<'_>],
    steps: &[Step<'_>],
) -> Result<(Transacted, Option<Lsn>), (Problem, Part)> {
    let whole = |problem: Problem| (problem, Part::Whole);
    if steps.len() > MAX_STEPS || checks.len() > MAX_STEPS {
        return Err(whole(Problem::TooMany(MAX_STEPS)));
    }
    let identity = caller.identity(at).map_err(|refusal| whole(refusal.into()))?;
    let origin = Origin { identity: &identity, protocol: Protocol::Rest };
    let transacted = worker.service.transact(origin, checks, steps, options, at);
    transacted.map_err(|failed| match failed {
        NotTransacted::Condition { check, found } => {
            let found = found.as_ref();
            let etag = found.map(|found| token::etag(worker.shared.log_id(), found.stamp));
            let Some(failed) = checks.get(check) else { return whole(Problem::Condition { etag, value: None }) };
            let tells = identity.may_read(failed.ty, failed.key.as_str());
            let value = found.filter(|_| tells).and_then(told);
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

/// The value, if it is small.
fn told(found: &Found) -> Option<serde_json::Value> {
    let value: ValueRef<'_> = found.value.as_value_ref();
    (value.packed_bytes() <= MAX_TOLD_BYTES).then(|| serde_json::to_value(JsonValue(value)).ok()).flatten()
}
