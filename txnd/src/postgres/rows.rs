//! Records as rows of the tables.

use hashbrown::HashMap;
use proto::{Batch, Chain, Effect, Lsn, Op, OpKind, Record, StringsBuf, TypeSet, ValueType};
use serde::Serializer;

use super::binary::{Rows, timestamp};
use super::column;
use super::keys::{KeyId, KeyIds};
use super::tables::{self, KEY_TABLE, OUTCOME_TABLE, TABLE_COUNT, TYPES};

/// The rows to store in one database transaction.
#[derive(Debug)]
pub(super) struct Group {
    /// For each of [`TABLES`].
    pub(super) transactions: [Rows; TABLE_COUNT],
    /// New keys for each of [`tables::KEYS`].
    pub(super) keys: [Rows; TYPES],
    /// For [`tables::ATOMIC_BATCHES`].
    pub(super) atomic_batches: Rows,
    /// For each type, the keys to look up in the database.
    unresolved: [Vec<Unresolved>; TYPES],
    /// Keys with a resolved id: type, key, id.
    pub(super) resolved: Vec<(usize, Box<str>, i64)>,
    /// The end of the log after these rows; `None` if there are none.
    pub(super) end: Option<Chain>,
    /// For each type, the id of the next new key after these rows. Set when the group is handed over.
    pub(super) next_ids: [i64; TYPES],
}

/// A row of transactions without the id of its key.
#[derive(Debug)]
struct Unresolved {
    key: Box<str>,
    /// The position of the id in the rows.
    at: usize,
}

impl Group {
    pub(super) fn new() -> Self {
        Self {
            transactions: Default::default(),
            keys: Default::default(),
            atomic_batches: Rows::default(),
            unresolved: Default::default(),
            resolved: Vec::new(),
            end: None,
            next_ids: [1; TYPES],
        }
    }

    /// Bytes of rows.
    pub(super) fn bytes(&self) -> usize {
        let unresolved = self.unresolved.iter().flatten().map(|row| size_of::<Unresolved>() + row.key.len());
        self.transactions
            .iter()
            .chain(&self.keys)
            .chain([&self.atomic_batches])
            .map(|rows| rows.bytes.len())
            .sum::<usize>()
            + unresolved.sum::<usize>()
    }

    /// Clears it, but keeps some memory.
    pub(super) fn clear(&mut self) {
        self.transactions.iter_mut().chain(&mut self.keys).chain([&mut self.atomic_batches]).for_each(Rows::clear);
        (self.unresolved, self.resolved, self.end) = Default::default();
    }

