//! The tables of the log; `migrations/` creates them and says what their columns mean.

use proto::ValueType;

/// A table of transactions.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The columns in the order in which rows are written and read.
    pub(super) columns: &'static str,
    pub(super) kind: Kind,
}

/// What a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Transactions of one value type; keys by number.
    Typed(ValueType),
    /// Deletions of a key from every type.
    Key,
}

/// Number of value types.
pub(super) const TYPES: usize = ValueType::ALL.len();

/// Tables of keys, in the order of [`ValueType::ALL`].
pub(super) const KEYS: [&str; TYPES] = ["int_keys", "uint_keys", "float_keys", "string_keys", "map_keys", "set_keys"];

/// Where [`Kind::Key`] is in [`TABLES`].
pub(super) const KEY_TABLE: usize = TYPES;

const WITH_OPERAND: &str = "id, transaction_type, key_id, value, operand, timestamp";
const WITHOUT_OPERAND: &str = "id, transaction_type, key_id, value, timestamp";

/// Tables of transactions: those of the value types in the order of [`ValueType::ALL`], then that of whole keys.
pub(super) const TABLES: [Table; TYPES + 1] = [
    Table { name: "integer_transactions", columns: WITH_OPERAND, kind: Kind::Typed(ValueType::Int) },
    Table { name: "uint_transactions", columns: WITH_OPERAND, kind: Kind::Typed(ValueType::Uint) },
    Table { name: "float_transactions", columns: WITHOUT_OPERAND, kind: Kind::Typed(ValueType::Float) },
    Table { name: "string_transactions", columns: WITHOUT_OPERAND, kind: Kind::Typed(ValueType::Str) },
    Table { name: "map_transactions", columns: WITH_OPERAND, kind: Kind::Typed(ValueType::Map) },
    Table { name: "set_transactions", columns: WITH_OPERAND, kind: Kind::Typed(ValueType::Set) },
    Table { name: "key_transactions", columns: "id, transaction_type, key, value, timestamp", kind: Kind::Key },
];

/// Where the tables of `ty` are in [`KEYS`] and [`TABLES`].
pub(super) fn index(ty: ValueType) -> usize {
    ty as usize - 1
}
const _: () =
    assert!(ValueType::Int as usize == 1 && ValueType::Set as usize == TYPES, "codes go from 1 without holes");

/// Whether the transactions of `ty` have operands: increments and changes of elements do.
pub(super) fn has_operand(ty: ValueType) -> bool {
    matches!(ty, ValueType::Int | ValueType::Uint | ValueType::Map | ValueType::Set)
}
