//! Mutual TLS 1.3 between kvs and txnd: both sides present a certificate; no other connection is accepted. `door.rs` is TLS
//! towards clients, where certificates of clients are optional.
//!
//! ```text
//!   TlsFiles ── pem ──> material ──> rustls configurations
//!   client: connect ───────────────────────────────┐
//!   server: incoming ── accept ── handshake ── verifier ── Peer { name, may_write } ──> Connection
//!                         └── acceptor: the current certificates; a change closes earlier connections
//!
//!   files.rs     where the certificates are, and why they cannot be used
//!   pem.rs       reads PEM files; the only module that knows their format
//!   material.rs  the content of the files, and the rustls configurations made from it
//!   leaf.rs      names, dates and key usage of one certificate
//!   expiry.rs    logs that something expires soon, and repeats it
//!   verifier.rs  which clients are accepted
//!   refusal.rs   why a connection was refused, in words
//!   acceptor.rs  the server's side of a handshake, and the reloading of certificates
//!   reload.rs    reads files again when they change
//!   door.rs      TLS towards the clients of kvs
//!   incoming.rs  the accept loop and its limits; one accepted connection
//!   client.rs    the client's side
//!   socket.rs    connects to a host by any of its addresses; options of every socket
//!   certs.rs     makes a CA and certificates: `txnd certs`
//! ```
//!
//! Both sides require TLS 1.3, ring, HTTP/2 by ALPN, and a certificate issued by the CA that is neither expired nor meant
//! for something else. Session resumption is off, because a resumed session does not present its certificate again.
//!
//! **Revocation** is optional. With a revocation list, every certificate must be covered by one: it is rejected if its CA
//! has no list in the file, and also if the list is past its `nextUpdate`, as in OpenSSL. A list that nobody renews says
//! nothing about today, and a user who configures a list wants to be sure. Without a list nothing is checked.

mod acceptor;
pub mod certs;
mod client;
mod door;
mod expiry;
mod files;
mod incoming;
mod leaf;
mod material;
mod pem;
mod refusal;
mod reload;
mod socket;
mod verifier;

pub use acceptor::{Acceptor, Peer};
pub use client::{Timeouts, connect, connect_to_self};
pub use door::{Door, DoorSettings, Entered};
pub use expiry::{Clock, system_clock, watch_expiry};
pub use files::{CA_CERT, TlsError, TlsFiles};
pub use incoming::{Connection, Limits, incoming};
pub use leaf::Leaf;
pub use tokio_rustls::client::TlsStream as ClientStream;
pub use tokio_rustls::server::TlsStream as ServerStream;
