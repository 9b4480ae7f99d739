//! One lock stripe: a table per value type, and the execution of each operation.
//!
//! Every write has the same three steps: plan (look up, compute, check limits), log (append the record, get the lsn),
//! commit (change the slot). The first two may fail; the third cannot. All three happen under the shard's lock, so for
//! every key the order of the log is the order of effects. The key alone selects the shard. So all types of a key are
//! in the same shard, and deleting them all is one step.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use proto::{Counter, Effect, Key, Lsn, Micros, Op, Refusal, Reply, Strings, TypeSet, Value, ValueRef, ValueType};

use crate::call::{Call, Context, Executed, outcome};
use crate::collection::{Blocks, Edit, MapValue, SetValue, Sorted};
use crate::env::Env;
use crate::expiry::{DEADLINE_BYTES, Facts};
use crate::items::{in_order, packed_item};
use crate::meter::Usage;
use crate::slots::{SlotIndex, Stamp};
use crate::stored::{Owned, Prepared, Stored, edit_members, slot};
use crate::table::Table;

/// How a type is incremented, from its row in the table of types.
macro_rules! increment_of {
    (counter, $table:expr, $by:ident, $call:ident) => {
        increment(&mut $table, $by, $call)
    };
    ($other:ident, $table:expr, $by:ident, $call:ident) => {
        unreachable!("{:?} increments a type that is not a counter", $call.op)
    };
}

/// How a value of a type is put: a number as it is, any other as it was built outside the lock.
macro_rules! put_of {
    (fixed, $variant:ident, $table:expr, $value:ident, $call:ident) => {
        put(&mut $table, $value, $call)
    };
    (variable, $variant:ident, $table:expr, $value:ident, $call:ident) => {{
        $call.check_size(ValueRef::$variant($value).packed_bytes())?;
        match $call.prepared.take() {
            Some(Prepared::Value(Owned::$variant(value))) => put(&mut $table, value, $call),
            _ => put(&mut $table, $value.into(), $call),
        }
    }};
}

