//! One lock stripe: a table per value type, and how each operation is carried out.
//!
//! Every write has the same three steps: plan (look up, compute, check limits), log (append the record, get the lsn),
//! commit (change the slot). The first two may refuse; the third cannot fail. All three happen under the shard's lock, so
//! the log's order is the order of effects for every key. The shard is chosen by the key alone: all types of a key live
//! together, and deleting them all is one step.

use proto::strings::packed_bytes;
use proto::{CounterType, Key, Lsn, Op, Refusal, Reply, Strings, Text, Value, ValueType};

use crate::call::{Call, Context, Executed, outcome};
use crate::collection::{ITEM_BYTES, MapValue, SetValue};
use crate::slots::Stamp;
use crate::stored::{Counter, Owned, Stored};
use crate::table::{SlotIndex, Table};

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

impl Shard {
    pub(crate) fn execute(&mut self, mut call: Call<'_, '_>) -> Executed {
        let call = &mut call;
        match *call.op {
            Op::Get { ty, .. } => self.get(call.op, ty, call.hash, call.context),
            Op::Put { value, .. } => match call.value(value)? {
                Owned::Int(value) => put(&mut self.ints, value, call),
                Owned::Uint(value) => put(&mut self.uints, value, call),
                Owned::Float(value) => put(&mut self.floats, value, call),
                Owned::Str(value) => put(&mut self.strs, value, call),
                Owned::Map(value) => put(&mut self.maps, value, call),
                Owned::Set(value) => put(&mut self.sets, value, call),
            },
            Op::Del { ty, .. } => with_table!(&mut self, ty, table => delete(table, call)),
            Op::DelAll { key } => self.delete_all(key, call),
            Op::Incr { ty, .. } => self.increment(ty, 1, call),
            Op::IncrBy { ty, by, .. } => self.increment(ty, by, call),
            Op::SetAdd { members, .. } => add_members(&mut self.sets, members, call),
            Op::SetRem { members, .. } => remove_members(&mut self.sets, members, call),
            Op::SetHas { key, member } => {
                call.context.log_read(call.op);
                let has = self.sets.get(call.hash, key).map(|set| set.contains(member));
                outcome(has.map_or(Reply::NoEntry, Reply::Has), None)
            }
            Op::MapGet { key, field } => {
                call.context.log_read(call.op);
                let reply = match self.maps.get(call.hash, key) {
                    None => Reply::NoEntry,
                    Some(map) => map.get(field).map_or(Reply::NoField, |value| Reply::Field(value.into())),
                };
                outcome(reply, None)
            }
            Op::MapSet { field, value, .. } => set_field(&mut self.maps, field, value, call),
            Op::MapDel { field, .. } => remove_field(&mut self.maps, field, call),
        }
    }

    /// The most frequent operation, by itself so that [`crate::Engine`] can get to it without what writes need.
    #[inline]
    pub(crate) fn get(&self, op: &Op<'_>, ty: ValueType, hash: u64, context: &Context<'_>) -> Executed {
        context.log_read(op);
        let key = op.key();
        with_table!(&self, ty, table => match table.get(hash, key) {
            Some(value) => outcome(Reply::Value(value.to_value()), None),
            None => outcome(Reply::NoEntry, None),
        })
    }

    fn increment(&mut self, ty: CounterType, by: i64, call: &Call<'_, '_>) -> Executed {
        match ty {
            CounterType::Int => increment(&mut self.ints, ty, by, call),
            CounterType::Uint => increment(&mut self.uints, ty, by, call),
        }
    }

