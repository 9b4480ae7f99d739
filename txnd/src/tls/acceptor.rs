//! The server's side of a handshake, and the reloading of certificates.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::expiry::{Clock, Expiry, system_clock};
use super::files::{TlsError, TlsFiles};
use super::leaf::date;
use super::material::{Contents, Dated, Material};
use super::refusal::{Reason, Refusal};
use super::reload::{Reload, read_blocking};
use super::verifier::AllowedNames;
use crate::meters;

/// An accepted client. Each of its requests carries it as an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The name that its certificate was accepted for.
    pub name: String,
    /// Its address.
    pub address: SocketAddr,
    /// Whether it may use the log. A client with the server's own certificate may only ask for the server's health.
    pub may_write: bool,
}

/// The server's certificates, and the clients that are accepted with each of them.
///
/// When the files change, new connections use the new ones, and earlier connections are closed: a revoked or replaced
/// certificate must not live on in them. Writers reconnect and resume, without loss. Files that cannot be used change
/// nothing.
pub struct Acceptor {
    files: TlsFiles,
    allowed: Vec<String>,
    clock: Clock,
    current: Mutex<Generation>,
    expiry: Mutex<Expiry>,
}

/// One set of certificates, in use from one change of the files to the next.
#[derive(Clone)]
struct Generation {
    contents: Arc<Contents>,
    config: Arc<ServerConfig>,
    guests: Arc<AllowedNames>,
    dated: Arc<[Dated]>,
    over: CancellationToken,
}

impl Acceptor {
    /// Reads the files. Accepts clients whose certificate has one of the `allowed` DNS names.
    pub fn new(files: TlsFiles, allowed: Vec<String>) -> Result<Self, TlsError> {
        Self::with_clock(files, allowed, system_clock())
    }

    /// The same, with another clock for expiry dates.
    pub fn with_clock(files: TlsFiles, allowed: Vec<String>, clock: Clock) -> Result<Self, TlsError> {
        let contents = Contents::read(&files)?;
        let current = Generation::new(&files, &allowed, contents, &clock)?;
        let this = Self { files, allowed, clock, current: Mutex::new(current), expiry: Mutex::default() };
        this.warn_of_expiry();
        Ok(this)
    }

    /// Checks the files now. Returns whether they have changed. After an error everything is as before.
    pub async fn reload(&self) -> Result<bool, TlsError> {
        let contents = self.read().await?;
        self.replace(contents)
    }

    /// The handshake with a client, without a timeout. Returns the stream, the client, and a token that is cancelled
    /// when the certificates are replaced.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        address: SocketAddr,
    ) -> Result<(TlsStream<TcpStream>, Peer, CancellationToken), Refusal> {
        let generation = self.current.lock().clone();
        let accepted = TlsAcceptor::from(generation.config).accept(stream).await;
        let stream = accepted.map_err(|e| Refusal::of(&e, &self.files.ca))?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let guest = match certificate {
            Some(certificate) => generation.guests.admit(certificate)?,
            None => return Err(Refusal::new(Reason::NoCertificate, "no certificate was presented".into())),
        };
        Ok((stream, Peer { name: guest.name, address, may_write: guest.may_write }, generation.over))
    }
}

impl Reload for Acceptor {
    type Contents = Contents;

    async fn read(&self) -> Result<Contents, TlsError> {
        let files = self.files.clone();
        read_blocking(move || Contents::read(&files)).await
    }

    fn replace(&self, contents: Contents) -> Result<bool, TlsError> {
        if *self.current.lock().contents == contents {
            return Ok(false);
        }
        let next = Generation::new(&self.files, &self.allowed, contents, &self.clock)?;
        let before = std::mem::replace(&mut *self.current.lock(), next);
        before.over.cancel();
        meters::certificates_replaced();
        self.warn_of_expiry();
        Ok(true)
    }

    fn warn_of_expiry(&self) {
        let dated = Arc::clone(&self.current.lock().dated);
        self.expiry.lock().warn(&dated, (self.clock)());
    }
}

impl Generation {
    fn new(files: &TlsFiles, allowed: &[String], contents: Contents, clock: &Clock) -> Result<Self, TlsError> {
        let material = Material::parse(files, &contents)?;
        material.check_dates(clock())?;
        let not_after = material.leaf.not_after;
        let guests = Arc::new(AllowedNames { allowed: allowed.to_vec(), own: material.own().clone() });
        let dated = material.dated.as_slice().into();
        let config = Arc::new(material.server(Arc::clone(&guests))?);
        info!(cert = %files.cert.display(), expires = %date(not_after), revocation = files.crl.is_some(), "certificates in use");
        meters::certificate_expires(not_after);
        Ok(Self { contents: Arc::new(contents), config, guests, dated, over: CancellationToken::new() })
    }
}
