//! Mutual TLS 1.3: both sides show a certificate, nothing else gets in.
//!
//! ```text
//!   TlsFiles ── pem ──> material ──> rustls configurations
//!   client: connect ───────────────────────────────┐
//!   server: incoming ── accept ── handshake ── verifier ── Peer { name, may_write } ──> Connection
//!                         └── acceptor: the current certificates; a change ends the connections of before
//!
//!   pem.rs       reading PEM files; the only module that knows their form
//!   material.rs  what the files hold, and rustls's configurations made of it
//!   leaf.rs      a look into one certificate: names, dates, key usage
//!   verifier.rs  which clients are let in
//!   refusal.rs   why a connection was refused, in words
//!   acceptor.rs  the server's side of a handshake, and the reloading of certificates
//!   incoming.rs  the accept loop and its limits; one accepted connection
//!   client.rs    the client's side
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
mod incoming;
mod leaf;
mod material;
mod pem;
mod refusal;
mod verifier;

use std::path::{Path, PathBuf};

pub use acceptor::Acceptor;
pub use client::{Timeouts, connect, connect_to_self};
pub use incoming::{Connection, Limits, Peer, incoming};
pub use leaf::Leaf;
pub use tokio_rustls::client::TlsStream as ClientStream;

/// The protocol that ALPN agrees on: gRPC is spoken over HTTP/2 only.
const ALPN: &[u8] = b"h2";

/// Where the certificates are: PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The CAs that the other side's certificate must be signed by.
    pub ca: PathBuf,
    /// This side's certificate, followed by intermediate ones if there are any.
    pub cert: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// Revocation lists of the CAs.
    pub crl: Option<PathBuf>,
}

impl TlsFiles {
    /// The files as `txnd certs` names them: `ca.pem`, and `name.pem` with `name.key`. No revocation list.
    pub fn in_folder(folder: &Path, name: &str) -> Self {
        Self {
            ca: folder.join(certs::CA_CERT),
            cert: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
            crl: None,
        }
    }
}

/// Why certificates cannot be used. The message names the file and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}; {}", .path.display(), advice(.path))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{} holds no {expected}; {}", .path.display(), advice(.path))]
    Missing {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// A file holds something that cannot be used.
    #[error("{} cannot be used: {what}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// The key is not the certificate's.
    #[error("the key {} does not belong to the certificate {}; give the two that were made together", .key.display(), .cert.display())]
    KeyMismatch {
        /// The key's file.
        key: PathBuf,
        /// The certificate's file.
        cert: PathBuf,
    },
    /// The CA, certificate and revocation list do not go together.
    #[error("TLS cannot be set up with {}: {what}", .path.display())]
    Setup {
        /// The certificate's file.
        path: PathBuf,
        /// What rustls objects to.
        what: String,
    },
}

fn advice(path: &Path) -> String {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => format!("make certificates with `txnd certs {}`, or name other files", folder.display()),
        None => "make certificates with `txnd certs DIR`, or name other files".into(),
    }
}
