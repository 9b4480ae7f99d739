//! What requests with idempotency keys have come to, so that the same request again gets the same and does nothing.
//!
//! The table is divided into stripes by the hash of the key. A request holds the lock of its key's stripe from the look at the
//! table until its outcome is in it. So of two requests with the same key one comes first, and the other one finds its outcome.
//! The outcome has a record of its own, in the same run as the writes: the log has both or neither.
//!
//! A key is kept until it expires, for the window that was set when it came. When there is no room for another one, requests
//! with new keys are refused: a key that was forgotten early would let its request be carried out twice.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crossbeam::utils::CachePadded;
use hashbrown::HashMap;
use parking_lot::{Mutex, MutexGuard};
use proto::limits::{MAX_KEY_BYTES, MAX_OUTCOME_BYTES};
use proto::{Fingerprint, Key, Lsn, Micros, OutcomeStep, Place, RecordedOutcome, Refusal};

use crate::expiry::Facts;
use crate::slots::Stamp;
use crate::steps::{StepDone, Transacted};

/// Lock stripes of the table.
const STRIPES: usize = 64;

/// Memory of a key besides its text and outcome, in bytes: a slot of a hash map (120 bytes on average), one of a B-tree (36), and
/// the reference counts of the key.
const KEPT_BYTES: usize = 176;

/// Most memory of a key and its outcome, in bytes.
const LARGEST: usize = KEPT_BYTES + MAX_KEY_BYTES + MAX_OUTCOME_BYTES;

/// The map of a stripe shrinks when it has room for so many times what it holds.
const SPARSE: usize = 4;

/// For how long idempotency keys are kept, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutcomeLimits {
    /// For how long a key is kept, in microseconds.
    pub window: Micros,
    /// Most keys.
    pub keys: usize,
    /// Most bytes that they and their outcomes take.
    pub bytes: usize,
}

impl Default for OutcomeLimits {
    fn default() -> Self {
        Self { window: 600_000_000, keys: 1_000_000, bytes: 256 << 20 }
    }
}

/// An idempotency key, and the request that it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Once<'a> {
    /// The key, with the name of whose it is.
    pub key: Key<'a>,
    /// What tells the request from others.
    pub fingerprint: &'a Fingerprint,
}

/// How much is kept, and how often it was of use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutcomeUsage {
    /// Keys.
    pub keys: usize,
    /// Bytes that they and their outcomes take.
    pub bytes: usize,
    /// Requests that have got the outcome of an earlier one.
    pub replays: u64,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Outcomes {
    stripes: Box<[CachePadded<Mutex<Stripe>>]>,
    limits: OutcomeLimits,
    keys: AtomicUsize,
    bytes: AtomicUsize,
    replays: AtomicU64,
}

/// The part of the table with one lock.
#[derive(Debug, Default)]
pub(crate) struct Stripe {
    of: HashMap<Arc<str>, Kept>,
    order: BTreeSet<(Micros, Arc<str>)>,
}

/// An outcome.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) fingerprint: Fingerprint,
    /// The stamp of its record, and until when it is kept.
    stamp: Stamp,
    expires: Micros,
    encoded: Box<[u8]>,
}

impl Outcomes {
    pub(crate) fn new(limits: OutcomeLimits) -> Self {
        Self {
            stripes: (0..STRIPES).map(|_| CachePadded::default()).collect(),
            limits,
            keys: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            replays: AtomicU64::new(0),
        }
    }

    /// When a key that comes at this time expires.
    pub(crate) fn expires(&self, at: Micros) -> Micros {
        at.saturating_add(self.limits.window)
    }

    fn stripe(&self, hash: u64) -> &Mutex<Stripe> {
        &self.stripes[hash as usize % STRIPES]
    }