    fn delete_all(&mut self, key: Key<'_>, call: &mut Call<'_, '_>) -> Executed {
        let mut present = 0;
        for ty in ValueType::ALL {
            if with_table!(&self, ty, table => table.find(call.hash, key).is_some()) {
                present |= ty.bit();
            }
        }
        if present == 0 {
            return call.idle(Reply::Deleted(false));
        }
        let lsn = call.record(present)?;
        for ty in ValueType::ALL {
            with_table!(&mut self, ty, table => if let Some(found) = table.find(call.hash, key) {
                let value = table.remove(call.hash, found, call.context.env);
                call.discard(value);
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
        ValueType::ALL.into_iter().map(|ty| with_table!(&self, ty, table => table.len())).sum()
    }

    pub(crate) fn stamp(&self, hash: u64, ty: ValueType, key: Key<'_>) -> Option<Stamp> {
        with_table!(&self, ty, table => table.stamp(hash, key))
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

/// The last steps of a write that changes an entry, or creates it with `change` applied to the empty value: checks the memory that
/// the value's growth and a new slot take, records the write, changes the slot.
#[inline]
fn upsert<V: Stored, R>(
    table: &mut Table<V>,
    found: Option<SlotIndex>,
    value_growth: usize,
    effect: u32,
    call: &Call<'_, '_>,
    change: impl FnOnce(&mut V) -> R,
) -> Result<(R, Option<Lsn>), Refusal> {
    let (hash, key, env) = (call.hash, call.key(), call.context.env);
    match found {
        Some(found) => {
            call.admit(value_growth)?;
            let lsn = call.record(effect)?;
            Ok((table.update(found, lsn, env, change), lsn))
        }
        None => {
            call.admit(value_growth + table.insertion_bytes(hash, key))?;
            let lsn = call.record(effect)?;
            let mut value = V::default();
            let result = change(&mut value);
            table.insert(hash, key, value, lsn, env);
            Ok((result, lsn))
        }
    }
}

fn put<V: Stored>(table: &mut Table<V>, value: V, call: &mut Call<'_, '_>) -> Executed {
    let found = table.find(call.hash, call.key());
    let before = found.map_or(0, |found| table.value(found).heap_bytes());
    let growth = value.heap_bytes().saturating_sub(before);
    let (old, lsn) = upsert(table, found, growth, 0, call, |stored| std::mem::replace(stored, value))?;
    call.discard(old);
    outcome(Reply::Stored, lsn)
}

fn increment<C: Counter>(table: &mut Table<C>, ty: CounterType, by: i64, call: &Call<'_, '_>) -> Executed {
    let found = table.find(call.hash, call.key());
    let old = found.map(|found| *table.value(found)).unwrap_or_default();
    let before: i128 = old.into();
    // The sum of two 64-bit numbers fits into 128 bits.
    let new = C::try_from(before + i128::from(by));
    let new = new.map_err(|_| Refusal::Overflow { ty, before: before as i64, by })?;
    let ((), lsn) = upsert(table, found, 0, new.bits(), call, |stored| *stored = new)?;
    outcome(Reply::Value(old.to_value()), lsn)
}

fn delete<V: Stored>(table: &mut Table<V>, call: &mut Call<'_, '_>) -> Executed {
    let Some(found) = table.find(call.hash, call.key()) else {
        return call.idle(Reply::Deleted(false));
    };
    let lsn = call.record(0)?;
    let value = table.remove(call.hash, found, call.context.env);
    call.discard(value);
    outcome(Reply::Deleted(true), lsn)
}

fn add_members(table: &mut Table<SetValue>, members: Strings<'_>, call: &Call<'_, '_>) -> Executed {
    let found = table.find(call.hash, call.key());
    let set = found.map(|found| table.value(found));
    let is_new = |member: &&str| !set.is_some_and(|set| set.contains(member));
    let (items, more) = members
        .iter()
        .filter(is_new)
        .fold((0, 0), |(items, bytes), member| (items + 1, bytes + packed_bytes(member.len())));
    if more == 0 {
        return call.idle(Reply::Count(0));
    }
    call.check_size(set.map_or(0, SetValue::packed) + more)?;
    let (added, lsn) = upsert(table, found, more + items * ITEM_BYTES, 0, call, |set| set.add(members))?;
    outcome(Reply::Count(added), lsn)
}

fn remove_members(table: &mut Table<SetValue>, members: Strings<'_>, call: &Call<'_, '_>) -> Executed {
    match table.find(call.hash, call.key()) {
        Some(found) if members.iter().any(|member| table.value(found).contains(member)) => {
            let (removed, lsn) = upsert(table, Some(found), 0, 0, call, |set| set.remove(members))?;
            outcome(Reply::Count(removed), lsn)
        }
        _ => call.idle(Reply::Count(0)),
    }
}

fn set_field(table: &mut Table<MapValue>, field: &str, value: &str, call: &Call<'_, '_>) -> Executed {
    let found = table.find(call.hash, call.key());
    let empty = MapValue::default();
    let map = found.map_or(&empty, |found| table.value(found));
    call.check_size(map.packed_after_set(field, value))?;
    let growth = map.growth_after_set(field, value);
    let ((), lsn) = upsert(table, found, growth, 0, call, |map| map.set(field, value))?;
    outcome(Reply::Stored, lsn)
}

fn remove_field(table: &mut Table<MapValue>, field: &str, call: &Call<'_, '_>) -> Executed {
    match table.find(call.hash, call.key()) {
        Some(found) if table.value(found).get(field).is_some() => {
            let ((), lsn) = upsert(table, Some(found), 0, 0, call, |map| map.remove(field))?;
            outcome(Reply::Deleted(true), lsn)
        }
        _ => call.idle(Reply::Deleted(false)),
    }
}
