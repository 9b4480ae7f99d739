//! TLS towards the clients of kvs: the server presents a certificate; a client may present one, or must, if the operator
//! says so.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::expiry::Expiry;
use super::files::TlsError;
use super::leaf::{self, Leaf};
use super::material::{Dated, DatedKind};
use super::pem;
use super::refusal::Refusal;
use super::reload::{self, Reload, read_blocking};

/// What a door is made of.
#[derive(Clone, Debug)]
pub struct DoorSettings {
    /// The server's certificate, followed by any intermediate certificates (PEM).
    pub cert: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
    /// The CAs that clients' certificates must be signed by (PEM). None: clients present no certificate.
    pub client_ca: Option<PathBuf>,
    /// Revocation lists of those CAs (PEM).
    pub client_crl: Option<PathBuf>,
    /// Whether a client must present a certificate.
    pub client_cert_required: bool,
    /// Whether TLS 1.2 is spoken, too.
    pub tls12: bool,
}

/// The server's side of TLS with clients. The files are read again when they change. New connections use the new ones.
/// Connections of before end if the CAs or revocation lists for clients have changed, so that a revoked certificate does
/// not live on in them.
pub struct Door {
    settings: DoorSettings,
    /// Names for ALPN.
    protocols: Vec<&'static [u8]>,
    current: Mutex<Generation>,
    expiry: Mutex<Expiry>,
}

/// A client whose handshake was successful.
#[derive(Debug)]
pub struct Entered {
    /// The connection.
    pub stream: TlsStream<TcpStream>,
    /// DNS names of the client's certificate.
    pub names: Vec<String>,
    /// Cancelled when the client must show its certificate again.
    pub over: CancellationToken,
}

/// The bytes of the files.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Contents {
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
    client_crl: Option<Vec<u8>>,
}

struct Generation {
    contents: Arc<Contents>,
    /// One for each protocol.
    configs: Vec<Arc<ServerConfig>>,
    dated: Arc<[Dated]>,
    over: CancellationToken,
}

impl Door {
    /// Reads the files. `protocols` are the names that clients may name (ALPN).
    pub fn new(settings: DoorSettings, protocols: Vec<&'static [u8]>) -> Result<Self, TlsError> {
        let current = Generation::new(&settings, &protocols, Contents::read(&settings)?)?;
        let this = Self { settings, protocols, current: Mutex::new(current), expiry: Mutex::default() };
        this.warn_of_expiry();
        Ok(this)
    }

    /// The handshake with a client, without a timeout. A client that names protocols must name the one with this number.
    pub async fn enter(&self, stream: TcpStream, protocol: usize) -> Result<Entered, String> {
        let (config, over) = {
            let current = self.current.lock();
            (Arc::clone(&current.configs[protocol]), current.over.clone())
        };
        let accepted = TlsAcceptor::from(config).accept(stream).await;
        let ca = self.settings.client_ca.as_ref().unwrap_or(&self.settings.cert);
        let stream = accepted.map_err(|e| Refusal::of(&e, ca).sentence)?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let names = certificate.map(Leaf::read).transpose()?.map(|leaf| leaf.names).unwrap_or_default();
        Ok(Entered { stream, names, over })
    }

    /// Reads the files again whenever they change, for ever.
    pub async fn watch(self: Arc<Self>) {
        reload::watch(&*self).await;
    }
}

impl Reload for Door {
    type Contents = Contents;

    async fn read(&self) -> Result<Contents, TlsError> {
        let settings = self.settings.clone();
        read_blocking(move || Contents::read(&settings)).await
    }

    fn replace(&self, contents: Contents) -> Result<bool, TlsError> {
        if *self.current.lock().contents == contents {
            return Ok(false);
        }
        let next = Generation::new(&self.settings, &self.protocols, contents)?;
        let mut current = self.current.lock();
        let before = &current.contents;
        let same_clients = before.client_ca == next.contents.client_ca && before.client_crl == next.contents.client_crl;
        match same_clients {
            true => *current = Generation { over: current.over.clone(), ..next },
            false => std::mem::replace(&mut *current, next).over.cancel(),
        }
        drop(current);
        self.warn_of_expiry();
        Ok(true)
    }

