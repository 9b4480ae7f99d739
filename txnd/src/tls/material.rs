//! The content of the files, and the rustls configurations made from it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tokio_rustls::rustls::client::{Resumption, WebPkiServerVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientCertVerifierBuilder, NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};

use super::files::{TlsError, TlsFiles};
use super::leaf::{self, Leaf};
use super::pem;
use super::verifier::{AllowedNames, ClientVerifier};

/// The protocol negotiated by ALPN: gRPC needs HTTP/2.
pub(super) const ALPN: &[u8] = b"h2";

/// The bytes of the files. They are compared to detect changes.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Contents {
    ca: Vec<u8>,
    cert: Vec<u8>,
    key: Vec<u8>,
    crl: Option<Vec<u8>>,
}

/// The parsed content of the files.
pub(super) struct Material {
    files: TlsFiles,
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    crls: Vec<CertificateRevocationListDer<'static>>,
    /// The first certificate of the chain.
    pub(super) leaf: Leaf,
    /// Everything in the files that expires.
    pub(super) dated: Vec<Dated>,
}

/// Something that expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dated {
    pub(super) kind: DatedKind,
    pub(super) path: PathBuf,
    pub(super) from: SystemTime,
    pub(super) until: SystemTime,
}

/// What kind of thing expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DatedKind {
    Certificate,
    Ca,
    RevocationList,
}

impl Contents {
    pub(super) fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self {
            ca: pem::read(&files.ca)?,
            cert: pem::read(&files.cert)?,
            key: pem::read(&files.key)?,
            crl: files.crl.as_deref().map(pem::read).transpose()?,
        })
    }
}

impl Dated {
    /// `None` if it cannot be parsed; whether it can be used is decided elsewhere.
    pub(super) fn certificate(kind: DatedKind, path: &Path, der: &CertificateDer<'_>) -> Option<Self> {
        let Leaf { not_before, not_after, .. } = Leaf::read(der).ok()?;
        Some(Self { kind, path: path.into(), from: not_before, until: not_after })
    }

    pub(super) fn list(path: &Path, der: &[u8]) -> Option<Self> {
        let (from, next) = leaf::updates(der).ok()?;
        Some(Self { kind: DatedKind::RevocationList, path: path.into(), from, until: next? })
    }
}

impl Material {
    /// Reads the files.
    pub(super) fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        Self::parse(files, &Contents::read(files)?)
    }

    pub(super) fn parse(files: &TlsFiles, contents: &Contents) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        let mut dated = Vec::new();
        for ca in pem::certificates(&files.ca, &contents.ca)? {
            dated.extend(Dated::certificate(DatedKind::Ca, &files.ca, &ca));
            roots.add(ca).map_err(|e| TlsError::Unusable { path: files.ca.clone(), what: e.to_string() })?;
        }
        let chain = pem::certificates(&files.cert, &contents.cert)?;
        dated.extend(chain.iter().filter_map(|der| Dated::certificate(DatedKind::Certificate, &files.cert, der)));
        let leaf = Leaf::read(&chain[0]).map_err(|what| TlsError::Unusable { path: files.cert.clone(), what })?;
        let key = pem::private_key(&files.key, &contents.key)?;
        let crls = match (&files.crl, &contents.crl) {
            (Some(path), Some(bytes)) => pem::revocation_lists(path, bytes)?,
            _ => Vec::new(),
        };
        dated.extend(crls.iter().zip(files.crl.iter().cycle()).filter_map(|(crl, path)| Dated::list(path, crl)));
        Ok(Self { files: files.clone(), roots: Arc::new(roots), chain, key, crls, leaf, dated })
    }

    /// Checks that the certificate and the revocation lists are valid at `now`.
    pub(super) fn check_dates(&self, now: SystemTime) -> Result<(), TlsError> {
        self.leaf.check_dates(now).map_err(|what| TlsError::Unusable { path: self.files.cert.clone(), what })?;
        for crl in &self.crls {
            let overdue = match leaf::updates(crl) {
                Ok((_, Some(next))) if next < now => format!("a newer list was due on {}", leaf::date(next)),
                Ok(_) => continue,
                Err(what) => what,
            };
            let path = self.files.crl.clone().unwrap_or_default();
            return Err(TlsError::Unusable { path, what: overdue });
        }
        Ok(())
    }

    /// This side's own certificate.
    pub(super) fn own(&self) -> &CertificateDer<'static> {
        &self.chain[0]
    }

    /// The server's configuration, which accepts the clients on `guests`.
    pub(super) fn server(self, guests: Arc<AllowedNames>) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.roots), Arc::clone(&provider));
        let verifier = self.with_revocation(verifier)?;
        let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13]);
        let files = self.files;
        let mut config = builder
            .map_err(|e| setup(&files, &e))?
            .with_client_cert_verifier(Arc::new(ClientVerifier::new(verifier, guests)))
            .with_single_cert(self.chain, self.key)
            .map_err(|e| own_certificate(&files, &e))?;
        config.alpn_protocols = vec![ALPN.into()];
        config.send_tls13_tickets = 0;
        config.max_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(config)
    }

    /// The client's configuration.
    pub(super) fn client(self) -> Result<ClientConfig, TlsError> {
        let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(&self.roots), Arc::clone(&provider))
            .with_crls(self.crls)
            .enforce_revocation_expiration()
            .build()
            .map_err(|e| setup(&self.files, &e))?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| setup(&self.files, &e))?
            .with_webpki_verifier(verifier)
            .with_client_auth_cert(self.chain, self.key)
            .map_err(|e| own_certificate(&self.files, &e))?;
        config.alpn_protocols = vec![ALPN.into()];
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    fn with_revocation(
        &self,
        verifier: ClientCertVerifierBuilder,
    ) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, TlsError> {
        let verifier = verifier.with_crls(self.crls.iter().cloned()).enforce_revocation_expiration();
        verifier.build().map_err(|e| setup(&self.files, &e))
    }
}

fn setup(files: &TlsFiles, error: &dyn std::error::Error) -> TlsError {
    TlsError::Setup { path: files.cert.clone(), what: error.to_string() }
}

fn own_certificate(files: &TlsFiles, error: &rustls::Error) -> TlsError {
    match error {
        rustls::Error::InconsistentKeys(_) => {
            TlsError::KeyMismatch { key: files.key.clone(), cert: files.cert.clone() }
        }
        other => TlsError::Unusable { path: files.key.clone(), what: other.to_string() },
    }
}
