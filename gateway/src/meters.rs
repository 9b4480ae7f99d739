//! What a worker counts: requests by protocol, operation, type and result, refusals by reason, times, connections.
//!
//! Each worker has its own counters, which it alone writes: a load and a store, no cache line that workers share. Whoever
//! wants the totals adds them up.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use proto::{Op, OpKind, Refusal, Reply, ValueType};
use txnd::cli::figures::{BUCKETS, FIRST_BUCKET_MICROS};

use crate::protocol::Protocol;

/// Bits of a counter's number for the result, and for the code of a value type, where 0 stands for all types. The opcode is
/// above them.
const RESULT_BITS: usize = 2;
const TYPE_BITS: usize = 3;
const OP_BITS: usize = 4;

/// Number of counters of requests: one for each number, so that none has to be checked.
const REQUESTS: usize = 1 << (OP_BITS + TYPE_BITS + RESULT_BITS);

/// The number of the counter of such requests.
#[inline]
fn number(kind: OpKind, ty: Option<ValueType>, result: RequestResult) -> usize {
    let ty = ty.map_or(0, |ty| ty as usize);
    ((kind as usize) << (TYPE_BITS + RESULT_BITS) | ty << RESULT_BITS | result as usize) % REQUESTS
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestResult {
    Ok,
    /// There is no such entry, or field.
    Missing,
    Refused,
}

impl RequestResult {
    pub(crate) const ALL: [Self; 3] = [Self::Ok, Self::Missing, Self::Refused];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Refused => "refused",
        }
    }

    #[inline]
    fn of(executed: Result<&Reply, &Refusal>) -> Self {
        match executed {
            Ok(Reply::NoEntry | Reply::NoField) => Self::Missing,
            Ok(_) => Self::Ok,
            Err(_) => Self::Refused,
        }
    }
}

/// A counter that only one thread changes.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(crate) fn add(&self, more: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(more), Relaxed);
    }

    /// For something that comes and goes.
    pub(crate) fn sub(&self, less: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_sub(less), Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Times of requests.
#[derive(Debug, Default)]
pub(crate) struct Times {
    buckets: [Counter; BUCKETS],
    sum_nanos: Counter,
}

impl Times {
    /// Notes that `requests` requests have taken `time` each.
    #[inline]
    pub(crate) fn add(&self, time: Duration, requests: u64) {
        let nanos = time.as_nanos() as u64;
        let bucket = (nanos / (FIRST_BUCKET_MICROS * 1000)).checked_ilog2().map_or(0, |power| power as usize + 1);
        self.buckets[bucket.min(BUCKETS - 1)].add(requests);
        self.sum_nanos.add(nanos.wrapping_mul(requests));
    }

    pub(crate) fn counts(&self) -> [u64; BUCKETS] {
        std::array::from_fn(|bucket| self.buckets[bucket].get())
    }

    pub(crate) fn sum_seconds(&self) -> f64 {
        self.sum_nanos.get() as f64 / 1e9
    }
}

/// What concerns one protocol.
#[derive(Debug)]
pub(crate) struct ProtocolMeters {
    /// By operation, type and result; see [`number`].
    requests: Box<[Counter; REQUESTS]>,
    refusals: [Counter; Refusal::REASONS.len()],
    /// Of requests whose response did not wait for the log, and of those whose response did.
    pub(crate) times: [Times; 2],
    pub(crate) open_connections: Counter,
    pub(crate) accepted_connections: Counter,
    pub(crate) rejected_connections: Counter,
    pub(crate) failed_handshakes: Counter,
}

/// Counts operations of a batch. Those in a row that have the same counter are counted at once.
pub(crate) struct Tally<'m> {
    meters: &'m ProtocolMeters,
    number: usize,
    count: u64,
}

impl Default for ProtocolMeters {
    fn default() -> Self {
        Self {
            requests: Box::new(std::array::from_fn(|_| Counter::default())),
            refusals: Default::default(),
            times: Default::default(),
            open_connections: Counter::default(),
            accepted_connections: Counter::default(),
            rejected_connections: Counter::default(),
            failed_handshakes: Counter::default(),
        }
    }
}

