//! Several operations that take effect together or not at all, on conditions.
//!
//! The shards of all keys are locked, in the order of their numbers, before anything is looked at, and unlocked when
//! everything is done. So nobody sees a part of it. The steps are carried out one after the other, as if each were alone,
//! but their records are only noted. If all have succeeded, the records are appended as one run, which is sealed in one
//! batch: the log has all of them or none. Otherwise the steps are undone, from the last to the first. If the
//! request has an idempotency key, the record of its outcome is the first of the run.

use arrayvec::ArrayVec;
use parking_lot::MutexGuard;
use proto::limits::MAX_OUTCOME_BYTES;
use proto::{Effect, Key, Lsn, Micros, Op, Refusal, Reply, Strings, Value, ValueRef, ValueType};

use crate::call::{Call, Context, Noted, NotedRecord, Records};
use crate::engine::Engine;
use crate::expiry::{Expires, Facts};
use crate::log::NewRecord;
use crate::outcomes::{self, Once, Outcomes, Stripe};
use crate::shard::Shard;
use crate::slots::Stamp;
use crate::steps::{Bounds, Check, Found, NotTransacted, Step, StepDone, Transacted, reply_bytes};
use crate::stored::{Owned, Prepared, slot};

/// Most bytes of values that the steps of a transaction may reply with, unless it has only one.
pub const MAX_REPLIES_BYTES: usize = 16 << 20;

/// Most bytes of what the steps of a transaction may replace or delete, unless it has only one. It is kept until all of them have
/// succeeded.
pub const MAX_UNDO_BYTES: usize = 64 << 20;

impl Engine {
    /// Carries out all steps in their order, provided that all checks hold of the state before. If it fails, nothing has
    /// changed, and nothing is in the log. Nobody sees a part of it.
    pub fn transact(&self, checks: &[Check<'_>], steps: &[Step<'_>], at: Micros) -> Result<Transacted, NotTransacted> {
        if let [step] = steps
            && checks.iter().all(|check| check.key == step.op.key())
        {
            return self.transact_alone(checks, step, at);
        }
        self.transact_together(checks, steps, None, at)
    }

