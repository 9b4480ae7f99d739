//! The server's side of a handshake, and the reloading of certificates.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::expiry::{Clock, Expiry, system_clock};
use super::files::{TlsError, TlsFiles};
use super::leaf::date;
use super::material::{Contents, Dated, Material};
use super::refusal::{Reason, Refusal};
use super::verifier::AllowedNames;
use crate::meters;

/// How often the files are looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// A client that was let in; the extensions of each of its requests hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The name that its certificate was accepted for.
    pub name: String,
    /// Where it connects from.
    pub address: SocketAddr,
    /// Whether it may use the log. Who shows the server's own certificate may only ask for its health.
    pub may_write: bool,
}

/// The server's certificates, and who is let in with which.
///
/// When the files change, the new ones are used for new connections, and the connections of before are ended: a revoked or
/// replaced certificate must not live on in them. Writers connect again and resume, without loss. Files that cannot be used
/// change nothing.
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

/// What the last look at the files found, if it cannot be used.
struct Rejected {
    found: Result<Contents, String>,
    why: TlsError,
    reported: bool,
}

impl Acceptor {
    /// Reads the files. Clients are let in whose certificate carries one of the `allowed` DNS names.
    pub fn new(files: TlsFiles, allowed: Vec<String>) -> Result<Self, TlsError> {
        Self::with_clock(files, allowed, system_clock())
    }

    /// The same, with another clock for what expires.
    pub fn with_clock(files: TlsFiles, allowed: Vec<String>, clock: Clock) -> Result<Self, TlsError> {
        let contents = Contents::read(&files)?;
        let current = Generation::new(&files, &allowed, contents, &clock)?;
        let this = Self { files, allowed, clock, current: Mutex::new(current), expiry: Mutex::default() };
        this.warn_of_expiry();
        Ok(this)
    }

    /// Warns of what is in use and expires, where a line is due.
    fn warn_of_expiry(&self) {
        let dated = Arc::clone(&self.current.lock().dated);
        self.expiry.lock().warn(&dated, (self.clock)());
    }

    /// Looks at the files now. Returns whether they have changed; an error leaves everything as it was.
    pub async fn reload(self: &Arc<Self>) -> Result<bool, TlsError> {
        let contents = self.read().await?;
        self.replace(contents)
    }

    /// Looks at the files for ever. What cannot be used is reported when it has been found twice: files that are
    /// replaced one after the other do not fit together for a moment.
    pub(super) async fn watch(self: Arc<Self>) {
        let mut interval = tokio::time::interval(WATCH_INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut rejected: Option<Rejected> = None;
        loop {
            interval.tick().await;
            self.warn_of_expiry();
            let (found, outcome) = match self.read().await {
                Ok(contents) => (Ok(contents.clone()), self.replace(contents)),
                Err(e) => (Err(e.to_string()), Err(e)),
            };
            rejected = match (outcome, rejected) {
                (Ok(_), _) => None,
                (Err(_), Some(mut before)) if before.found == found => {
                    if !before.reported {
                        warn!("the changed certificates cannot be used, those of before stay in use: {}", before.why);
                        meters::certificates_rejected();
                        before.reported = true;
                    }
                    Some(before)
                }
                (Err(why), _) => Some(Rejected { found, why, reported: false }),
            };
        }
    }

    /// The handshake with a client, without a time limit. Returns the stream, the client, and what ends when the
    /// certificates are replaced.
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

    async fn read(self: &Arc<Self>) -> Result<Contents, TlsError> {
        let this = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || Contents::read(&this.files)).await;
        read.map_err(|e| TlsError::Read { path: self.files.cert.clone(), source: e.into() })?
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