/// The counters of one worker.
#[derive(Debug, Default)]
pub(crate) struct WorkerMeters {
    protocols: [ProtocolMeters; Protocol::ALL.len()],
}

impl WorkerMeters {
    #[inline]
    pub(crate) fn of(&self, protocol: Protocol) -> &ProtocolMeters {
        &self.protocols[protocol as usize]
    }
}

impl ProtocolMeters {
    /// Counts an operation.
    #[inline]
    pub(crate) fn executed(&self, op: &Op<'_>, executed: Result<&Reply, &Refusal>) {
        self.requests[number(op.kind(), op.value_type(), RequestResult::of(executed))].add(1);
    }

    /// Counts an operation that was not executed, because of itself or of another one.
    pub(crate) fn not_executed(&self, op: &Op<'_>) {
        self.requests[number(op.kind(), op.value_type(), RequestResult::Refused)].add(1);
    }

    /// Counts the operations of a batch, until it is dropped.
    #[inline]
    pub(crate) fn tally(&self) -> Tally<'_> {
        Tally { meters: self, number: 0, count: 0 }
    }

    /// Counts a refusal that a client is told.
    pub(crate) fn refused(&self, refusal: &Refusal) {
        self.refused_times(refusal, 1);
    }

    /// Counts the same refusal of several requests.
    pub(crate) fn refused_times(&self, refusal: &Refusal, requests: u64) {
        self.refusals[refusal.reason()].add(requests);
    }

    /// The number of requests of this kind.
    pub(crate) fn requests(&self, kind: OpKind, ty: Option<ValueType>, result: RequestResult) -> u64 {
        self.requests[number(kind, ty, result)].get()
    }

    /// The number of all requests.
    pub(crate) fn total(&self) -> u64 {
        self.requests.iter().map(Counter::get).sum()
    }

    /// The number of refusals for each of [`Refusal::REASONS`].
    pub(crate) fn refusals(&self) -> impl Iterator<Item = u64> {
        self.refusals.iter().map(Counter::get)
    }
}

impl Tally<'_> {
    #[inline]
    pub(crate) fn executed(&mut self, op: &Op<'_>, executed: Result<&Reply, &Refusal>) {
        let number = number(op.kind(), op.value_type(), RequestResult::of(executed));
        if number != self.number {
            self.settle();
            self.number = number;
        }
        self.count += 1;
    }

    fn settle(&mut self) {
        self.meters.requests[self.number % REQUESTS].add(std::mem::take(&mut self.count));
    }
}

impl Drop for Tally<'_> {
    fn drop(&mut self) {
        self.settle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_bucket_that_holds_it() {
        let bounds: Vec<f64> = txnd::cli::figures::bounds().chain([f64::INFINITY]).collect();
        assert_eq!((bounds[0], bounds[1]), (16e-6, 32e-6));
        for micros in [0, 1, 15, 16, 17, 31, 32, 1000, 60_000_000] {
            let times = Times::default();
            let time = Duration::from_micros(micros);
            times.add(time, 3);
            let bucket = times.counts().iter().position(|count| *count == 3).unwrap();
            let seconds = time.as_secs_f64();
            assert!(seconds <= bounds[bucket] && (bucket == 0 || seconds >= bounds[bucket - 1]), "{micros}: {bucket}");
            assert!((times.sum_seconds() - 3.0 * seconds).abs() < 1e-9);
        }
    }

    #[test]
    fn every_operation_has_its_counter() {
        let types = || ValueType::ALL.into_iter().map(Some).chain([None]);
        let kinds = OpKind::ALL.into_iter().flat_map(|kind| types().map(move |ty| (kind, ty)));
        let all = kinds.flat_map(|(kind, ty)| RequestResult::ALL.map(|result| number(kind, ty, result)));
        let different: std::collections::BTreeSet<usize> = all.clone().collect();
        assert_eq!(different.len(), all.count());
    }
}