    /// The same, at most once: the same request with the same key again, within the window of [`OutcomeLimits`](crate::OutcomeLimits),
    /// gets what the first one has come to, and does nothing. What fails leaves no trace of the key either.
    pub fn transact_once(
        &self,
        checks: &[Check<'_>],
        steps: &[Step<'_>],
        once: &Once<'_>,
        at: Micros,
    ) -> Result<Transacted, NotTransacted> {
        let outcomes = self.outcomes();
        let mut stripe = outcomes.lock(self.hash(once.key), at);
        match stripe.get(once.key) {
            None => self.transact_together(checks, steps, Some(Keeper { once, outcomes, stripe: &mut stripe }), at),
            Some(kept) if kept.fingerprint == *once.fingerprint => {
                outcomes.replayed();
                Ok(kept.transacted(self.last_lsn()))
            }
            Some(_) => Err(NotTransacted::Refused { step: None, refusal: Refusal::KeyReused }),
        }
    }

    /// Carries out all steps with their shards locked, and keeps the outcome if there is an idempotency key.
    fn transact_together(
        &self,
        checks: &[Check<'_>],
        steps: &[Step<'_>],
        keeper: Option<Keeper<'_>>,
        at: Micros,
    ) -> Result<Transacted, NotTransacted> {
        // Memory of long values is allocated before the locks are taken and freed after they are released.
        let mut dropped = Vec::new();
        let keys = checks.iter().map(|check| check.key).chain(steps.iter().map(|step| step.op.key()));
        let hashes: Vec<u64> = keys.map(|key| self.hash(key)).collect();
        let (of_checks, of_steps) = hashes.split_at(checks.len());
        let with_hashes = steps.iter().zip(of_steps);
        let mut prepared: Vec<_> = with_hashes.map(|(step, hash)| self.prepared(&step.op, *hash, at)).collect();
        let mut shards = LockedShards::lock(self, &hashes);
        for (number, (check, hash)) in checks.iter().zip(of_checks).enumerate() {
            self.check(shards.of(*hash), number, check, *hash, at)?;
        }
        let mut work =
            Work { engine: self, shards, steps, hashes: of_steps, keeper, done: Vec::new(), undo: Vec::new() };
        let carried_out = work.carry_out(&mut prepared, &mut dropped, at);
        if carried_out.is_err() {
            work.undo(&mut dropped);
        }
        let (lsn, as_of) = carried_out?;
        Ok(Transacted { steps: std::mem::take(&mut work.done), lsn, as_of, replayed: false })
    }

    /// One step, whose checks are of its own key: it is carried out like any other operation, which is all or nothing by
    /// itself, with the shard locked since before the checks.
    fn transact_alone(&self, checks: &[Check<'_>], step: &Step<'_>, at: Micros) -> Result<Transacted, NotTransacted> {
        let (op, hash, context, mut dropped) = (&step.op, self.hash(step.op.key()), self.context(at), Vec::new());
        let prepared = self.prepared(op, hash, at);
        let mut shard = self.shard(hash).lock();
        for (number, check) in checks.iter().enumerate() {
            self.check(&shard, number, check, hash, at)?;
        }
        if let Some(before) = beyond_bounds(&shard, step, hash, &self.quiet_context(at)) {
            return Err(NotTransacted::Bounds { step: 0, before });
        }
        let before = facts_of(&shard, op, hash, at).map(|facts| facts.stamp);
        let expires = step.expires;
        let mut call = Call { op, hash, context: &context, prepared, dropped: &mut dropped, expires, replayed: None };
        let executed = shard.execute(&mut call);
        let outcome = executed.map_err(|refusal| NotTransacted::Refused { step: Some(0), refusal })?;
        let after = facts_of(&shard, op, hash, at);
        let as_of = outcome.lsn.map_or_else(|| self.last_lsn(), |lsn| lsn - 1);
        drop(shard);
        let steps = vec![StepDone { reply: outcome.reply, before, after }];
        Ok(Transacted { steps, lsn: outcome.lsn, as_of, replayed: false })
    }

    fn check(
        &self,
        shard: &Shard,
        number: usize,
        check: &Check<'_>,
        hash: u64,
        at: Micros,
    ) -> Result<(), NotTransacted> {
        let stamp = shard.facts(hash, check.ty, check.key, at).map(|facts| facts.stamp);
        if check.condition.holds(stamp) {
            return Ok(());
        }
        let value = value_of(shard, check.ty, hash, check.key, &self.quiet_context(at));
        let found = stamp.zip(value).map(|(stamp, value)| Found { stamp, value });
        Err(NotTransacted::Condition { check: number, found })
    }
}

/// What is known of the entry that an operation is about.
fn facts_of(shard: &Shard, op: &Op<'_>, hash: u64, at: Micros) -> Option<Facts> {
    shard.facts(hash, op.value_type()?, op.key(), at)
}

/// The value of an entry, if there is one.
fn value_of(shard: &Shard, ty: ValueType, hash: u64, key: Key<'_>, context: &Context<'_>) -> Option<Value> {
    match shard.get(&Op::Get { ty, key }, ty, hash, context) {
        Ok(outcome) => match outcome.reply {
            Reply::Value(value) => Some(value),
            _ => None,
        },
        Err(_) => None,
    }
}

/// The locks of several shards.
struct LockedShards<'e> {
    engine: &'e Engine,
    /// In ascending order.
    numbers: Vec<usize>,
    /// Of the shard with the same index.
    guards: Vec<MutexGuard<'e, Shard>>,
}

impl<'e> LockedShards<'e> {
    /// Locks the shards of these hashes. Whoever waits for one here holds only those with smaller numbers, and whoever
    /// waits for one elsewhere holds none.
    fn lock(engine: &'e Engine, hashes: &[u64]) -> Self {
        let mut numbers: Vec<usize> = hashes.iter().map(|hash| engine.shard_number(*hash)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let guards = numbers.iter().map(|number| engine.shards[*number].lock()).collect();
        Self { engine, numbers, guards }
    }

    fn of(&mut self, hash: u64) -> &mut Shard {
        let number = self.engine.shard_number(hash);
        let index = self.numbers.binary_search(&number).expect("the shard of every key is locked");
        &mut self.guards[index]
    }
}

/// What is known of the entries of a key, of each type that there is.
type AllFacts = ArrayVec<(ValueType, Facts), { ValueType::ALL.len() }>;

/// What takes a step back.
struct Undo {
    /// The entries that the step has changed, as they were; `None` if there was none.
    entries: Vec<(ValueType, Option<Before>)>,
    /// What was known of the entries that it may have changed.
    facts: AllFacts,
}

/// A value as it was. A map or a set shares what does not change.
enum Before {
    Value(Value),
    Map(slot::Map),
    Set(slot::Set),
}

/// Keeps the outcome of a transaction for its idempotency key, whose stripe is locked.
struct Keeper<'k> {
    once: &'k Once<'k>,
    outcomes: &'k Outcomes,
    stripe: &'k mut Stripe,
}

/// A transaction that is being carried out.
struct Work<'w, 'a> {
    engine: &'w Engine,
    shards: LockedShards<'w>,
    steps: &'w [Step<'a>],
    /// Of the key of each step.
    hashes: &'w [u64],
    keeper: Option<Keeper<'w>>,
    /// The first steps.
    done: Vec<StepDone>,
    /// How to undo each of them.
    undo: Vec<Undo>,
}

/// A record of a transaction.
struct Recorded {
    /// Number of the step.
    step: usize,
    says: NotedRecord,
    /// Whether the step has given its entry the stamp of this record.
    stamps: bool,
}

impl<'a> Work<'_, 'a> {
    /// Carries out the steps and appends their records. Returns the lsn of the last write's record, and the last lsn before.
    fn carry_out(
        &mut self,
        prepared: &mut [Option<Prepared<'a>>],
        dropped: &mut Vec<Owned>,
        at: Micros,
    ) -> Result<(Option<Lsn>, Lsn), NotTransacted> {
        let refused = |step| move |refusal| NotTransacted::Refused { step, refusal };
        let (engine, quiet) = (self.engine, self.engine.quiet_context(at));
        self.expire(dropped, at)?;
        // No entry of the locked shards has a later stamp.
        let as_of = engine.last_lsn();
        let expected = as_of + 1;
        // The record of the outcome comes first.
        let head = u64::from(self.keeper.is_some());
        let noted = Noted::new(expected + head);
        let records = if engine.log().is_some() { Records::Noted(&noted) } else { Records::Nowhere };
        let context = Context { env: engine.env(), records, record: engine.record_mode(), limited: true, at };
        let (mut run, mut told, mut kept): (Vec<Recorded>, usize, usize) = (Vec::new(), 0, 0);
        for (number, (step, hash)) in self.steps.iter().zip(self.hashes).enumerate() {
            let (hash, op, shard) = (*hash, &step.op, self.shards.of(*hash));
            if let Some(before) = beyond_bounds(shard, step, hash, &quiet) {
                return Err(NotTransacted::Bounds { step: number, before });
            }
            let before = facts_of(shard, op, hash, at).map(|facts| facts.stamp);
            let (undo, bytes) = Undo::of(op, shard, hash, &quiet);
            kept += bytes;
            if kept > MAX_UNDO_BYTES {
                return Err(refused(Some(number))(Refusal::TooLarge(kept)));
            }
            let prepared = prepared[number].take();
            let expires = step.expires;
            let mut call = Call { op, hash, context: &context, prepared, dropped, expires, replayed: None };
            let outcome = shard.execute(&mut call).map_err(refused(Some(number)))?;
            let after = facts_of(shard, op, hash, at);
            self.undo.push(undo);
            if let Some((lsn, says)) = noted.take() {
                let stamps = after.is_some_and(|facts| facts.stamp == lsn.into());
                run.push(Recorded { step: number, says, stamps });
            }
            told += reply_bytes(&outcome.reply);
            self.done.push(StepDone { reply: outcome.reply, before, after });
            if told > MAX_REPLIES_BYTES {
                return Err(refused(Some(number))(Refusal::ResponseTooLarge));
            }
        }
        let Some(first) = self.record(&run, expected, at).map_err(refused(None))? else { return Ok((None, as_of)) };
        self.restamp(&run, expected + head, first + head);
        let last = self.last_write(&run).map(|index| first + head + index as Lsn);
        Ok((last.or((head > 0).then_some(first)), as_of))
    }

    /// The index of the last write in the run.
    fn last_write(&self, run: &[Recorded]) -> Option<usize> {
        run.iter().rposition(|record| self.steps[record.step].op.kind().writes())
    }

    /// Appends the records, and before them that of the outcome, which is kept then. Returns the first one's lsn; `None` if
    /// there are none, or only those of reads.
    fn record(&mut self, run: &[Recorded], expected: Lsn, at: Micros) -> Result<Option<Lsn>, Refusal> {
        let Some(Keeper { once, outcomes, stripe }) = self.keeper.take() else { return self.append(run, None, at) };
        let last = self.last_write(run).map(|index| index as u32 + 1);
        let encoded = outcomes::encode(&self.done, expected, run.len(), last);
        if encoded.len() > MAX_OUTCOME_BYTES {
            return Err(Refusal::OutcomeTooLarge(encoded.len()));
        }
        outcomes.reserve(once.key.as_str(), &encoded)?;
        let expires = outcomes.expires(at);
        let op = Op::Outcome { key: once.key, fingerprint: once.fingerprint, outcome: &encoded };
        let record = NewRecord { op: &op, effect: Effect::None, expires: Some(expires) };
        let first = self.append(run, Some(record), at);
        match first {
            Ok(first) => stripe.keep(once, &encoded, first.unwrap_or(0).into(), expires),
            Err(_) => outcomes.release(once.key.as_str(), &encoded),
        }
        first
    }

    fn append(&self, run: &[Recorded], outcome: Option<NewRecord<'_>>, at: Micros) -> Result<Option<Lsn>, Refusal> {
        let any = !run.is_empty() || outcome.is_some();
        let Some(log) = self.engine.log().filter(|_| any) else { return Ok(None) };
        if outcome.is_none() && self.steps.iter().all(|step| !step.op.kind().writes()) {
            // Reads go on without their records, see `Context::log_read`.
            run.iter().for_each(|record| log.append_read(&self.steps[record.step].op, at));
            return Ok(None);
        }
        let new = |Recorded { step, says, .. }: &Recorded| NewRecord {
            op: &self.steps[*step].op,
            effect: says.effect,
            expires: says.expires,
        };
        let records: Vec<_> = outcome.into_iter().chain(run.iter().map(new)).collect();
        let first = log.append_run(&records, at)?;
        Ok(Some(first))
    }

    /// Removes the entries that have expired and would be written. That is no part of the transaction, and is not undone.
    fn expire(&mut self, dropped: &mut Vec<Owned>, at: Micros) -> Result<(), NotTransacted> {
        let context = self.engine.context(at);
        for (number, (step, hash)) in self.steps.iter().zip(self.hashes).enumerate() {
            if step.op.kind().writes() {
                let expired =
                    self.shards.of(*hash).expire(step.op.value_type(), *hash, step.op.key(), &context, dropped);
                expired.map_err(|refusal| NotTransacted::Refused { step: Some(number), refusal })?;
            }
        }
        Ok(())
    }

    /// Others may have appended something meanwhile: the records have lsns from `first` on, not from `expected` on.
    fn restamp(&mut self, run: &[Recorded], expected: Lsn, first: Lsn) {
        if first == expected {
            return;
        }
        for (Recorded { step, .. }, lsn) in run.iter().zip(first..).filter(|(record, _)| record.stamps) {
            let (op, hash) = (self.steps[*step].op, self.hashes[*step]);
            if let Some(ty) = op.value_type() {
                self.shards.of(hash).restamp(hash, ty, op.key(), lsn.into());
            }
        }
        let moved = |stamp: Stamp| match stamp.since(expected) {
            place if place < run.len() as u64 => Stamp::from(first + place),
            _ => stamp,
        };
        for done in &mut self.done {
            done.before = done.before.map(moved);
            if let Some(after) = &mut done.after {
                after.stamp = moved(after.stamp);
            }
        }
    }

    /// Takes everything back.
    fn undo(&mut self, dropped: &mut Vec<Owned>) {
        let context = self.engine.replay_context();
        for (undo, (step, hash)) in self.undo.drain(..).zip(self.steps.iter().zip(self.hashes)).rev() {
            let (key, shard) = (step.op.key(), self.shards.of(*hash));
            for (ty, before) in undo.entries {
                let (op, prepared) = match &before {
                    None => (Op::Del { ty, key }, None),
                    Some(Before::Value(value)) => (Op::Put { key, value: value.as_value_ref() }, None),
                    // What is put is what was prepared.
                    Some(Before::Map(map)) => {
                        (Op::Put { key, value: ValueRef::Map(Strings::EMPTY) }, Some(Owned::Map(map.clone())))
                    }
                    Some(Before::Set(set)) => {
                        (Op::Put { key, value: ValueRef::Set(Strings::EMPTY) }, Some(Owned::Set(set.clone())))
                    }
                };
                let (expires, prepared) = (Expires::AsUsual, prepared.map(Prepared::Value));
                let mut call =
                    Call { op: &op, hash: *hash, context: &context, prepared, dropped, expires, replayed: None };
                // Only the log and the limits can refuse it, and there are none here.
                let _ = shard.execute(&mut call);
            }
            for (ty, facts) in undo.facts {
                shard.restore(*hash, ty, key, facts, self.engine.env());
            }
        }
    }
}

/// The value of the counter, if the step would lead it beyond its bounds.
fn beyond_bounds(shard: &Shard, step: &Step<'_>, hash: u64, context: &Context<'_>) -> Option<i64> {
    let (ty, by) = match step.op {
        Op::Incr { ty, .. } => (ty, 1),
        Op::IncrBy { ty, by, .. } => (ty, by),
        _ => return None,
    };
    if step.bounds == Bounds::default() {
        return None;
    }
    let value = value_of(shard, ty.into(), hash, step.op.key(), context);
    let before = value.and_then(|value| value.counter()).unwrap_or_default();
    (!step.bounds.allow(before, by)).then_some(before)
}

/// What is known of the entries that the operation may change.
fn all_facts_of(op: &Op<'_>, shard: &Shard, hash: u64, at: Micros) -> AllFacts {
    let types = ValueType::ALL.into_iter().filter(|ty| op.value_type().is_none_or(|of| of == *ty));
    types.filter_map(|ty| Some((ty, shard.facts(hash, ty, op.key(), at)?))).collect()
}

impl Undo {
    /// Of an operation that is about to be carried out. Also returns the bytes of what is kept for that.
    fn of(op: &Op<'_>, shard: &Shard, hash: u64, context: &Context<'_>) -> (Self, usize) {
        let (key, at) = (op.key(), context.at);
        let entry = |ty| {
            let before = match ty {
                ValueType::Map => shard.map(hash, key, at).map(Before::Map),
                ValueType::Set => shard.set(hash, key, at).map(Before::Set),
                _ => value_of(shard, ty, hash, key, context).map(Before::Value),
            };
            (ty, before)
        };
        let entries = match op.value_type() {
            // What is known of the entry is restored after every step.
            _ if !op.kind().writes() || matches!(op, Op::Touch { .. } | Op::Outcome { .. }) => Vec::new(),
            Some(ty) => vec![entry(ty)],
            None => ValueType::ALL.map(entry).into(),
        };
        let kept = match *op {
            // What does not change is shared.
            Op::SetAdd { members, .. } | Op::SetRem { members, .. } => members.as_bytes().len(),
            Op::MapSet { field, .. } | Op::MapDel { field, .. } => match entries.first() {
                Some((_, Some(Before::Map(map)))) => map.get(field).map_or(0, str::len),
                _ => 0,
            },
            _ => entries.iter().filter_map(|(_, before)| before.as_ref()).map(Before::bytes).sum(),
        };
        (Self { entries, facts: all_facts_of(op, shard, hash, at) }, kept)
    }
}

impl Before {
    fn bytes(&self) -> usize {
        match self {
            Self::Value(value) => value.packed_bytes(),
            Self::Map(map) => map.packed_bytes(),
            Self::Set(set) => set.packed_bytes(),
        }
    }
}
