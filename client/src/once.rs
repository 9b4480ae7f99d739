//! Transactions that are carried out once, however often they are sent.
//!
//! ```text
//!   key ──> send ──> reply: done                             that is it
//!            ^  └──> outcome unknown ──> pause ──┐           the server knows by the key whether it was carried out
//!            └───────────────────────────────────┘           at most so often, and until the request times out
//! ```

use proto::frame::{CheckItem, ErrorCode, StepItem, encode_transact, transact_bytes};
use proto::{IdempotencyKey, Op};
use tokio::time::{Instant, sleep, timeout_at};

use crate::limits::RESEND_PAUSE;
use crate::reply::Reply;
use crate::results::{NoRoom, StepReply, Transacted};
use crate::value::pack;
use crate::{Client, Error, InvalidInput};

/// A key that nobody else uses: 128 random bits.
fn generated() -> String {
    format!("{:032x}", rand::random::<u128>())
}

impl Client {
    /// Carries out a transaction, with this key or one of its own.
    pub(crate) async fn carry_out(
        &self,
        key: Option<&str>,
        checks: &[CheckItem<'_>],
        steps: &[StepItem<'_>],
    ) -> Result<Transacted, Error> {
        let options = &self.pipeline().options;
        let writes = steps.iter().any(|step| step.op.kind().writes());
        let own = (writes && key.is_none() && options.resends > 0 && self.pipeline().keeps_outcomes()).then(generated);
        let text = key.or(own.as_deref()).filter(|_| writes);
        let mut once = match text {
            Some(text) => Some(IdempotencyKey::new(text.as_bytes()).ok_or(InvalidInput::IdempotencyKey)?),
            None => None,
        };
        let deadline = Instant::now() + options.request_timeout;
        // Once the outcome is unknown, only a reply that it was carried out settles it.
        let (mut unknown, mut resent) = (None, 0);
        loop {
            let late = || Err(Error::Timeout { after: options.request_timeout });
            let error = match timeout_at(deadline, self.send(once, checks, steps)).await.unwrap_or_else(|_| late()) {
                Ok(done) => return Ok(done),
                // A server from before idempotency keys, which was not known to be one; or one that would not keep so much, or so
                // many keys.
                Err(Error::Refused {
                    code: ErrorCode::BadKey | ErrorCode::TooLarge | ErrorCode::TooManyKeys, ..
                }) if own.is_some() && once.is_some() && resent == 0 => {
                    once = None;
                    continue;
                }
                Err(error) => error,
            };
            let again = error.is_outcome_unknown() || (unknown.is_some() && error.is_retryable());
            let next = Instant::now() + RESEND_PAUSE;
            let first = unknown.take().unwrap_or(error);
            if !again || once.is_none() || resent == options.resends || next >= deadline {
                return Err(first);
            }
            (unknown, resent) = (Some(first), resent + 1);
            sleep(RESEND_PAUSE).await;
        }
    }

    async fn send(
        &self,
        once: Option<IdempotencyKey<'_>>,
        checks: &[CheckItem<'_>],
        steps: &[StepItem<'_>],
    ) -> Result<Transacted, Error> {
        let durable = self.durable && steps.iter().any(|step| step.op.kind().writes());
        let bytes = transact_bytes(once, checks, steps);
        let sent = self.pipeline().send(bytes, |out, id| encode_transact(out, id, durable, once, checks, steps));
        match sent.await?.reply().await? {
            Reply::Transacted(done) if done.steps.len() == steps.len() => Ok(done),
            Reply::Condition { number, etag, value } => {
                Err(Error::ConditionFailed { number: number.into(), etag, value: value.map(Box::new) })
            }
            Reply::Bounds { number, before } => Err(Error::BeyondBounds { number: number.into(), before }),
            _ => Reply::unexpected("transaction"),
        }
    }

    /// Carries out a single write as a transaction.
    pub(crate) async fn run_once(&self, op: Op<'_>) -> Result<Reply, Error> {
        let mut done = self.carry_out(None, &[], &[op.into()]).await?;
        let result = done.steps.pop().map(|step| step.result);
        Ok(match result {
            Some(Ok(StepReply::Stored)) => Reply::Done,
            Some(Ok(StepReply::Value(value))) => Reply::Value(pack(value)?),
            Some(Ok(StepReply::NoEntry)) => Reply::NoEntry,
            Some(Ok(StepReply::NoField)) => Reply::NoField,
            Some(Ok(StepReply::Deleted(yes))) => Reply::Deleted(yes),
            Some(Ok(StepReply::Count(count))) => Reply::Count(count),
            Some(Ok(StepReply::Has(yes))) => Reply::Has(yes),
            Some(Err(NoRoom(message))) => {
                return Err(Error::OutcomeUnknown { code: ErrorCode::Busy as u8, message });
            }
            None => return Reply::unexpected("write"),
        })
    }
}
