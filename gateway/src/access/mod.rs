//! Who may do what.
//!
//! ```text
//!   identities file ─ file.rs ─┐
//!   --token-file ──── token.rs ┴─> registry.rs ──> caller.rs ──> Identity ──> service.rs checks each operation
//!   --allow-anonymous ────────────────┘  │            (one a connection)
//!                                        └─ attempts.rs: failed attempts by address
//!
//!   grant.rs     what an identity may do: scopes, value types, a prefix of keys
//!   identity.rs  a client as the server knows it
//!   token.rs     tokens, and their hashes
//!   file.rs      the identities file: read, and changed by `kvs token`
//!   attempts.rs  the limit of failed attempts
//!   registry.rs  the identities in use; reads them again when a file changes
//!   caller.rs    the client of one connection
//! ```
//!
//! Sessions find out who asks; only `service.rs` decides whether it may. So no protocol can forget to.

mod attempts;
mod caller;
pub mod file;
mod grant;
mod identity;
mod registry;
mod token;

pub use caller::Caller;
pub use grant::{Grant, Scope, Scopes};
pub use identity::Identity;
pub use registry::Access;
pub(crate) use registry::{AccessError, Sources};
pub(crate) use token::{MAX_TOKEN_BYTES, bearer};
