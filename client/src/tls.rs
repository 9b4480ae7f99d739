//! TLS with the server: whom to trust, and the client's own certificate.

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// The protocol's name for ALPN.
const ALPN: &[u8] = b"kvs-frames";

/// TLS 1.3 with the server. Given to [`Options::tls`](crate::Options::tls).
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let tls = client::Tls::trusting(&std::fs::read("ca.pem")?)?;
/// let client = client::Options::new("kvs.example:8090").tls(tls).token("a secret").connect().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
}

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// They are not certificates in PEM form, or the key is not a private key in PEM form.
    #[error("expected {0} in PEM form")]
    Pem(&'static str),
    /// They cannot be used together.
    #[error("the certificates cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

impl Tls {
    /// Trusts servers whose certificate is signed by one of these CAs (PEM), and is for the host of the address.
    pub fn trusting(ca: &[u8]) -> Result<Self, TlsError> {
        Self::build(ca, None)
    }

    /// The same, and presents a certificate (PEM, with any intermediate certificates) with its key to the server.
    pub fn with_certificate(ca: &[u8], certificate: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Self::build(ca, Some((certificate, key)))
    }

    fn build(ca: &[u8], own: Option<(&[u8], &[u8])>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for ca in certificates(ca)? {
            roots.add(ca)?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])?
            .with_root_certificates(roots);
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::Pem("a private key"))?;
                builder.with_client_auth_cert(certificates(certificate)?, key)?
            }
        };
        config.alpn_protocols = vec![ALPN.into()];
        Ok(Self { config: Arc::new(config) })
    }

    /// The handshake with the server at `address`, a name or IP address with a port.
    pub(crate) async fn connect(&self, stream: TcpStream, address: &str) -> io::Result<TlsStream<TcpStream>> {
        let host = address.rsplit_once(':').map_or(address, |(host, _port)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_string();
        let name = ServerName::try_from(host).map_err(io::Error::other)?;
        TlsConnector::from(Arc::clone(&self.config)).connect(name, stream).await
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    match CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>() {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(TlsError::Pem("certificates")),
    }
}
