//! Replies of the engine as responses.

use hyper::header::{HeaderName, HeaderValue};
use proto::Reply;

use crate::http::problem::Problem;
use crate::http::response::Response;
use crate::http::values;

const DELETED: HeaderName = HeaderName::from_static("deleted");
const YES: HeaderValue = HeaderValue::from_static("true");

/// The response to an executed operation on `key`, and on its member or field `item`.
pub(super) fn from_reply(reply: Reply, key: &str, item: &str) -> Result<Response, Problem> {
    Ok(match reply {
        Reply::Stored => Response::empty(),
        Reply::Value(value) => values::write(value),
        Reply::Field(value) => Response::text(values::text_body(value)),
        Reply::NoEntry => return Err(Problem::NoEntry(key.into())),
        Reply::NoField => return Err(Problem::NoField { key: key.into(), field: item.into() }),
        Reply::Deleted(true) => Response::empty().with(DELETED, YES),
        Reply::Deleted(false) => Response::empty(),
        Reply::Count(count) => Response::text(count.to_string()),
        Reply::Has(has) => Response::text(if has { "true" } else { "false" }),
    })
}
