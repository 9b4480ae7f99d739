//! Where the certificates are, and why they cannot be used.

use std::path::{Path, PathBuf};

/// The CA's certificate, which both sides need.
pub const CA_CERT: &str = "ca.pem";

/// The paths of the certificates: PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The CAs that the other side's certificate must be signed by.
    pub ca: PathBuf,
    /// This side's certificate, followed by any intermediate certificates.
    pub cert: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// Revocation lists of the CAs.
    pub crl: Option<PathBuf>,
}

impl TlsFiles {
    /// The files as named by `txnd certs`: `ca.pem`, and `name.pem` with `name.key`. No revocation list.
    pub fn in_folder(folder: &Path, name: &str) -> Self {
        Self {
            ca: folder.join(CA_CERT),
            cert: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
            crl: None,
        }
    }
}

/// Why certificates cannot be used. The message names the file and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}; {}", .path.display(), advice(.path))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file does not contain what it should.
    #[error("{} holds no {expected}; {}", .path.display(), advice(.path))]
    Missing {
        /// The file.
        path: PathBuf,
        /// What it should contain.
        expected: &'static str,
    },
    /// The content of a file cannot be used.
    #[error("{} cannot be used: {what}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// The key does not belong to the certificate.
    #[error("the key {} does not belong to the certificate {}; give the two that were made together", .key.display(), .cert.display())]
    KeyMismatch {
        /// The key's file.
        key: PathBuf,
        /// The certificate's file.
        cert: PathBuf,
    },
    /// The CA, certificate and revocation list do not match.
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
