//! One lock stripe: a table per value type, and how each operation is carried out.
//!
//! Every write has the same three steps: plan (look up, compute, check limits), log (append the record, get the lsn),
//! commit (change the slot). The first two may refuse; the third cannot fail. All three happen under the shard's lock, so
//! the log's order is the order of effects for every key. The shard is chosen by the key alone: all types of a key live
//! together, and deleting them all is one step.

use proto::limits::MAX_VALUE_BYTES;
use proto::{
    CounterType, Effect, Key, Lsn, Micros, Op, Refusal, Reply, Strings, Text, TypeSet, Value, ValueRef, ValueType,
    packed_bytes,
};

use crate::collection::{ITEM_BYTES, MapValue, SetValue};
use crate::stored::{Counter, Owned, Stored};
use crate::table::Table;
use crate::{Env, Executed, LogBuffer, Outcome, RecordMode};

/// The entries whose keys hash to this stripe.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    ints: Table<i32>,
    uints: Table<u32>,
    floats: Table<f32>,
    strs: Table<Text>,
    maps: Table<MapValue>,
    sets: Table<SetValue>,
}

/// Evaluates `$body` with `$table` bound to the table of a value type, borrowed as the shard is.
macro_rules! with_table {
    (&mut $shard:ident, $($rest:tt)+) => { with_table!([&mut] $shard, $($rest)+) };
    (&$shard:ident, $($rest:tt)+) => { with_table!([&] $shard, $($rest)+) };
    ([$($borrow:tt)+] $shard:ident, $ty:expr, $table:ident => $body:expr) => {
        match $ty {
            ValueType::Int => {
                let $table = $($borrow)+ $shard.ints;
                $body
            }
            ValueType::Uint => {
                let $table = $($borrow)+ $shard.uints;
                $body
            }
            ValueType::Float => {
                let $table = $($borrow)+ $shard.floats;
                $body
            }
            ValueType::Str => {
                let $table = $($borrow)+ $shard.strs;
                $body
            }
            ValueType::Map => {
                let $table = $($borrow)+ $shard.maps;
                $body
            }
            ValueType::Set => {
                let $table = $($borrow)+ $shard.sets;
                $body
            }
        }
    };
}

/// What an operation needs besides the shard.
#[derive(Debug)]
pub(crate) struct Context<'e> {
    pub(crate) env: &'e Env,
    pub(crate) log: Option<&'e LogBuffer>,
    pub(crate) record: RecordMode,
    /// Whether limits apply: not during replay.
    pub(crate) limited: bool,
    pub(crate) at: Micros,
}

impl Context<'_> {
    /// Refuses if the memory limit does not leave `more` bytes.
    fn admit(&self, more: usize) -> Result<(), Refusal> {
        if self.limited { self.env.meter.admit(more) } else { Ok(()) }
    }

    /// Refuses if a value would be too large. What is in the log was not, by the limit of its time.
    fn check_size(&self, packed: usize) -> Result<(), Refusal> {
        if self.limited && packed > MAX_VALUE_BYTES { Err(Refusal::TooLarge(packed)) } else { Ok(()) }
    }

    /// Records a write that has an effect.
    fn log(&self, op: &Op<'_>, effect: Effect) -> Result<Option<Lsn>, Refusal> {
        self.log.map(|log| log.append(op, effect, self.at)).transpose()
    }

    /// Records a write that changes nothing, if everything is recorded.
    fn log_idle(&self, op: &Op<'_>) -> Result<Option<Lsn>, Refusal> {
        match self.record {
            RecordMode::Writes => Ok(None),
            RecordMode::All => match op {
                Op::DelAll { .. } => self.log(op, Effect::Types(TypeSet::EMPTY)),
                _ => self.log(op, Effect::None),
            },
        }
    }

    /// Records a read, if everything is recorded. Reads go on while the log takes nothing; the log counts what it missed.
    #[inline]
    fn log_read(&self, op: &Op<'_>) {
        if let (RecordMode::All, Some(log)) = (self.record, self.log) {
            log.append_read(op, self.at);
        }
    }
}

fn outcome(reply: Reply, lsn: Option<Lsn>) -> Executed {
    Ok(Outcome { reply, lsn })
}

