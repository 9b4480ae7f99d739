//! The table of value types, one line each. All code that concerns every type is generated from it.

/// Calls the macro `$callback` with the table of value types, one row per type:
///
/// ```text
///   /// documentation
///   (code, Variant, "name", field, owned type, borrowed type, packed type, size, operations, "keys", "transactions")
/// ```
///
/// | column | meaning |
/// |---|---|
/// | code | of the type in log and frames; from 1 without gaps, never changed |
/// | variant | of [`ValueType`](crate::ValueType), [`Value`](crate::Value), [`ValueRef`](crate::ValueRef) and, for a counter, [`CounterType`](crate::CounterType) and [`Effect`](crate::Effect) |
/// | name | in paths, tables and messages |
/// | field | name of a struct field for something of the type |
/// | owned, borrowed | the Rust types of a value, as in [`Value`](crate::Value) and [`ValueRef`](crate::ValueRef) |
/// | packed | the [`Packed`](crate::Packed) form that becomes the borrowed type |
/// | size | `fixed` or `variable`: whether all packed values have the same number of bytes |
/// | operations | `counter` (increments), `scalar` (only put, get, del) or `collection` (on its elements); see [`Operations`](crate::Operations) |
/// | keys, transactions | the type's tables in a PostgreSQL log, see `migrations/` |
///
/// A struct with a table for each value type, and a function over all of them:
///
/// ```
/// /// What is kept for a value of each type.
/// mod kept {
///     pub type Int = i32;
///     pub type Uint = u32;
///     pub type Float = f32;
///     pub type Str = proto::Text;
///     pub type Map = std::collections::BTreeMap<String, String>;
///     pub type Set = std::collections::BTreeSet<String>;
/// }
///
/// macro_rules! tables {
///     ($($(#[$doc:meta])* (
///         $code:literal, $variant:ident, $name:literal, $field:ident, $owned:ty, $borrowed:ty, $packed:ty,
///         $size:ident, $operations:ident, $keys:literal, $transactions:literal
///     ))*) => {
///         #[derive(Default)]
///         struct Tables {
///             $($field: Vec<kept::$variant>,)*
///         }
///
///         impl Tables {
///             fn len_of(&self, ty: proto::ValueType) -> usize {
///                 match ty { $(proto::ValueType::$variant => self.$field.len(),)* }
///             }
///
///             fn len(&self) -> usize {
///                 0 $(+ self.$field.len())*
///             }
///         }
///     };
/// }
/// proto::for_each_value_type!(tables);
///
/// let tables = Tables { ints: vec![1, 2], ..Tables::default() };
/// assert_eq!((tables.len_of(proto::ValueType::Int), tables.len()), (2, 2));
/// ```
#[macro_export]
macro_rules! for_each_value_type {
    ($callback:ident) => {
        $callback! {
            /// Signed 32-bit integer.
            (1, Int, "int", ints, i32, i32, i32, fixed, counter, "int_keys", "integer_transactions")
            /// Unsigned 32-bit integer.
            (2, Uint, "uint", uints, u32, u32, u32, fixed, counter, "uint_keys", "uint_transactions")
            /// Finite 32-bit IEEE 754 number.
            (3, Float, "float", floats, f32, f32, f32, fixed, scalar, "float_keys", "float_transactions")
            /// UTF-8 text without NUL.
            (4, Str, "str", strs, $crate::Text, &'a str, &'a str, variable, scalar,
                "string_keys", "string_transactions")
            /// Text to text: fields and values alternate, each field once; an owned map is sorted by field.
            (5, Map, "map", maps, $crate::StringsBuf, $crate::Strings<'a>, $crate::Pairs<'a>, variable, collection,
                "map_keys", "map_transactions")
            /// Texts without order or duplicates; an owned set is sorted.
            (6, Set, "set", sets, $crate::StringsBuf, $crate::Strings<'a>, $crate::Strings<'a>, variable, collection,
                "set_keys", "set_transactions")
        }
    };
}
