//! The front door: every request about entries goes through it, whatever protocol it came in by.
//!
//! Here, and nowhere else, it is decided how durable a write is when its response goes out, that a write is refused which the
//! log could not take, what a response waits for, and how much memory responses may take.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use arrayvec::ArrayVec;
use engine::{Engine, Outcome};
use proto::{Lsn, Micros, Op, Refusal, Reply};

use crate::budget::{Budget, Share};
use crate::config::Durability;
use crate::log::gate::DurableGate;
use crate::log::status::{LogHealth, LogWatch};

/// Requests that are carried out together: enough to overlap their cache misses, few enough to stay in the first-level cache.
pub const MAX_BATCH: usize = 64;

/// One request about an entry.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What to do.
    pub op: Op<'a>,
    /// How.
    pub options: Options,
}

/// What a request asks for besides its operation.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The least that the response to a write promises. The server's own setting may raise it.
    pub durability: Durability,
}

/// A request that was carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// The answer.
    pub reply: Reply,
    /// What has to be durable before the answer may be given.
    pub awaits: Option<Lsn>,
}

/// Requests that are carried out together, in their order. Operations stand beside each other because the engine takes them so.
#[derive(Debug, Default)]
pub struct RequestBatch<'a> {
    ops: ArrayVec<Op<'a>, MAX_BATCH>,
    options: ArrayVec<Options, MAX_BATCH>,
}

/// Carries out requests. One per worker; all share the engine and the log.
#[derive(Debug)]
pub struct Service {
    engine: Arc<Engine>,
    /// The least that a response to a write promises.
    durability: Durability,
    responses: Arc<Budget>,
    gate: DurableGate,
}

/// What the responses of one session take of `--response-memory`.
#[derive(Debug)]
pub struct ResponseMemory {
    share: Share,
    /// Bytes that do not count.
    unbudgeted: usize,
}

impl<'a> RequestBatch<'a> {
    /// Adds a request. The batch must not be full.
    #[inline]
    pub fn push(&mut self, request: Request<'a>) {
        self.ops.push(request.op);
        self.options.push(request.options);
    }

    /// Number of requests.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Whether there is no room for another one.
    pub fn is_full(&self) -> bool {
        self.ops.is_full()
    }
}

impl Service {
    /// A front door to `engine`, whose records go to `log`. A write waits for it for at most `log_timeout`.
    pub(crate) fn new(
        engine: Arc<Engine>,
        durability: Durability,
        responses: Arc<Budget>,
        log: Option<LogWatch>,
        log_timeout: Duration,
    ) -> Self {
        Self { engine, durability, responses, gate: DurableGate::new(log, log_timeout) }
    }

    /// A front door to an engine without a log.
    pub fn without_log(engine: Arc<Engine>, durability: Durability, responses: Arc<Budget>) -> Self {
        Self::new(engine, durability, responses, None, Duration::ZERO)
    }

    /// Carries out a request at the time `at`, or refuses it. Waits for nothing: see [`Done::awaits`].
    pub fn execute(&self, request: &Request<'_>, at: Micros) -> Result<Done, Refusal> {
        let durable = self.admit(request.op.kind().writes(), request.options)?;
        let outcome = self.engine.execute(&request.op, at)?;
        Ok(self.done(outcome, durable))
    }

    /// Carries out requests in order at the time `at` and tells `each` what each came to, in the same order. When `each` breaks
    /// off, the requests after it are not carried out. Returns how many were carried out or refused.
    #[inline]
    pub fn execute_batch(
        &self,
        batch: &RequestBatch<'_>,
        at: Micros,
        mut each: impl FnMut(Result<Done, Refusal>) -> ControlFlow<()>,
    ) -> usize {
        if self.gate.health() == LogHealth::Up {
            return self.run(&batch.ops, &batch.options, at, each);
        }
        self.execute_some(batch, at, &mut each)
    }

    /// Carries out what can be carried out without the log, and refuses the rest in its place.
    #[cold]
    fn execute_some(
        &self,
        batch: &RequestBatch<'_>,
        at: Micros,
        each: &mut dyn FnMut(Result<Done, Refusal>) -> ControlFlow<()>,
    ) -> usize {
        let mut done = 0;
        for (op, options) in batch.ops.iter().zip(&batch.options) {
            let executed = self.execute(&Request { op: *op, options: *options }, at);
            done += 1;
            if each(executed).is_break() {
                break;
            }
        }
        done
    }

    #[inline]
    fn run(
        &self,
        ops: &[Op<'_>],
        options: &[Options],
        at: Micros,
        mut each: impl FnMut(Result<Done, Refusal>) -> ControlFlow<()>,
    ) -> usize {
        let mut of = ops.iter().zip(options);
        self.engine.execute_batch(ops, at, |executed| {
            let durable = of.next().is_some_and(|(op, options)| op.kind().writes() && self.is_durable(*options));
            each(executed.map(|outcome| self.done(outcome, durable)))
        })
    }

    /// Whether the response waits for the log. Refuses a write that the log could not take.
    pub fn admit(&self, writes: bool, options: Options) -> Result<bool, Refusal> {
        if !writes {
            return Ok(false);
        }
        let durable = self.is_durable(options);
        match self.gate.health() {
            LogHealth::Up => Ok(durable),
            // It is recorded within the log's budget.
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

    #[inline]
    fn done(&self, outcome: Outcome, durable: bool) -> Done {
        // A write that found nothing to do rests on an earlier one, which may not be durable yet.
        let awaits = durable.then(|| outcome.lsn.unwrap_or_else(|| self.engine.last_lsn()));
        Done { reply: outcome.reply, awaits }
    }

    /// Waits until `lsn` is durable; the error is [`Refusal::OutcomeUnknown`]. To be called right after the request was carried
    /// out, before anything is awaited; what it returns may be awaited later.
    pub(crate) fn wait(&self, lsn: Lsn) -> impl Future<Output = Result<(), Refusal>> + use<> {
        self.gate.wait(lsn)
    }

    /// Everything up to here is durable.
    pub(crate) fn durable(&self) -> Lsn {
        self.gate.durable()
    }

    /// Follows the log until it ends. To be run beside the sessions.
    pub(crate) async fn follow_log(&self) {
        self.gate.follow().await;
    }

    /// Nobody waits for the log any longer: what it has not confirmed by now has an unknown outcome.
    pub(crate) fn give_up_waiting(&self) {
        self.gate.close();
    }

    /// What every write is told, if none will be carried out any more.
    pub(crate) fn read_only(&self) -> Option<Refusal> {
        match self.gate.health() {
            LogHealth::Failed => Some(Refusal::LogFailed),
            LogHealth::Fenced => Some(Refusal::Fenced),
            LogHealth::Up | LogHealth::Down => None,
        }
    }

    /// Memory for the responses of a session, up to `unbudgeted` bytes of which do not count.
    pub fn response_memory(&self, unbudgeted: usize) -> ResponseMemory {
        ResponseMemory { share: self.responses.share(), unbudgeted }
    }
}

impl ResponseMemory {
    /// Makes room for responses of `bytes` bytes together.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), Refusal> {
        match bytes <= self.unbudgeted || self.share.grow_to(bytes) {
            true => Ok(()),
            false => Err(Refusal::ResponseMemory),
        }
    }

    /// Bytes that count.
    pub fn bytes(&self) -> usize {
        self.share.bytes()
    }

    /// Gives everything back.
    pub fn release(&mut self) {
        self.share.release();
    }
}