impl Shard {
    /// Carries out `op`. `fresh` is the value of a put, built outside of the lock; a value that goes out of the shard is
    /// left in `garbage`, to be dropped outside of the lock.
    pub(crate) fn execute(
        &mut self,
        op: &Op<'_>,
        hash: u64,
        fresh: Option<Owned>,
        garbage: &mut Vec<Owned>,
        context: &Context<'_>,
    ) -> Executed {
        match *op {
            Op::Get { ty, key } => self.get(op, hash, ty, key, context),
            Op::Put { key, value } => match sized(value, fresh, context)? {
                Owned::Int(v) => put(&mut self.ints, op, hash, key, v, garbage, context),
                Owned::Uint(v) => put(&mut self.uints, op, hash, key, v, garbage, context),
                Owned::Float(v) => put(&mut self.floats, op, hash, key, v, garbage, context),
                Owned::Str(v) => put(&mut self.strs, op, hash, key, v, garbage, context),
                Owned::Map(v) => put(&mut self.maps, op, hash, key, v, garbage, context),
                Owned::Set(v) => put(&mut self.sets, op, hash, key, v, garbage, context),
            },
            Op::Del { ty, key } => with_table!(&mut self, ty, table => {
                let Some(found) = table.find(hash, key) else {
                    return outcome(Reply::Deleted(false), context.log_idle(op)?);
                };
                let lsn = context.log(op, Effect::None)?;
                discard(table.remove(hash, found, context.env), garbage);
                outcome(Reply::Deleted(true), lsn)
            }),
            Op::DelAll { key } => self.delete_all(op, hash, key, garbage, context),
            Op::Incr { ty, key } => self.increment(op, hash, ty, key, 1, context),
            Op::IncrBy { ty, key, by } => self.increment(op, hash, ty, key, by, context),
            Op::SetAdd { key, members } => add_members(&mut self.sets, op, hash, key, members, context),
            Op::SetRem { key, members } => {
                let found = self.sets.find(hash, key);
                match found {
                    Some(found) if members.iter().any(|m| self.sets.value(found).contains(m)) => {
                        let lsn = context.log(op, Effect::None)?;
                        let removed = self.sets.update(found, context.env, |set| set.remove(members));
                        outcome(Reply::Count(removed), lsn)
                    }
                    _ => outcome(Reply::Count(0), context.log_idle(op)?),
                }
            }
            Op::SetHas { key, member } => {
                context.log_read(op);
                let has = self.sets.get(hash, key).map(|set| set.contains(member));
                outcome(has.map_or(Reply::NoEntry, Reply::Has), None)
            }
            Op::MapGet { key, field } => {
                context.log_read(op);
                let reply = match self.maps.get(hash, key) {
                    None => Reply::NoEntry,
                    Some(map) => map.get(field).map_or(Reply::NoField, |value| Reply::Field(value.into())),
                };
                outcome(reply, None)
            }
            Op::MapSet { key, field, value } => set_field(&mut self.maps, op, hash, key, (field, value), context),
            Op::MapDel { key, field } => {
                let found = self.maps.find(hash, key);
                match found {
                    Some(found) if self.maps.value(found).get(field).is_some() => {
                        let lsn = context.log(op, Effect::None)?;
                        self.maps.update(found, context.env, |map| map.remove(field));
                        outcome(Reply::Deleted(true), lsn)
                    }
                    _ => outcome(Reply::Deleted(false), context.log_idle(op)?),
                }
            }
        }
    }

    /// The most frequent operation, by itself so that [`crate::Engine`] can get to it without what writes need.
    #[inline]
    pub(crate) fn get(&self, op: &Op<'_>, hash: u64, ty: ValueType, key: Key<'_>, context: &Context<'_>) -> Executed {
        context.log_read(op);
        with_table!(&self, ty, table => match table.get(hash, key) {
            Some(value) => outcome(Reply::Value(value.to_value()), None),
            None => outcome(Reply::NoEntry, None),
        })
    }

    fn increment(
        &mut self,
        op: &Op<'_>,
        hash: u64,
        ty: CounterType,
        key: Key<'_>,
        by: i64,
        context: &Context<'_>,
    ) -> Executed {
        match ty {
            CounterType::Int => increment(&mut self.ints, op, hash, (ty, key), by, context),
            CounterType::Uint => increment(&mut self.uints, op, hash, (ty, key), by, context),
        }
    }

    fn delete_all(
        &mut self,
        op: &Op<'_>,
        hash: u64,
        key: Key<'_>,
        garbage: &mut Vec<Owned>,
        context: &Context<'_>,
    ) -> Executed {
        let mut present = TypeSet::EMPTY;
        for ty in ValueType::ALL {
            if with_table!(&self, ty, table => table.find(hash, key).is_some()) {
                present.insert(ty);
            }
        }
        if present.is_empty() {
            return outcome(Reply::Deleted(false), context.log_idle(op)?);
        }
        let lsn = context.log(op, Effect::Types(present))?;
        for ty in ValueType::ALL {
            with_table!(&mut self, ty, table => if let Some(found) = table.find(hash, key) {
                discard(table.remove(hash, found, context.env), garbage);
            });
        }
        outcome(Reply::Deleted(true), lsn)
    }

    /// Whether the operation may have to move a table, which takes time.
    #[inline]
    pub(crate) fn is_about_to_grow(&self, op: &Op<'_>) -> bool {
        op.value_type().is_some_and(|ty| with_table!(&self, ty, table => table.is_full()))
    }

    pub(crate) fn len(&self) -> usize {
        let Self { ints, uints, floats, strs, maps, sets } = self;
        ints.len() + uints.len() + floats.len() + strs.len() + maps.len() + sets.len()
    }

    pub(crate) fn version(&self, hash: u64, ty: ValueType, key: Key<'_>) -> Option<u32> {
        with_table!(&self, ty, table => table.version(hash, key))
    }

    pub(crate) fn for_each(&self, visit: &mut impl FnMut(ValueType, &str, Value)) {
        for ty in ValueType::ALL {
            with_table!(&self, ty, table => table.iter().for_each(|(key, value)| visit(ty, key, value.to_value())));
        }
    }

