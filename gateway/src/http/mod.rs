//! HTTP/1.1 in front of the engine: what is common to every API.
//!
//! ```text
//!   socket ── stream.rs ──> head.rs ──> hosts.rs, auth.rs ──> route of an API ──> body.rs ──> API ──> response.rs ──> socket
//!
//!   session.rs   one client's connection, from request to request
//!   stream.rs    the bytes of a connection, on their way in and out
//!   head.rs      the head of a request, and what is wrong with it
//!   hosts.rs     the names by which clients may call this server
//!   auth.rs      the token of a request
//!   body.rs      reading a body within its limits
//!   response.rs  a response and its bytes
//!   problem.rs   why a request is refused: the one table of status codes
//!   percent.rs   percent-encoding
//!   number.rs    numbers as text
//!   json.rs      maps and sets as JSON
//!   v1/          REST API v1
//! ```
//!
//! An API turns a head and a body into operations, and replies into a response; it knows nothing else.
//!
//! Requests are parsed by `httparse`; the framing around it is ours, because a server that must answer for every byte has to see them:
//! a target as it was sent, where a body ends that is not wanted, and which input is left when a connection is closed.

mod auth;
mod body;
mod head;
mod hosts;
mod json;
mod number;
mod percent;
mod problem;
mod response;
mod session;
mod stream;
mod v1;

pub(crate) use session::{serve, too_many_connections};
