//! Records as rows in the binary format of COPY, see <https://www.postgresql.org/docs/15/sql-copy.html>.
//!
//! ```text
//!   file  := signature (11 bytes) flags (i32, 0) extension length (i32, 0) row* end (i16, -1)
//!   row   := number of fields (i16) field*
//!   field := length (i32, -1 for NULL) then that many bytes; integers are big-endian
//! ```

use hashbrown::HashMap;
use proto::{Batch, Chain, Effect, Lsn, Micros, Op, OpKind, Record, Strings, StringsBuf, TypeSet, ValueRef, ValueType};
use serde::Serializer;

use super::keys::{KeyId, KeyIds};
use super::tables::{self, KEY_TABLE, TYPES};

/// The bytes before the first row.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

const END: [u8; 2] = (-1_i16).to_be_bytes();

/// Memory of each table's rows that is kept for the next group, in bytes.
const KEPT_BYTES: usize = 16 << 20;

/// Object id of the type TEXT, which the elements of a TEXT[] have.
const TEXT_OID: u32 = 25;

/// Version of the binary format of JSONB; its text follows.
pub(super) const JSONB_VERSION: u8 = 1;

/// From the Unix epoch to PostgreSQL's epoch, 2000-01-01, in microseconds.
const POSTGRES_EPOCH: Micros = 946_684_800_000_000;

/// Range of TIMESTAMPTZ, in microseconds from its own epoch (`MIN_TIMESTAMP`, `END_TIMESTAMP` of timestamp.h).
const TIMESTAMPS: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;

/// Rows of one table in the binary format of COPY.
#[derive(Debug, Default)]
pub(super) struct Rows {
    bytes: Vec<u8>,
}

impl Rows {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Everything that is sent to COPY.
    pub(super) fn parts(&self) -> [&[u8]; 3] {
        [HEADER, &self.bytes, &END]
    }

    fn begin(&mut self, fields: i16) {
        self.bytes.extend_from_slice(&fields.to_be_bytes());
    }

    fn field(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
        self.bytes.extend_from_slice(bytes);
    }

    fn null(&mut self) {
        self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
    }

    fn bigint(&mut self, value: i64) {
        self.field(&value.to_be_bytes());
    }

    /// A row of a table of keys.
    fn key(&mut self, id: i64, key: &str) {
        self.begin(2);
        self.bigint(id);
        self.field(key.as_bytes());
    }

    fn text_array(&mut self, items: Strings<'_>) {
        // In both formats an item is a length of 4 bytes and its text; an array without items has no dimension.
        let dimensions = u32::from(items != Strings::EMPTY);
        let length = 12 + 8 * dimensions + items.as_bytes().len() as u32;
        for word in [length, dimensions, 0, TEXT_OID] {
            self.bytes.extend_from_slice(&word.to_be_bytes());
        }
        if dimensions > 0 {
            let (count, first_index) = (items.iter().count() as u32, 1_u32);
            self.bytes.extend_from_slice(&count.to_be_bytes());
            self.bytes.extend_from_slice(&first_index.to_be_bytes());
        }
        items.iter().for_each(|item| self.field(item.as_bytes()));
    }

    /// A field with the JSON that `write` writes.
    fn jsonb(&mut self, write: impl FnOnce(&mut serde_json::Serializer<&mut Vec<u8>>) -> serde_json::Result<()>) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0, 0, 0, 0, JSONB_VERSION]);
        write(&mut serde_json::Serializer::new(&mut self.bytes)).expect("texts can be written as JSON into memory");
        let length = (self.bytes.len() - at - 4) as i32;
        self.bytes[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }

    fn value(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Int(value) => self.field(&value.to_be_bytes()),
            ValueRef::Uint(value) => self.bigint(i64::from(value)),
            ValueRef::Float(value) => self.field(&value.to_be_bytes()),
            ValueRef::Str(text) => self.field(text.as_bytes()),
            ValueRef::Map(map) => self.jsonb(|json| json.collect_map(map.pairs())),
            ValueRef::Set(members) => self.text_array(members),
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
    }
}

/// Rows that are stored in one database transaction.
#[derive(Debug)]
pub(super) struct Group {
    /// Rows for each of [`TABLES`].
    pub(super) transactions: [Rows; TYPES + 1],
    /// New keys for each of [`tables::KEYS`].
    pub(super) keys: [Rows; TYPES],
    /// For each type, the rows whose key the database has to be asked for.
    unresolved: [Vec<Unresolved>; TYPES],
    /// Resolved keys: type, key, id.
    pub(super) resolved: Vec<(usize, Box<str>, i64)>,
    /// End of the log after these rows; `None` as long as there are none.
    pub(super) end: Option<Chain>,
    /// For each type, the id of the next new key after these rows. Set when the group is handed over.
    pub(super) next_ids: [i64; TYPES],
}

