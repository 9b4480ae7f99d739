//! Schemas of bodies, as the description shows them (JSON Schema, <https://json-schema.org/draft/2020-12>).

use serde_json::{Value, json};

/// Text without NUL.
pub(super) const TEXT: &str = "^[^\\u0000]*$";

/// A text.
pub(super) fn string() -> Value {
    json!({"type": "string", "pattern": TEXT})
}

/// A schema of a body, and its media type.
pub(super) struct Body {
    pub(super) media: &'static str,
    pub(super) schema: Value,
}

/// A body of plain text.
pub(super) fn plain(schema: Value) -> Body {
    Body { media: "text/plain", schema }
}

/// Any text.
pub(super) fn text() -> Body {
    plain(string())
}

/// A number within bounds.
pub(super) fn integer(minimum: i64, maximum: i64) -> Body {
    plain(json!({"type": "integer", "minimum": minimum, "maximum": maximum}))
}

/// Members of a set.
pub(super) fn members() -> Body {
    Body { media: "application/json", schema: json!({"type": "array", "items": string()}) }
}

/// Fields of a map.
pub(super) fn fields() -> Body {
    Body {
        media: "application/json",
        schema: json!({"type": "object", "propertyNames": string(), "additionalProperties": string()}),
    }
}
