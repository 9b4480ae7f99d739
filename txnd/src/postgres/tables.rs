//! The tables of the log; `migrations/` creates them and documents their columns.

use proto::{Lsn, Operations, ValueType};

/// A table of transactions.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The columns in the order in which rows are written and read.
    pub(super) columns: &'static str,
    pub(super) kind: Kind,
}

/// The content of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Transactions of one value type; keys by id.
    Typed(ValueType),
    /// Deletions of a key from every type.
    Key,
    /// What requests with idempotency keys have come to.
    Outcome,
}

impl Table {
    /// What removed ranges have left of the present state; `None` for whole keys and for outcomes.
    pub(super) fn base(&self) -> Option<String> {
        match self.kind {
            Kind::Typed(_) => self.name.strip_suffix("_transactions").map(|name| format!("{name}_base")),
            Kind::Key | Kind::Outcome => None,
        }
    }

    /// The partition with the rows of the range that begins with lsn `first`.
    pub(super) fn partition(&self, first: Lsn) -> String {
        format!("{}_{first}", self.name)
    }
}

/// The table of the steps that have more than one transaction.
pub(super) const ATOMIC_BATCHES: &str = "atomic_batches";

/// Number of value types.
pub(super) const TYPES: usize = ValueType::ALL.len();

/// Index of [`Kind::Key`] in [`TABLES`].
pub(super) const KEY_TABLE: usize = TYPES;

/// Index of [`Kind::Outcome`] in [`TABLES`].
pub(super) const OUTCOME_TABLE: usize = TYPES + 1;

/// Number of [`TABLES`].
pub(super) const TABLE_COUNT: usize = TYPES + 2;

const WITH_OPERAND: &str = "id, transaction_type, key_id, value, operand, timestamp, expires_at";
const WITHOUT_OPERAND: &str = "id, transaction_type, key_id, value, timestamp, expires_at";

macro_rules! tables {
    ($($(#[$doc:meta])* (
        $code:literal, $variant:ident, $name:literal, $field:ident, $owned:ty, $borrowed:ty, $packed:ty,
        $size:ident, $operations:ident, $keys:literal, $transactions:literal
    ))*) => {
        /// Tables of keys, in the order of [`ValueType::ALL`].
        pub(super) const KEYS: [&str; TYPES] = [$($keys),*];

        /// Tables of transactions: those of the value types in the order of [`ValueType::ALL`], then that of whole keys, then that of outcomes.
        pub(super) const TABLES: [Table; TABLE_COUNT] = [
            $(typed($transactions, ValueType::$variant),)*
            Table { name: "key_transactions", columns: "id, transaction_type, key, value, timestamp", kind: Kind::Key },
            Table { name: "outcomes", columns: "id, key, fingerprint, outcome, timestamp, expires_at", kind: Kind::Outcome },
        ];
    };
}
proto::for_each_value_type!(tables);

const fn typed(name: &'static str, ty: ValueType) -> Table {
    Table { name, columns: if has_operand(ty) { WITH_OPERAND } else { WITHOUT_OPERAND }, kind: Kind::Typed(ty) }
}

/// Index of the tables of `ty` in [`KEYS`] and [`TABLES`].
pub(super) fn index(ty: ValueType) -> usize {
    ty as usize - 1
}

/// Whether the transactions of `ty` have operands: increments and changes of elements do.
pub(super) const fn has_operand(ty: ValueType) -> bool {
    matches!(ty.operations(), Operations::Counter | Operations::Collection)
}
