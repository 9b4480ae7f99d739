//! Replies of the engine as responses.

use hyper::header::{HeaderName, HeaderValue};
use proto::{Reply, Value};

use crate::http::json;
use crate::http::number::format_float;
use crate::http::problem::Problem;
use crate::http::response::Response;
use crate::http::values::text_body;

const DELETED: HeaderName = HeaderName::from_static("deleted");
const YES: HeaderValue = HeaderValue::from_static("true");

/// The response to an executed operation on `key`, and on its member or field `item`.
pub(super) fn from_reply(reply: Reply, key: &str, item: &str) -> Result<Response, Problem> {
    Ok(match reply {
        Reply::Stored => Response::empty(),
        Reply::Value(value) => from_value(value),
        Reply::Field(value) => Response::text(text_body(value)),
        Reply::NoEntry => return Err(Problem::NoEntry(key.into())),
        Reply::NoField => return Err(Problem::NoField { key: key.into(), field: item.into() }),
        Reply::Deleted(true) => Response::empty().with(DELETED, YES),
        Reply::Deleted(false) => Response::empty(),
        Reply::Count(count) => Response::text(count.to_string()),
        Reply::Has(has) => Response::text(if has { "true" } else { "false" }),
    })
}

/// The response with this value.
fn from_value(value: Value) -> Response {
    match value {
        Value::Int(number) => Response::text(number.to_string()),
        Value::Uint(number) => Response::text(number.to_string()),
        Value::Float(number) => Response::text(format_float(number)),
        Value::Str(value) => Response::text(text_body(value)),
        Value::Map(list) => Response::json(json::write_map(list.as_strings())),
        Value::Set(list) => Response::json(json::write_set(list.as_strings())),
    }
}
