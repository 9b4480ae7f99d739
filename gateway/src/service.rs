//! The entry point of every request about entries, whatever its protocol.
//!
//! Only this file decides whether a client may do what it asks for, how durable a write is when its response is sent, which writes are refused because of the
//! state of the log, which LSN a response waits for, and how much memory responses may use.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use arrayvec::ArrayVec;
use engine::{Check, Engine, Found, Listed, NotTransacted, Outcome, Place, Step, Transacted, Wanted};
use proto::{Lsn, Micros, Op, Refusal, Reply, ValueRef};

use crate::access::Identity;
use crate::budget::{Budget, Share};
use crate::config::Durability;
use crate::listing;
use crate::log::gate::DurableGate;
use crate::log::status::{LogHealth, LogWatch};
use crate::meters::WorkerMeters;
use crate::once::AskedOnce;
use crate::protocol::Protocol;
use crate::token::Tokens;

/// Maximum number of requests in a batch: enough to overlap their cache misses, few enough to stay in the first-level
/// cache.
pub const MAX_BATCH: usize = 64;

/// Who makes requests, and over which protocol.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Who makes them.
    pub identity: &'a Identity,
    /// How they have come.
    pub protocol: Protocol,
}

/// One request about an entry.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The operation.
    pub op: Op<'a>,
    /// Its options.
    pub options: Options,
}

/// Options of a request.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Minimum durability before the response to a write is sent. The server's own setting may raise it.
    pub durability: Durability,
}

/// The result of an executed request.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// The reply.
    pub reply: Reply,
    /// The LSN that must be durable before the reply may be sent.
    pub awaits: Option<Lsn>,
}

/// A request of a batch that was executed, or refused.
pub type Executed<'e> = Result<&'e Reply, &'e Refusal>;

/// Requests that are executed together, in order. Operations and options are separate arrays because the engine takes a
/// slice of operations.
#[derive(Debug)]
pub struct RequestBatch<'a> {
    ops: ArrayVec<Op<'a>, MAX_BATCH>,
    /// Of the operation with the same index.
    options: [Options; MAX_BATCH],
}

/// Largest value, packed, that is told with a condition that failed.
const MAX_TOLD_BYTES: usize = 4 << 10;

/// Executes requests. One per worker; all share the engine and the log.
#[derive(Debug)]
pub struct Service {
    engine: Arc<Engine>,
    /// Minimum durability before the response to a write is sent.
    durability: Durability,
    responses: Arc<Budget>,
    gate: DurableGate,
    meters: Arc<WorkerMeters>,
    tokens: Tokens,
}

/// The share of `--response-memory` that the responses of one session use.
#[derive(Debug)]
pub struct ResponseMemory {
    share: Share,
    /// Bytes that do not count against the limit.
    unbudgeted: usize,
}

impl Default for RequestBatch<'_> {
    fn default() -> Self {
        Self { ops: ArrayVec::new(), options: [Options { durability: Durability::Async }; MAX_BATCH] }
    }
}

impl<'a> RequestBatch<'a> {
    /// Adds a request. The batch must not be full.
    #[inline]
    pub fn push(&mut self, request: Request<'a>) {
        self.options[self.ops.len()] = request.options;
        self.ops.push(request.op);
    }

    /// Number of requests.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Whether there is no room for another request.
    pub fn is_full(&self) -> bool {
        self.ops.is_full()
    }
}

impl Service {
    /// A service for `engine`, whose records go to `log`. A write waits for the log for at most `log_timeout`.
    pub(crate) fn new(
        engine: Arc<Engine>,
        durability: Durability,
        responses: Arc<Budget>,
        log: Option<LogWatch>,
        log_timeout: Duration,
        meters: Arc<WorkerMeters>,
        tokens: Tokens,
    ) -> Self {
        Self { engine, durability, responses, gate: DurableGate::new(log, log_timeout), meters, tokens }
    }

    /// A service for an engine without a log.
    pub fn without_log(engine: Arc<Engine>, durability: Durability, responses: Arc<Budget>) -> Self {
        Self::new(engine, durability, responses, None, Duration::ZERO, Arc::default(), Tokens::without_log(0))
    }

    /// The counters of the worker.
    pub(crate) fn meters(&self) -> &WorkerMeters {
        &self.meters
    }

    /// Executes a request at time `at`, or refuses it. Does not wait for the log: see [`Done::awaits`].
    pub fn execute(&self, origin: Origin<'_>, request: &Request<'_>, at: Micros) -> Result<Done, Refusal> {
        let executed = self.try_execute(origin.identity, request, at);
        self.meters.of(origin.protocol).executed(&request.op, executed.as_ref().map(|done| &done.reply));
        executed
    }