    #[inline]
    pub(crate) fn prefetch_index(&self, hash: u64, ty: Option<ValueType>) {
        if let Some(ty) = ty {
            with_table!(&self, ty, table => table.prefetch_index(hash));
        }
    }

    #[inline]
    pub(crate) fn prefetch_slot(&self, hash: u64, ty: Option<ValueType>) {
        if let Some(ty) = ty {
            with_table!(&self, ty, table => table.prefetch_slot(hash));
        }
    }

    #[inline]
    pub(crate) fn prefetch_text(&self, hash: u64) {
        self.strs.prefetch_value(hash);
    }
}

/// Leaves a value's memory to be freed outside of the lock, if it has any.
fn discard<V: Stored>(value: V, garbage: &mut Vec<Owned>) {
    if value.heap_bytes() > 0 {
        garbage.push(value.into_owned());
    }
}

fn put<V: Stored>(
    table: &mut Table<V>,
    op: &Op<'_>,
    hash: u64,
    key: Key<'_>,
    value: V,
    garbage: &mut Vec<Owned>,
    context: &Context<'_>,
) -> Executed {
    let bytes = value.heap_bytes();
    let Some(found) = table.find(hash, key) else {
        context.admit(table.insertion_bytes(hash, key) + bytes)?;
        let lsn = context.log(op, Effect::None)?;
        table.insert(hash, key, value, context.env);
        return outcome(Reply::Stored, lsn);
    };
    context.admit(bytes.saturating_sub(table.value(found).heap_bytes()))?;
    let lsn = context.log(op, Effect::None)?;
    let old = table.update(found, context.env, |stored| std::mem::replace(stored, value));
    discard(old, garbage);
    outcome(Reply::Stored, lsn)
}

fn increment<C: Counter>(
    table: &mut Table<C>,
    op: &Op<'_>,
    hash: u64,
    (ty, key): (CounterType, Key<'_>),
    by: i64,
    context: &Context<'_>,
) -> Executed {
    let found = table.find(hash, key);
    let old = found.map(|found| *table.value(found)).unwrap_or_default();
    let before: i64 = old.into();
    let overflow = Refusal::Overflow { ty, before, by };
    let new = old.plus(by).ok_or(overflow)?;
    context.admit(if found.is_some() { 0 } else { table.insertion_bytes(hash, key) })?;
    let lsn = context.log(op, new.effect())?;
    match found {
        Some(found) => table.update(found, context.env, |stored| *stored = new),
        None => table.insert(hash, key, new, context.env),
    }
    outcome(Reply::Value(old.to_value()), lsn)
}

fn add_members(
    table: &mut Table<SetValue>,
    op: &Op<'_>,
    hash: u64,
    key: Key<'_>,
    members: Strings<'_>,
    context: &Context<'_>,
) -> Executed {
    let found = table.find(hash, key);
    let set = found.map(|found| table.value(found));
    let is_new = |member: &&str| !set.is_some_and(|set| set.contains(member));
    let (items, more) = members
        .iter()
        .filter(is_new)
        .fold((0, 0), |(items, bytes), member| (items + 1, bytes + packed_bytes(member.len())));
    if more == 0 {
        return outcome(Reply::Count(0), context.log_idle(op)?);
    }
    context.check_size(set.map_or(0, SetValue::packed) + more)?;
    context.admit(more + items * ITEM_BYTES + if found.is_some() { 0 } else { table.insertion_bytes(hash, key) })?;
    let lsn = context.log(op, Effect::None)?;
    let added = match found {
        Some(found) => table.update(found, context.env, |set| set.add(members)),
        None => {
            let mut set = SetValue::default();
            let added = set.add(members);
            table.insert(hash, key, set, context.env);
            added
        }
    };
    outcome(Reply::Count(added), lsn)
}

fn set_field(
    table: &mut Table<MapValue>,
    op: &Op<'_>,
    hash: u64,
    key: Key<'_>,
    (field, value): (&str, &str),
    context: &Context<'_>,
) -> Executed {
    let found = table.find(hash, key);
    let empty = MapValue::default();
    let map = found.map_or(&empty, |found| table.value(found));
    context.check_size(map.packed_after_set(field, value))?;
    context.admit(
        map.growth_after_set(field, value) + if found.is_some() { 0 } else { table.insertion_bytes(hash, key) },
    )?;
    let lsn = context.log(op, Effect::None)?;
    match found {
        Some(found) => table.update(found, context.env, |map| map.set(field, value)),
        None => {
            let mut map = MapValue::default();
            map.set(field, value);
            table.insert(hash, key, map, context.env);
        }
    }
    outcome(Reply::Stored, lsn)
}

/// The value of a put, if it is not too large: `fresh`, which was built outside of the lock, or built now.
fn sized(value: ValueRef<'_>, fresh: Option<Owned>, context: &Context<'_>) -> Result<Owned, Refusal> {
    context.check_size(value.packed_bytes())?;
    Ok(fresh.unwrap_or_else(|| value.into()))
}