macro_rules! shard {
    ($($(#[$doc:meta])* (
        $code:literal, $variant:ident, $name:literal, $field:ident, $owned:ty, $borrowed:ty, $packed:ty,
        $size:ident, $operations:ident, $keys:literal, $transactions:literal
    ))*) => {
        /// The entries whose keys hash to this stripe.
        #[derive(Debug, Default)]
        pub(crate) struct Shard {
            $($field: Table<slot::$variant>,)*
        }

        /// What every type does in its own table.
        impl Shard {
            /// The most frequent operation, separate so that [`crate::Engine`] can call it without the setup that
            /// writes need.
            #[inline]
            pub(crate) fn get(&self, op: &Op<'_>, ty: ValueType, hash: u64, context: &Context<'_>) -> Executed {
                context.log_read(op);
                let key = op.key();
                match ty {
                    $(ValueType::$variant => match self.$field.get(hash, key, context.at) {
                        Some(value) => outcome(Reply::Value(value.to_value()), None),
                        None => outcome(Reply::NoEntry, None),
                    },)*
                }
            }

            /// What a large collection consists of, to be read with the shard unlocked.
            pub(crate) fn shared(&self, ty: ValueType, hash: u64, key: Key<'_>, at: Micros) -> Option<Arc<Blocks>> {
                match ty {
                    $(ValueType::$variant => self.$field.get(hash, key, at).and_then(Stored::shared),)*
                }
            }

            #[inline]
            fn put(&mut self, value: ValueRef<'_>, call: &mut Call<'_, '_>) -> Executed {
                match value {
                    $(ValueRef::$variant(value) => put_of!($size, $variant, self.$field, value, call),)*
                }
            }

            fn delete(&mut self, ty: ValueType, call: &mut Call<'_, '_>) -> Executed {
                match ty {
                    $(ValueType::$variant => delete(&mut self.$field, call),)*
                }
            }

            fn touch(&mut self, ty: ValueType, call: &mut Call<'_, '_>) -> Executed {
                match ty {
                    $(ValueType::$variant => touch(&mut self.$field, call),)*
                }
            }

            fn increment(&mut self, ty: ValueType, by: i64, call: &mut Call<'_, '_>) -> Executed {
                match ty {
                    $(ValueType::$variant => increment_of!($operations, self.$field, by, call),)*
                }
            }

            /// The types that have an entry for the key.
            fn types_of(&self, hash: u64, key: Key<'_>, at: Micros) -> TypeSet {
                let mut types = TypeSet::EMPTY;
                $(if self.$field.find(hash, key, at).is_some() {
                    types.insert(ValueType::$variant);
                })*
                types
            }

            /// Removes the key from every type.
            fn remove_all(&mut self, call: &mut Call<'_, '_>) {
                $(if let Some(found) = self.$field.find(call.hash, call.key(), call.context.at) {
                    let value = self.$field.remove(call.hash, found, call.context.env);
                    call.discard(value);
                })*
            }

            pub(crate) fn fit(&mut self, env: &Env) {
                $(self.$field.fit(env);)*
            }

            pub(crate) fn len(&self) -> usize {
                0 $(+ self.$field.len())*
            }

            /// Adds what each type uses to `usage`.
            pub(crate) fn add_usage(&self, usage: &mut [Usage; ValueType::ALL.len()]) {
                let tables = [$((self.$field.len(), self.$field.expiring(), self.$field.bytes()),)*];
                for (usage, (entries, expiring, bytes)) in usage.iter_mut().zip(tables) {
                    usage.entries += entries;
                    usage.expiring += expiring;
                    usage.bytes += bytes;
                }
            }

            pub(crate) fn facts(&self, hash: u64, ty: ValueType, key: Key<'_>, at: Micros) -> Option<Facts> {
                match ty {
                    $(ValueType::$variant => self.$field.facts(hash, key, at),)*
                }
            }

            /// Makes these true of the entry, if there is one.
            pub(crate) fn restore(&mut self, hash: u64, ty: ValueType, key: Key<'_>, facts: Facts, env: &Env) {
                match ty {
                    $(ValueType::$variant => self.$field.restore(hash, key, facts, env),)*
                }
            }

            /// Removes the entry of this type, or of all, if it has expired.
            pub(crate) fn expire(
                &mut self,
                ty: Option<ValueType>,
                hash: u64,
                key: Key<'_>,
                context: &Context<'_>,
                dropped: &mut Vec<Owned>,
            ) -> Result<(), Refusal> {
                $(if ty.is_none_or(|ty| ty == ValueType::$variant)
                    && let Some(found) = self.$field.find_due(hash, key, context.at)
                {
                    expire(&mut self.$field, ValueType::$variant, found, hash, context, dropped)?;
                })*
                Ok(())
            }

            /// Removes up to `most` entries that have expired, those that did first. Returns how many.
            pub(crate) fn sweep(
                &mut self,
                most: usize,
                context: &Context<'_>,
                dropped: &mut Vec<Owned>,
            ) -> Result<usize, Refusal> {
                let mut swept = 0;
                $(while swept < most && let Some(found) = self.$field.first_due(context.at) {
                    let hash = context.env.hash(self.$field.key(found).as_bytes());
                    expire(&mut self.$field, ValueType::$variant, found, hash, context, dropped)?;
                    swept += 1;
                })*
                Ok(swept)
            }

            /// Gives the entry, if there is one, this stamp.
            pub(crate) fn restamp(&mut self, hash: u64, ty: ValueType, key: Key<'_>, stamp: Stamp) {
                match ty {
                    $(ValueType::$variant => self.$field.restamp(hash, key, stamp),)*
                }
            }

            pub(crate) fn for_each(&self, visit: &mut impl FnMut(ValueType, &str, Value)) {
                $(self.$field.iter().for_each(|(key, value)| visit(ValueType::$variant, key, value.to_value()));)*
            }

            /// Passes a run of entries of a type to `visit`; see [`Table::walk`].
            pub(crate) fn walk(
                &self,
                ty: ValueType,
                from: u64,
                env: &Env,
                visit: &mut impl FnMut(Key<'_>, Value, Facts),
            ) -> Option<u64> {
                self.list(ty, from, env, &mut |key, facts, value| visit(key, value(), facts))
            }

            /// Passes a run of entries of a type to `visit`, each with what makes its value; see [`Table::walk`].
            pub(crate) fn list(
                &self,
                ty: ValueType,
                from: u64,
                env: &Env,
                visit: &mut impl FnMut(Key<'_>, Facts, &dyn Fn() -> Value),
            ) -> Option<u64> {
                match ty {
                    $(ValueType::$variant => {
                        self.$field.walk(from, env, &mut |key, value, facts| visit(key, facts, &|| value.to_value()))
                    })*
                }
            }

            #[inline]
            pub(crate) fn prefetch_index(&self, hash: u64, ty: Option<ValueType>) {
                match ty {
                    $(Some(ValueType::$variant) => self.$field.prefetch_index(hash),)*
                    None => {}
                }
            }

            #[inline]
            pub(crate) fn prefetch_slot(&self, hash: u64, ty: Option<ValueType>) {
                match ty {
                    $(Some(ValueType::$variant) => self.$field.prefetch_slot(hash),)*
                    None => {}
                }
            }
        }
    };
}
proto::for_each_value_type!(shard);

impl Shard {
    pub(crate) fn execute(&mut self, call: &mut Call<'_, '_>) -> Executed {
        let at = call.context.at;
        match *call.op {
            Op::Get { ty, .. } => self.get(call.op, ty, call.hash, call.context),
            Op::Put { value, .. } => self.put(value, call),
            Op::Del { ty, .. } | Op::Expire { ty, .. } => self.delete(ty, call),
            Op::Touch { ty, .. } => self.touch(ty, call),
            Op::DelAll { .. } => self.delete_all(call),
            Op::Incr { ty, .. } => self.increment(ty.into(), 1, call),
            Op::IncrBy { ty, by, .. } => self.increment(ty.into(), by, call),
            Op::SetAdd { members, .. } => change_members(&mut self.sets, members, true, call),
            Op::SetRem { members, .. } => change_members(&mut self.sets, members, false, call),
            Op::SetHas { key, member } => {
                call.context.log_read(call.op);
                let has = self.sets.get(call.hash, key, at).map(|set| set.contains(member));
                outcome(has.map_or(Reply::NoEntry, Reply::Has), None)
            }
            Op::MapGet { key, field } => {
                call.context.log_read(call.op);
                let reply = match self.maps.get(call.hash, key, at) {
                    None => Reply::NoEntry,
                    Some(map) => map.get(field).map_or(Reply::NoField, |value| Reply::Field(value.into())),
                };
                outcome(reply, None)
            }
            Op::MapSet { field, value, .. } => set_field(&mut self.maps, field, value, call),
            Op::MapDel { field, .. } => remove_field(&mut self.maps, field, call),
            // It is about no entry; the table of outcomes takes it.
            Op::Outcome { .. } => outcome(Reply::Stored, None),
        }
    }

    fn delete_all(&mut self, call: &mut Call<'_, '_>) -> Executed {
        self.expire(None, call.hash, call.key(), call.context, call.dropped)?;
        let types = self.types_of(call.hash, call.key(), call.context.at);
        if types.is_empty() {
            return call.idle(Reply::Deleted(false), None);
        }
        let lsn = call.record(Effect::Types(types), None)?;
        self.remove_all(call);
        outcome(Reply::Deleted(true), lsn)
    }

    /// A map, as it is now.
    pub(crate) fn map(&self, hash: u64, key: Key<'_>, at: Micros) -> Option<MapValue> {
        self.maps.get(hash, key, at).cloned()
    }

    /// A set, as it is now.
    pub(crate) fn set(&self, hash: u64, key: Key<'_>, at: Micros) -> Option<SetValue> {
        self.sets.get(hash, key, at).cloned()
    }

    /// Whether what was prepared for a set fits the set that is there.
    pub(crate) fn fits(&self, prepared: &Prepared<'_>, hash: u64, key: Key<'_>, at: Micros) -> bool {
        match (prepared, self.sets.get(hash, key, at)) {
            (Prepared::Members(members), Some(set)) => members.fits(set),
            (Prepared::Members(members), None) => members.fits(&SetValue::default()),
            (Prepared::Value(_), _) => true,
        }
    }

    #[inline]
    pub(crate) fn prefetch_text(&self, hash: u64) {
        self.strs.prefetch_value(hash);
    }
}

/// The entry that a write is about. One that has expired is removed first, which has a record of its own.
#[inline(always)]
fn find<V: Stored>(table: &mut Table<V>, call: &mut Call<'_, '_>) -> Result<Option<SlotIndex>, Refusal> {
    match table.find_any(call.hash, call.key()) {
        Some(found) if table.is_due(found, call.context.at) => {
            let ty = call.op.value_type().expect("the operation is about an entry of one type");
            expire(table, ty, found, call.hash, call.context, call.dropped).map(|()| None)
        }
        found => Ok(found),
    }
}

/// Removes an entry that has expired, and records that.
#[cold]
fn expire<V: Stored>(
    table: &mut Table<V>,
    ty: ValueType,
    found: SlotIndex,
    hash: u64,
    context: &Context<'_>,
    dropped: &mut Vec<Owned>,
) -> Result<(), Refusal> {
    context.record(&Op::Expire { ty, key: table.key(found) }, Effect::None, None)?;
    dropped.extend(table.remove(hash, found, context.env).into_owned());
    context.env.expired.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// The last steps of a write that changes an entry, or creates it by applying `change` to the empty value: checks the
/// memory for the value's growth and a new slot, records the write, changes the slot.
#[inline]
fn upsert<V: Stored, R>(
    table: &mut Table<V>,
    found: Option<SlotIndex>,
    value_growth: usize,
    effect: Effect,
    call: &Call<'_, '_>,
    change: impl FnOnce(&mut V) -> R,
) -> Result<(R, Option<Lsn>), Refusal> {
    let (hash, key, env) = (call.hash, call.key(), call.context.env);
    let before = expires_of(table, found);
    let expires = call.expires_after(before);
    let value_growth = if before.is_none() && expires.is_some() { value_growth + DEADLINE_BYTES } else { value_growth };
    match found {
        Some(found) => {
            call.admit(value_growth)?;
            let lsn = call.record(effect, expires)?;
            Ok((table.update(found, lsn, expires, call.replayed.is_some(), env, change), lsn))
        }
        None => {
            call.admit(value_growth + table.insertion_bytes(hash, key, env))?;
            let lsn = call.record(effect, expires)?;
            let mut value = V::default();
            let result = change(&mut value);
            table.insert(hash, key, value, lsn, expires, env);
            Ok((result, lsn))
        }
    }
}

fn put<V: Stored>(table: &mut Table<V>, value: V, call: &mut Call<'_, '_>) -> Executed {
    let found = find(table, call)?;
    let before = found.map_or(0, |found| table.value(found).heap_bytes());
    let growth = value.heap_bytes().saturating_sub(before);
    let (old, lsn) = upsert(table, found, growth, Effect::None, call, |stored| std::mem::replace(stored, value))?;
    call.discard(old);
    outcome(Reply::Stored, lsn)
}

fn increment<C: Stored + Counter + Into<i64>>(table: &mut Table<C>, by: i64, call: &mut Call<'_, '_>) -> Executed {
    let found = find(table, call)?;
    let old = found.map(|found| *table.value(found)).unwrap_or_default();
    let new = old.plus(by).ok_or_else(|| Refusal::Overflow { ty: C::TYPE, before: old.into(), by })?;
    let ((), lsn) = upsert(table, found, 0, new.effect(), call, |stored| *stored = new)?;
    outcome(Reply::Value(old.to_value()), lsn)
}

fn delete<V: Stored>(table: &mut Table<V>, call: &mut Call<'_, '_>) -> Executed {
    let Some(found) = find(table, call)? else {
        return call.idle(Reply::Deleted(false), None);
    };
    let lsn = call.record(Effect::None, None)?;
    let value = table.remove(call.hash, found, call.context.env);
    call.discard(value);
    outcome(Reply::Deleted(true), lsn)
}

/// Changes nothing but when the entry expires.
fn touch<V: Stored>(table: &mut Table<V>, call: &mut Call<'_, '_>) -> Executed {
    let Some(found) = find(table, call)? else {
        return call.idle(Reply::NoEntry, None);
    };
    let ((), lsn) = upsert(table, Some(found), 0, Effect::None, call, |_| ())?;
    outcome(Reply::Stored, lsn)
}

/// When an entry expires that may be there.
fn expires_of<V: Stored>(table: &Table<V>, found: Option<SlotIndex>) -> Option<Micros> {
    found.and_then(|found| table.expires(found))
}

/// The last steps of a change of a collection.
fn change<const N: usize>(
    table: &mut Table<Sorted<N>>,
    found: Option<SlotIndex>,
    edit: Edit<N>,
    call: &mut Call<'_, '_>,
) -> Result<Option<Lsn>, Refusal>
where
    Sorted<N>: Stored,
{
    call.check_size(edit.packed_bytes())?;
    let before = found.map_or(0, |found| table.value(found).heap_bytes());
    let growth = edit.heap_bytes().saturating_sub(before);
    let (old, lsn) = upsert(table, found, growth, Effect::None, call, |collection| collection.apply(edit))?;
    call.discard(old);
    Ok(lsn)
}

/// Adds members to a set, or removes them.
fn change_members(table: &mut Table<SetValue>, members: Strings<'_>, adds: bool, call: &mut Call<'_, '_>) -> Executed {
    let found = find(table, call)?;
    let empty = SetValue::default();
    let set = found.map_or(&empty, |found| table.value(found));
    let edit = match call.prepared.take() {
        Some(Prepared::Members(members)) => members.into_edit(set),
        _ => edit_members(set, &in_order::<1>(members), adds),
    };
    let count = edit.count();
    let lsn = match count {
        0 => return call.idle(Reply::Count(0), expires_of(table, found)),
        _ => change(table, found, edit, call)?,
    };
    outcome(Reply::Count(count), lsn)
}

fn set_field(table: &mut Table<MapValue>, field: &str, value: &str, call: &mut Call<'_, '_>) -> Executed {
    let found = find(table, call)?;
    let empty = MapValue::default();
    let map = found.map_or(&empty, |found| table.value(found));
    let edit = map.putting(packed_item([field, value]).as_strings().as_bytes());
    outcome(Reply::Stored, change(table, found, edit, call)?)
}

fn remove_field(table: &mut Table<MapValue>, field: &str, call: &mut Call<'_, '_>) -> Executed {
    let found = find(table, call)?;
    let names = packed_item([field]);
    let edit = found.map(|found| table.value(found).removing(names.as_strings().as_bytes()));
    match edit {
        Some(edit) if edit.count() > 0 => outcome(Reply::Deleted(true), change(table, found, edit, call)?),
        _ => call.idle(Reply::Deleted(false), expires_of(table, found)),
    }
}