    /// Locks the stripe of a key with this hash, for a request at this time.
    pub(crate) fn lock(&self, hash: u64, at: Micros) -> MutexGuard<'_, Stripe> {
        if !self.has_room() {
            self.forget(at);
        }
        let mut stripe = self.stripe(hash).lock();
        self.forget_of(&mut stripe, at);
        stripe
    }

    /// Whether there is room for whatever comes next.
    fn has_room(&self) -> bool {
        let usage = self.usage();
        usage.keys < self.limits.keys && usage.bytes.saturating_add(LARGEST) <= self.limits.bytes
    }

    /// Forgets the keys that have expired by this time.
    pub(crate) fn forget(&self, at: Micros) {
        if self.keys.load(Ordering::Relaxed) > 0 {
            self.stripes.iter().for_each(|stripe| self.forget_of(&mut stripe.lock(), at));
        }
    }

    fn forget_of(&self, stripe: &mut Stripe, at: Micros) {
        while stripe.order.first().is_some_and(|(expires, _)| *expires <= at) {
            let Some((_, key)) = stripe.order.pop_first() else { return };
            if let Some(kept) = stripe.of.remove(&key) {
                self.release(&key, &kept.encoded);
            }
        }
        if stripe.of.len() * SPARSE < stripe.of.capacity() {
            // Gives memory back.
            stripe.of.shrink_to(stripe.of.len() * 2);
        }
    }

    /// Takes room for an outcome of this key; [`Self::release`] gives it back.
    pub(crate) fn reserve(&self, key: &str, encoded: &[u8]) -> Result<(), Refusal> {
        self.take(key, encoded);
        let OutcomeUsage { keys, bytes, .. } = self.usage();
        if keys <= self.limits.keys && bytes <= self.limits.bytes {
            return Ok(());
        }
        self.release(key, encoded);
        Err(Refusal::TooManyKeys { keys: keys - 1, bytes: bytes - bytes_of(key, encoded) })
    }

    fn take(&self, key: &str, encoded: &[u8]) {
        self.keys.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes_of(key, encoded), Ordering::Relaxed);
    }

    pub(crate) fn release(&self, key: &str, encoded: &[u8]) {
        self.keys.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes_of(key, encoded), Ordering::Relaxed);
    }

    /// Counts a request that has got the outcome of an earlier one.
    pub(crate) fn replayed(&self) {
        self.replays.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn usage(&self) -> OutcomeUsage {
        OutcomeUsage {
            keys: self.keys.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            replays: self.replays.load(Ordering::Relaxed),
        }
    }

    /// Keeps an outcome that the log has, in a record of the time `at`. Over a later one of the same key it leaves that one.
    /// What is kept now has had room before, so no limit applies.
    pub(crate) fn recover(&self, hash: u64, once: &Once<'_>, encoded: &[u8], facts: Facts, at: Micros) {
        let mut stripe = self.stripe(hash).lock();
        self.forget_of(&mut stripe, at);
        let earlier = stripe.of.get(once.key.as_str()).map(|kept| kept.stamp);
        if earlier.is_some_and(|earlier| earlier.later(facts.stamp) == earlier) {
            return;
        }
        let key: Arc<str> = once.key.as_str().into();
        if let Some(Kept { expires, encoded, .. }) = stripe.of.remove(&key) {
            self.release(&key, &encoded);
            stripe.order.remove(&(expires, Arc::clone(&key)));
        }
        if let Some(expires) = facts.expires {
            self.take(&key, encoded);
            stripe.keep(once, encoded, facts.stamp, expires);
        }
    }

    /// Passes the outcomes of the stripe with this number to `visit`, with their facts; returns whether there is such a stripe.
    pub(crate) fn visit(&self, number: usize, visit: &mut impl FnMut(Once<'_>, &[u8], Facts)) -> bool {
        let Some(stripe) = self.stripes.get(number) else { return false };
        for (key, kept) in &stripe.lock().of {
            if let Ok(key) = Key::new(key.as_bytes()) {
                let facts = Facts { stamp: kept.stamp, expires: Some(kept.expires) };
                visit(Once { key, fingerprint: &kept.fingerprint }, &kept.encoded, facts);
            }
        }
        true
    }
}

impl Stripe {
    pub(crate) fn get(&self, key: Key<'_>) -> Option<&Kept> {
        self.of.get(key.as_str())
    }

    /// Keeps an outcome for which there is room, and whose record has this stamp.
    pub(crate) fn keep(&mut self, once: &Once<'_>, encoded: &[u8], stamp: Stamp, expires: Micros) {
        let key: Arc<str> = once.key.as_str().into();
        self.order.insert((expires, Arc::clone(&key)));
        self.of.insert(key, Kept { fingerprint: *once.fingerprint, stamp, expires, encoded: encoded.into() });
    }
}

fn bytes_of(key: &str, encoded: &[u8]) -> usize {
    KEPT_BYTES + key.len() + encoded.len()
}

/// The outcome of a request whose first record, that of the outcome, is expected to be followed by `records` more.
pub(crate) fn encode(done: &[StepDone], expected: Lsn, records: usize, last: Option<u32>) -> Vec<u8> {
    let place = |stamp: Stamp| match stamp.since(expected) {
        own if (1..=records as u64).contains(&own) => Place::Own(own as u32),
        _ => Place::Lsn(stamp.low_bits()),
    };
    let steps = done.iter().map(|step| OutcomeStep {
        reply: step.reply.clone(),
        before: step.before.map(place),
        after: step.after.map(|facts| (place(facts.stamp), facts.expires)),
    });
    RecordedOutcome { last, steps: steps.collect() }.encode()
}

impl Kept {
    /// What the request has come to, in a log that ends at `end`; 0 without a log.
    pub(crate) fn transacted(&self, end: Lsn) -> Transacted {
        let outcome = RecordedOutcome::decode(&self.encoded).expect("it was encoded here, or decoded by a reader");
        // A stamp is the low bits of an lsn that is not long ago.
        let lsn = end.saturating_sub(Stamp::from(end).since(self.stamp.low_bits()));
        let stamp = |place: Place| match place {
            Place::Own(after) => Stamp::from(lsn + u64::from(after)),
            Place::Lsn(low) => Stamp::from(low),
        };
        let steps = outcome.steps.into_iter().map(|step| StepDone {
            reply: step.reply,
            before: step.before.map(stamp),
            after: step.after.map(|(place, expires)| Facts { stamp: stamp(place), expires }),
        });
        let last = lsn + u64::from(outcome.last.unwrap_or(0));
        Transacted {
            steps: steps.collect(),
            lsn: (end > 0).then_some(last),
            as_of: lsn.saturating_sub(1),
            replayed: true,
        }
    }
}