    fn try_execute(&self, identity: &Identity, request: &Request<'_>, at: Micros) -> Result<Done, Refusal> {
        identity.check(&request.op)?;
        let durable = self.admit(request.op.kind().writes(), request.options)?;
        let outcome = self.engine.execute(&request.op, at)?;
        let awaits = self.awaits(&outcome, durable);
        Ok(Done { reply: outcome.reply, awaits })
    }

    /// Executes the steps together at time `at`, if the checks hold, or refuses them all. Returns the LSN that must be
    /// durable before the response may be sent, too.
    /// With an idempotency key at most once; it is of no effect on reads.
    pub(crate) fn transact(
        &self,
        origin: Origin<'_>,
        checks: &[Check<'_>],
        steps: &[Step<'_>],
        once: Option<&AskedOnce<'_>>,
        options: Options,
        at: Micros,
    ) -> Result<(Transacted, Option<Lsn>), NotTransacted> {
        let transacted = self.try_transact(origin.identity, checks, steps, once, options, at);
        let meters = self.meters.of(origin.protocol);
        match &transacted {
            Ok((done, _)) => {
                steps.iter().zip(&done.steps).for_each(|(step, done)| meters.executed(&step.op, Ok(&done.reply)));
            }
            Err(_) => steps.iter().for_each(|step| meters.not_executed(&step.op)),
        }
        transacted
    }

    fn try_transact(
        &self,
        identity: &Identity,
        checks: &[Check<'_>],
        steps: &[Step<'_>],
        once: Option<&AskedOnce<'_>>,
        options: Options,
        at: Micros,
    ) -> Result<(Transacted, Option<Lsn>), NotTransacted> {
        let refused = |step| move |refusal| NotTransacted::Refused { step, refusal };
        for check in checks {
            identity.check_condition(check.ty, check.key).map_err(refused(None))?;
        }
        for (number, step) in steps.iter().enumerate() {
            identity.check(&step.op).map_err(refused(Some(number)))?;
        }
        let writes = steps.iter().any(|step| step.op.kind().writes());
        let durable = self.admit(writes, options).map_err(refused(None))?;
        let transacted = match once.filter(|_| writes) {
            None => self.engine.transact(checks, steps, at)?,
            Some(once) => once.of(identity, |once| self.engine.transact_once(checks, steps, once, at))?,
        };
        // As for a single write, see `awaits`.
        let awaits = durable.then(|| transacted.lsn.unwrap_or_else(|| self.engine.last_lsn()));
        Ok((transacted, awaits))
    }

    /// A page of the entries that are wanted and that this identity may read, from a place on, and where the next one begins.
    pub(crate) fn list(
        &self,
        identity: &Identity,
        wanted: &Wanted<'_>,
        place: Place,
        limit: usize,
        at: Micros,
    ) -> Result<(Vec<Listed>, Option<Place>), Refusal> {
        identity.check_listing(wanted.ty)?;
        Ok(listing::page(&self.engine, identity, wanted, place, limit, at))
    }

    /// What must be durable before a client that goes on from a place is shown the present state. `None` if
    /// nothing will ever be durable any more.
    pub(crate) fn shown(&self) -> Option<Lsn> {
        self.read_only().is_none().then(|| self.engine.last_lsn())
    }

    /// Makes and reads tokens.
    pub(crate) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Executes requests in order at time `at` and passes the outcome of each to `each`, in the same order, with the LSN
    /// that must be durable before the reply may be sent. When `each` returns `Break`, the remaining requests are not
    /// executed. Returns the number of requests that were executed or refused.
    #[inline]
    pub fn execute_batch(
        &self,
        origin: Origin<'_>,
        batch: &RequestBatch<'_>,
        at: Micros,
        mut each: impl FnMut(Executed<'_>, Option<Lsn>) -> ControlFlow<()>,
    ) -> usize {
        let identity = origin.identity;
        let all_allowed = identity.may_do_all() || batch.ops.iter().all(|op| identity.check(op).is_ok());
        if all_allowed && self.gate.health() == LogHealth::Up {
            return self.run(origin.protocol, batch, at, each);
        }
        self.execute_some(origin, batch, at, &mut each)
    }

    /// Executes the requests that can be, and refuses the others in their place.
    #[cold]
    fn execute_some(
        &self,
        origin: Origin<'_>,
        batch: &RequestBatch<'_>,
        at: Micros,
        each: &mut dyn FnMut(Executed<'_>, Option<Lsn>) -> ControlFlow<()>,
    ) -> usize {
        let mut done = 0;
        for (op, options) in batch.ops.iter().zip(&batch.options) {
            let executed = self.execute(origin, &Request { op: *op, options: *options }, at);
            done += 1;
            let (executed, awaits) = match &executed {
                Ok(done) => (Ok(&done.reply), done.awaits),
                Err(refusal) => (Err(refusal), None),
            };
            if each(executed, awaits).is_break() {
                break;
            }
        }
        done
    }

    #[inline]
    fn run(
        &self,
        protocol: Protocol,
        batch: &RequestBatch<'_>,
        at: Micros,
        mut each: impl FnMut(Executed<'_>, Option<Lsn>) -> ControlFlow<()>,
    ) -> usize {
        let mut tally = self.meters.of(protocol).tally();
        let mut requests = batch.ops.iter().zip(&batch.options);
        self.engine.execute_batch(&batch.ops, at, |executed| {
            let Some((op, options)) = requests.next() else { return ControlFlow::Break(()) };
            let durable = op.kind().writes() && self.is_durable(*options);
            match executed {
                Ok(outcome) => {
                    tally.executed(op, Ok(&outcome.reply));
                    each(Ok(&outcome.reply), self.awaits(outcome, durable))
                }
                Err(refusal) => {
                    tally.executed(op, Err(refusal));
                    each(Err(refusal), None)
                }
            }
        })
    }

    /// Whether the response must wait for the log. Refuses a write that the log cannot accept.
    pub fn admit(&self, writes: bool, options: Options) -> Result<bool, Refusal> {
        if !writes {
            return Ok(false);
        }
        let durable = self.is_durable(options);
        match self.gate.health() {
            LogHealth::Up => Ok(durable),
            // The record waits in memory, within the log's budget.
            LogHealth::Down if !durable => Ok(false),
            LogHealth::Down => Err(Refusal::LogDown),
            LogHealth::Failed => Err(Refusal::LogFailed),
            LogHealth::Fenced => Err(Refusal::Fenced),
        }
    }

    #[inline]
    fn is_durable(&self, options: Options) -> bool {
        options.durability.max(self.durability) == Durability::Sync
    }

    /// The LSN that must be durable before the reply may be sent.
    #[inline]
    fn awaits(&self, outcome: &Outcome, durable: bool) -> Option<Lsn> {
        // A write that changed nothing depends on an earlier write, which may not be durable yet.
        durable.then(|| outcome.lsn.unwrap_or_else(|| self.engine.last_lsn()))
    }

    /// Waits until `lsn` is durable; the error is [`Refusal::OutcomeUnknown`]. Must be called right after the request
    /// was executed, before any `await`; the future it returns may be awaited later.
    pub(crate) fn wait(&self, lsn: Lsn) -> impl Future<Output = Result<(), Refusal>> + use<> {
        self.gate.wait(lsn)
    }

    /// The last durable LSN, as far as this worker knows.
    pub(crate) fn durable(&self) -> Lsn {
        self.gate.durable()
    }

    /// Follows the log until it ends. Must run concurrently with the sessions.
    pub(crate) async fn follow_log(&self) {
        self.gate.follow().await;
    }

    /// Stops all waiting for the log: the outcome of writes that it has not confirmed by now is unknown.
    pub(crate) fn give_up_waiting(&self) {
        self.gate.close();
    }

    /// Why no write will ever be executed again, if that is so.
    pub(crate) fn read_only(&self) -> Option<Refusal> {
        match self.gate.health() {
            LogHealth::Failed => Some(Refusal::LogFailed),
            LogHealth::Fenced => Some(Refusal::Fenced),
            LogHealth::Up | LogHealth::Down => None,
        }
    }

    /// Memory for the responses of a session; the first `unbudgeted` bytes do not count.
    pub fn response_memory(&self, unbudgeted: usize) -> ResponseMemory {
        ResponseMemory { share: self.responses.share(), unbudgeted }
    }
}

/// The value of an entry that did not fulfil a condition, if it is small and may be told.
pub(crate) fn told<'f>(identity: &Identity, check: &Check<'_>, found: &'f Found) -> Option<ValueRef<'f>> {
    let value = found.value.as_value_ref();
    let tells = value.packed_bytes() <= MAX_TOLD_BYTES && identity.may_read(check.ty, check.key.as_str());
    tells.then_some(value)
}

impl ResponseMemory {
    /// Reserves memory for responses of `bytes` bytes in total.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), Refusal> {
        match bytes <= self.unbudgeted || self.share.grow_to(bytes) {
            true => Ok(()),
            false => Err(Refusal::ResponseMemory),
        }
    }

    /// Bytes that count against the limit.
    pub fn bytes(&self) -> usize {
        self.share.bytes()
    }

    /// Releases everything.
    pub fn release(&mut self) {
        self.share.release();
    }
}