    /// Adds the rows of `batch`, or none of them if one of its records cannot be stored.
    pub(super) fn add(&mut self, batch: &Batch, end: Chain, keys: &mut KeyIds) -> Result<(), &'static str> {
        let marks = self.transactions.each_ref().map(|rows| rows.bytes.len());
        let key_marks = self.keys.each_ref().map(|rows| rows.bytes.len());
        let unresolved_marks = self.unresolved.each_ref().map(Vec::len);
        let atomic_mark = self.atomic_batches.bytes.len();
        let next = keys.next;
        let mut step_end = 0;
        let added = batch.records().try_for_each(|record| match record {
            Ok(record) => {
                self.add_step(&record, &mut step_end);
                self.add_record(&record, keys)
            }
            Err(_) => Err("a record in it cannot be read"),
        });
        if added.is_err() {
            self.transactions.iter_mut().zip(marks).for_each(|(rows, mark)| rows.bytes.truncate(mark));
            self.keys.iter_mut().zip(key_marks).for_each(|(rows, mark)| rows.bytes.truncate(mark));
            self.unresolved.iter_mut().zip(unresolved_marks).for_each(|(rows, mark)| rows.truncate(mark));
            self.atomic_batches.bytes.truncate(atomic_mark);
            keys.rewind(next);
            return added;
        }
        self.end = Some(end);
        Ok(())
    }

    /// The keys of a type without an id in the rows, each once.
    pub(super) fn unresolved_keys(&self, ty: usize) -> Vec<&str> {
        let mut keys: Vec<&str> = self.unresolved[ty].iter().map(|row| &*row.key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Fills in the ids of the keys of a type that the database has. Other keys are new, get the next ids, and become the
    /// only rows of [`Self::keys`].
    pub(super) fn resolve(&mut self, ty: usize, mut ids: HashMap<Box<str>, i64>) {
        self.keys[ty].clear();
        for Unresolved { key, at } in std::mem::take(&mut self.unresolved[ty]) {
            let id = *ids.entry(key).or_insert_with_key(|key| {
                let id = self.next_ids[ty];
                self.next_ids[ty] += 1;
                self.keys[ty].key(id, key);
                id
            });
            self.transactions[ty].bytes[at..at + 8].copy_from_slice(&id.to_be_bytes());
        }
        self.resolved.extend(ids.into_iter().map(|(key, id)| (ty, key, id)));
    }

    /// Adds the row of the step that begins with `record`, if it has more than one. The step before ended at `step_end`.
    fn add_step(&mut self, record: &Record<'_>, step_end: &mut Lsn) {
        if record.options.following > 0 && record.lsn > *step_end {
            *step_end = record.lsn + u64::from(record.options.following);
            self.atomic_batches.begin(2);
            self.atomic_batches.bigint(record.lsn.cast_signed());
            self.atomic_batches.bigint(step_end.cast_signed());
        }
    }

    fn add_record(&mut self, record: &Record<'_>, keys: &mut KeyIds) -> Result<(), &'static str> {
        let head = Head { lsn: record.lsn, kind: record.op.kind(), at: timestamp(record.at)? };
        let Some(ty) = record.op.value_type() else {
            return match record.op {
                Op::Outcome { .. } => self.add_outcome(head, record),
                _ => self.add_deletion(head, record, keys),
            };
        };
        let key = self.key_id(ty, record.op.key().as_str(), keys);
        let rows = &mut self.transactions[tables::index(ty)];
        let has_operand = tables::has_operand(ty);
        rows.begin(if has_operand { 7 } else { 6 });
        head.write(rows);
        self.unresolved[tables::index(ty)].extend(key.write(rows));
        match (record.op, record.effect.value()) {
            (Op::Put { value, .. }, _) | (_, Some(value)) => column::write(rows, value),
            (Op::MapSet { value, .. }, _) => rows.jsonb(|json| json.serialize_str(value)),
            _ => rows.null(),
        }
        match record.op {
            Op::Incr { .. } => rows.bigint(1),
            Op::IncrBy { by, .. } => rows.bigint(by),
            Op::SetAdd { members, .. } | Op::SetRem { members, .. } => rows.text_array(members),
            Op::SetHas { member, .. } => rows.text_array(StringsBuf::from_iter([member]).as_strings()),
            Op::MapGet { field, .. } | Op::MapSet { field, .. } | Op::MapDel { field, .. } => {
                rows.field(field.as_bytes())
            }
            _ if has_operand => rows.null(),
            _ => {}
        }
        rows.bigint(head.at);
        rows.time(record.options.expires)
    }

    /// A row in the table of del-all, and one in the table of each type that had the key.
    fn add_deletion(&mut self, head: Head, record: &Record<'_>, keys: &mut KeyIds) -> Result<(), &'static str> {
        let key = record.op.key().as_str();
        let types = match record.effect {
            Effect::Types(types) => types,
            _ => TypeSet::EMPTY,
        };
        let mut names = StringsBuf::default();
        for ty in types.iter() {
            names.push(ty.name());
            let has_operand = tables::has_operand(ty);
            let id = self.key_id(ty, key, keys);
            let rows = &mut self.transactions[tables::index(ty)];
            rows.begin(if has_operand { 7 } else { 6 });
            head.write(rows);
            self.unresolved[tables::index(ty)].extend(id.write(rows));
            (0..if has_operand { 2 } else { 1 }).for_each(|_| rows.null());
            rows.bigint(head.at);
            rows.null();
        }
        let rows = &mut self.transactions[KEY_TABLE];
        rows.begin(5);
        head.write(rows);
        rows.field(key.as_bytes());
        rows.text_array(names.as_strings());
        rows.bigint(head.at);
        Ok(())
    }

    fn add_outcome(&mut self, head: Head, record: &Record<'_>) -> Result<(), &'static str> {
        let Op::Outcome { key, fingerprint, outcome } = record.op else { return Err("it is no outcome") };
        let rows = &mut self.transactions[OUTCOME_TABLE];
        rows.begin(6);
        rows.bigint(head.lsn.cast_signed());
        [key.as_bytes(), fingerprint, outcome].into_iter().for_each(|field| rows.field(field));
        rows.bigint(head.at);
        rows.time(record.options.expires)
    }

    /// The id of `key`, which is added to the new keys if necessary.
    fn key_id<'k>(&mut self, ty: ValueType, key: &'k str, keys: &mut KeyIds) -> RowKey<'k> {
        let ty = tables::index(ty);
        match keys.id_of(ty, key) {
            KeyId::Known(id) => RowKey::Id(id),
            KeyId::New(id) => {
                self.keys[ty].key(id, key);
                RowKey::Id(id)
            }
            KeyId::Unknown => RowKey::Unresolved(key),
        }
    }
}

/// How a row of transactions refers to its key.
#[derive(Clone, Copy)]
enum RowKey<'k> {
    Id(i64),
    Unresolved(&'k str),
}

impl RowKey<'_> {
    /// Writes the id, or leaves space for it.
    fn write(self, rows: &mut Rows) -> Option<Unresolved> {
        let (id, unresolved) = match self {
            Self::Id(id) => (id, None),
            // The field's length comes first.
            Self::Unresolved(key) => (0, Some(Unresolved { key: key.into(), at: rows.bytes.len() + 4 })),
        };
        rows.bigint(id);
        unresolved
    }
}

/// The first columns of every row of transactions, and its time.
#[derive(Clone, Copy)]
struct Head {
    lsn: Lsn,
    kind: OpKind,
    at: i64,
}

impl Head {
    fn write(self, rows: &mut Rows) {
        rows.bigint(self.lsn.cast_signed());
        rows.field(self.kind.name().as_bytes());
    }
}