    fn warn_of_expiry(&self) {
        let dated = Arc::clone(&self.current.lock().dated);
        self.expiry.lock().warn(&dated, SystemTime::now());
    }
}

impl Contents {
    fn read(settings: &DoorSettings) -> Result<Self, TlsError> {
        Ok(Self {
            cert: pem::read(&settings.cert)?,
            key: pem::read(&settings.key)?,
            client_ca: settings.client_ca.as_deref().map(pem::read).transpose()?,
            client_crl: settings.client_crl.as_deref().map(pem::read).transpose()?,
        })
    }
}

impl Generation {
    fn new(settings: &DoorSettings, protocols: &[&[u8]], contents: Contents) -> Result<Self, TlsError> {
        const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
        const LATEST: &[&SupportedProtocolVersion] = &[&TLS13];
        let unusable = |what: String| TlsError::Unusable { path: settings.cert.clone(), what };
        let chain = pem::certificates(&settings.cert, &contents.cert)?;
        let key = pem::private_key(&settings.key, &contents.key)?;
        let own = Leaf::read(&chain[0]).map_err(unusable)?;
        own.check_dates(SystemTime::now()).map_err(unusable)?;
        let mut dated: Vec<Dated> =
            chain.iter().filter_map(|der| Dated::certificate(DatedKind::Certificate, &settings.cert, der)).collect();
        let provider = Arc::new(ring::default_provider());
        let setup = |e: &dyn std::error::Error| TlsError::Setup { path: settings.cert.clone(), what: e.to_string() };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(if settings.tls12 { BOTH } else { LATEST })
            .map_err(|e| setup(&e))?;
        let builder = match (&settings.client_ca, &contents.client_ca) {
            (Some(path), Some(bytes)) => {
                let mut roots = RootCertStore::empty();
                for ca in pem::certificates(path, bytes)? {
                    dated.extend(Dated::certificate(DatedKind::Ca, path, &ca));
                    roots.add(ca).map_err(|e| TlsError::Unusable { path: path.clone(), what: e.to_string() })?;
                }
                let mut verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                if let (Some(path), Some(bytes)) = (&settings.client_crl, &contents.client_crl) {
                    let crls = pem::revocation_lists(path, bytes)?;
                    dated.extend(crls.iter().filter_map(|crl| Dated::list(path, crl)));
                    verifier = verifier.with_crls(crls).enforce_revocation_expiration();
                }
                if !settings.client_cert_required {
                    verifier = verifier.allow_unauthenticated();
                }
                builder.with_client_cert_verifier(verifier.build().map_err(|e| setup(&e))?)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|e| match e {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::KeyMismatch { key: settings.key.clone(), cert: settings.cert.clone() }
            }
            other => TlsError::Unusable { path: settings.key.clone(), what: other.to_string() },
        })?;
        if settings.client_ca.is_some() {
            // A resumed session does not present its certificate again.
            config.send_tls13_tickets = 0;
            config.max_tls13_tickets = 0;
            config.session_storage = Arc::new(NoServerSessionStorage {});
        }
        info!(cert = %settings.cert.display(), expires = %leaf::date(own.not_after), "certificate for clients in use");
        Ok(Self {
            contents: Arc::new(contents),
            configs: protocols.iter().map(|protocol| with_protocol(&config, protocol)).collect(),
            dated: dated.into(),
            over: CancellationToken::new(),
        })
    }
}

fn with_protocol(config: &ServerConfig, protocol: &[u8]) -> Arc<ServerConfig> {
    let mut config = config.clone();
    config.alpn_protocols = vec![protocol.into()];
    Arc::new(config)
}
