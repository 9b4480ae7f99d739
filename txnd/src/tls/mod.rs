//! Mutual TLS 1.3: both sides show a certificate, nothing else gets in.
//!
//! ```text
//!   TlsFiles ── pem ──> material ──> rustls configurations
//!   client: connect ───────────────────────────────┐
//!   server: incoming ── accept ── handshake ── verifier ── Peer { name, may_write } ──> Connection
//!                         └── acceptor: the current certificates; a change ends the connections of before
//!
//!   files.rs     where the certificates are, and why they cannot be used
//!   pem.rs       reading PEM files; the only module that knows their form
//!   material.rs  what the files hold, and rustls's configurations made of it
//!   leaf.rs      a look into one certificate: names, dates, key usage
//!   expiry.rs    lines in time before something expires, and again
//!   verifier.rs  which clients are let in
//!   refusal.rs   why a connection was refused, in words
//!   acceptor.rs  the server's side of a handshake, and the reloading of certificates
//!   incoming.rs  the accept loop and its limits; one accepted connection
//!   client.rs    the client's side
//!   socket.rs    reaching a host by any of its addresses; what every socket needs
//!   certs.rs     making a CA and certificates: `txnd certs`
//! ```
//!
//! What both sides insist on: TLS 1.3, ring, HTTP/2 by ALPN, a certificate under the CA that is neither expired nor meant for
//! something else, and no resumption of sessions, because a resumed session does not show its certificate again.
//!
//! **Revocation** is optional. With a revocation list every certificate must be covered by one: it is refused if its CA has no
//! list in the file, and also when the list is past its `nextUpdate`, as in OpenSSL. A list that nobody renews says nothing
//! about today, and who gives a list wants to be sure. Without a list nothing is checked.

mod acceptor;
pub mod certs;
mod client;
mod expiry;
mod files;
mod incoming;
mod leaf;
mod material;
mod pem;
mod refusal;
mod socket;
mod verifier;

pub use acceptor::{Acceptor, Peer};
pub use client::{Timeouts, connect, connect_to_self};
pub use expiry::{Clock, system_clock, watch_expiry};
pub use files::{CA_CERT, TlsError, TlsFiles};
pub use incoming::{Connection, Limits, incoming};
pub use leaf::Leaf;
pub use tokio_rustls::client::TlsStream as ClientStream;
