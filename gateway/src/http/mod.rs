//! HTTP/1.1 in front of the engine: what is common to every API.
//!
//! ```text
//!   socket ── stream.rs ──> hyper ──> head.rs ──> hosts.rs, auth.rs ──> route of an API ──> body.rs ──> API ──> response.rs ──> hyper
//!
//!   session.rs   one client's connection, from request to request
//!   stream.rs    the bytes of a connection between hyper and the socket
//!   targets.rs   request targets that hyper would cut off
//!   head.rs      the head of a request, and what is wrong with it
//!   hosts.rs     the names by which clients may call this server
//!   auth.rs      the token of a request
//!   body.rs      reading a body within its limits
//!   response.rs  a response
//!   problem.rs   why a request is refused: the one table of status codes
//!   percent.rs   percent-encoding
//!   number.rs    numbers as text
//!   json.rs      maps and sets as JSON
//!   v1/          REST API v1
//! ```
//!
//! An API turns a head and a body into operations, and replies into a response; it knows nothing else.

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
mod targets;
mod v1;

pub(crate) use session::{serve, too_many_connections};
