//! Reads PEM files. The only module that uses rustls-pemfile, see `deny.toml`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use tokio_rustls::rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use super::files::TlsError;

/// Largest file that is read, in bytes. Revocation lists of large organisations have several megabytes.
const MAX_FILE_BYTES: u64 = 32 << 20;

/// The bytes of a PEM file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
        match bytes.len() as u64 > MAX_FILE_BYTES {
            true => Err(io::Error::other(format!("it is larger than {MAX_FILE_BYTES} bytes"))),
            false => Ok(bytes),
        }
    };
    read().map_err(|source| TlsError::Read { path: path.into(), source })
}

/// All certificates of a file, at least one.
pub(super) fn certificates(path: &Path, mut bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    some(path, "certificate in PEM form", rustls_pemfile::certs(&mut bytes).collect())
}

/// All revocation lists of a file, at least one.
pub(super) fn revocation_lists(
    path: &Path,
    mut bytes: &[u8],
) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    some(path, "revocation list in PEM form", rustls_pemfile::crls(&mut bytes).collect())
}

/// The private key of a file.
pub(super) fn private_key(path: &Path, mut bytes: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    let expected = "private key in PEM form that is not encrypted";
    match rustls_pemfile::private_key(&mut bytes) {
        Ok(Some(key)) => Ok(key),
        Ok(None) => Err(TlsError::Missing { path: path.into(), expected }),
        Err(e) => Err(malformed(path, &e)),
    }
}

fn some<T>(path: &Path, expected: &'static str, found: io::Result<Vec<T>>) -> Result<Vec<T>, TlsError> {
    match found {
        Ok(found) if found.is_empty() => Err(TlsError::Missing { path: path.into(), expected }),
        Ok(found) => Ok(found),
        Err(e) => Err(malformed(path, &e)),
    }
}

fn malformed(path: &Path, error: &io::Error) -> TlsError {
    TlsError::Unusable { path: path.into(), what: format!("it is not in PEM form: {error}") }
}
