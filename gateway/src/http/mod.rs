//! The HTTP/1.1 server: everything that does not depend on a version of the API.
//!
//! ```text
//!   socket ── stream.rs ──> hyper ──> head.rs ──> hosts.rs, auth.rs ──> api.rs ──> v1/, v2/ route.rs ──> body.rs
//!                                                                                                      │
//!   socket <── stream.rs <── hyper <── response.rs <───────────────────────────── v1/, v2/ <─────────────┘
//!
//!   session.rs   a connection, from its first request to its end
//!   stream.rs    the bytes of a connection, between hyper and the socket
//!   targets.rs   detects request targets that hyper would truncate
//!   head.rs      the head of a request, and the checks on it
//!   hosts.rs     the host names that clients may use for this server
//!   cors.rs      which web pages may read responses
//!   auth.rs      who makes a request: the token of its header
//!   body.rs      reading a body within its limits
//!   response.rs  building a response
//!   noted.rs     a request's id, and its line in the access log
//!   pages.rs     what the port says about itself, for people and for programs
//!   problem.rs   errors, and the one table of their status codes
//!   percent.rs   percent-encoding
//!   number.rs    numbers as text
//!   json.rs      maps and sets as JSON
//!   values.rs    values in bodies, for each value type
//!   schema.rs    schemas of bodies
//!   once.rs      idempotency keys
//!   options.rs   what headers say about how a request is carried out
//!   api.rs       the APIs, by path
//!   v1/          REST API v1
//!   v2/          REST API v2
//! ```
//!
//! An API converts a head and a body into an operation, and a reply into a response. It knows nothing else.

mod api;
mod auth;
mod body;
mod cors;
mod head;
mod hosts;
mod json;
mod noted;
mod number;
mod once;
mod options;
mod pages;
mod percent;
mod problem;
mod response;
mod schema;
mod session;
mod stream;
mod targets;
mod v1;
mod v2;
mod values;

pub(crate) use session::{serve, too_many_connections};
pub(crate) use values::JsonValue;