/// A row of transactions that lacks the id of its key.
#[derive(Debug)]
struct Unresolved {
    key: Box<str>,
    /// Offset in the rows where the id belongs.
    at: usize,
}

impl Group {
    pub(super) fn new() -> Self {
        Self {
            transactions: Default::default(),
            keys: Default::default(),
            unresolved: Default::default(),
            resolved: Vec::new(),
            end: None,
            next_ids: [1; TYPES],
        }
    }

    /// Bytes of rows.
    pub(super) fn bytes(&self) -> usize {
        let unresolved = self.unresolved.iter().flatten().map(|row| size_of::<Unresolved>() + row.key.len());
        self.transactions.iter().chain(&self.keys).map(|rows| rows.bytes.len()).sum::<usize>()
            + unresolved.sum::<usize>()
    }

    /// Empties the group, keeping some memory.
    pub(super) fn clear(&mut self) {
        self.transactions.iter_mut().chain(&mut self.keys).for_each(Rows::clear);
        (self.unresolved, self.resolved, self.end) = Default::default();
    }

    /// Adds the rows of `batch`, or none of them if one of its records cannot be stored.
    pub(super) fn add(&mut self, batch: &Batch, end: Chain, keys: &mut KeyIds) -> Result<(), &'static str> {
        let marks = self.transactions.each_ref().map(|rows| rows.bytes.len());
        let key_marks = self.keys.each_ref().map(|rows| rows.bytes.len());
        let unresolved_marks = self.unresolved.each_ref().map(Vec::len);
        let next = keys.next;
        let added = batch.records().try_for_each(|record| match record {
            Ok(record) => self.add_record(&record, keys),
            Err(_) => Err("a record in it cannot be read"),
        });
        if added.is_err() {
            self.transactions.iter_mut().zip(marks).for_each(|(rows, mark)| rows.bytes.truncate(mark));
            self.keys.iter_mut().zip(key_marks).for_each(|(rows, mark)| rows.bytes.truncate(mark));
            self.unresolved.iter_mut().zip(unresolved_marks).for_each(|(rows, mark)| rows.truncate(mark));
            keys.rewind(next);
            return added;
        }
        self.end = Some(end);
        Ok(())
    }

    /// The keys of a type whose ids the rows lack, each once.
    pub(super) fn unresolved_keys(&self, ty: usize) -> Vec<&str> {
        let mut keys: Vec<&str> = self.unresolved[ty].iter().map(|row| &*row.key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Inserts the ids of those keys of a type that the database has. The other keys are new: they get the next ids,
    /// and become the only rows of [`Self::keys`].
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

    fn add_record(&mut self, record: &Record<'_>, keys: &mut KeyIds) -> Result<(), &'static str> {
        let head = Head { lsn: record.lsn, kind: record.op.kind(), at: timestamp(record.at)? };
        let Some(ty) = record.op.value_type() else {
            return self.add_deletion(head, record, keys);
        };
        let key = self.key_id(ty, record.op.key().as_str(), keys);
        let rows = &mut self.transactions[tables::index(ty)];
        let has_operand = tables::has_operand(ty);
        rows.begin(if has_operand { 6 } else { 5 });
        head.write(rows);
        self.unresolved[tables::index(ty)].extend(key.write(rows));
        match (record.op, record.effect.value()) {
            (Op::Put { value, .. }, _) | (_, Some(value)) => rows.value(value),
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
        Ok(())
    }

    /// Adds a row to the table of whole keys, and one to the table of each type that had the key.
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
            rows.begin(if has_operand { 6 } else { 5 });
            head.write(rows);
            self.unresolved[tables::index(ty)].extend(id.write(rows));
            (0..if has_operand { 2 } else { 1 }).for_each(|_| rows.null());
            rows.bigint(head.at);
        }
        let rows = &mut self.transactions[KEY_TABLE];
        rows.begin(5);
        head.write(rows);
        rows.field(key.as_bytes());
        rows.text_array(names.as_strings());
        rows.bigint(head.at);
        Ok(())
    }

    /// The id of `key`, which is added to the new keys if needed.
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

/// The key of a row of transactions.
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

/// The first fields of every row of transactions, and its time.
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

fn timestamp(at: Micros) -> Result<i64, &'static str> {
    let since_2000 = at.checked_sub(POSTGRES_EPOCH).filter(|since| TIMESTAMPS.contains(since));
    since_2000.ok_or("the time of a record in it is out of the range of TIMESTAMPTZ")
}

/// The time of a TIMESTAMPTZ.
pub(super) fn micros(timestamp: i64) -> Option<Micros> {
    timestamp.checked_add(POSTGRES_EPOCH).filter(|_| TIMESTAMPS.contains(&timestamp))
}
