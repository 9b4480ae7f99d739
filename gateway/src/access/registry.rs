//! The identities in use.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use proto::{Micros, Refusal};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use super::attempts::{Attempts, Failed};
use super::file::{self, Identities, IdentitiesError, Proof};
use super::grant::{Grant, Scopes};
use super::identity::Identity;
use super::token::{self, HashKey, TokenHash};

/// How often the files are checked.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Name of the identity of `--token-file`.
const TOKEN_FILE: &str = "token-file";

/// Why the identities cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessError {
    #[error("cannot use the token: {0}")]
    Token(String),
    #[error("cannot use the identities: {0}")]
    Identities(#[from] IdentitiesError),
}

/// Who may use the server. Shared by all sessions.
#[derive(Debug)]
pub struct Access {
    sources: Sources,
    attempts: Attempts,
    /// Tokens that were wrong, expired or revoked.
    failures: AtomicU64,
    known: RwLock<Arc<Known>>,
    /// Grows with each change of `known`.
    generation: AtomicU64,
    changes: watch::Sender<()>,
}

/// Where identities come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// A file with a token for everything.
    pub(crate) token_file: Option<PathBuf>,
    /// A file of identities.
    pub(crate) identities: Option<PathBuf>,
    /// What clients may do that do not say who they are, if the operator has said it.
    pub(crate) anonymous: Option<Scopes>,
}

/// The identities of a generation.
#[derive(Debug)]
struct Known {
    key: HashKey,
    tokens: Vec<(TokenHash, Arc<Identity>)>,
    certificates: Vec<(String, Arc<Identity>)>,
    anonymous: Arc<Identity>,
    /// What was read, to find out whether it has changed.
    contents: Vec<String>,
}

impl Sources {
    fn are_none(&self) -> bool {
        self.token_file.is_none() && self.identities.is_none()
    }

    fn read(&self) -> Result<Known, AccessError> {
        let mut contents = Vec::new();
        let Identities { key, known } = match &self.identities {
            Some(path) => {
                let (identities, text) = file::read(path)?;
                contents.push(text);
                identities
            }
            None => Identities { key: HashKey::random(), known: Vec::new() },
        };
        let anonymous = match (self.are_none(), self.anonymous) {
            (true, None) => Identity::everyone(),
            (true, Some(scopes)) => Identity::new("everyone", Grant::of(scopes), None),
            (false, scopes) => Identity::anonymous(scopes.unwrap_or_default()),
        };
        let mut read =
            Known { key, tokens: Vec::new(), certificates: Vec::new(), anonymous: Arc::new(anonymous), contents };
        for (proof, identity) in known {
            match proof {
                Proof::Token(hash) => read.tokens.push((hash, Arc::new(identity))),
                Proof::Certificate(name) => read.certificates.push((name, Arc::new(identity))),
            }
        }
        if let Some(path) = &self.token_file {
            let token = token::read(path).map_err(AccessError::Token)?;
            let identity = Identity::new(TOKEN_FILE, Grant::of(Scopes::ALL), None);
            read.tokens.push((read.key.hash(token.as_bytes()), Arc::new(identity)));
            read.contents.push(token);
        }
        Ok(read)
    }
}

impl Known {
    /// The identity with this token. Each hash is compared, whatever is found.
    fn with_token(&self, token: &[u8], at: Micros) -> Option<Arc<Identity>> {
        let presented = self.key.hash(token);
        let found = self.tokens.iter().fold(None, |found, (hash, identity)| match hash.matches(&presented) {
            true => Some(identity),
            false => found,
        });
        found.filter(|identity| identity.is_valid(at)).map(Arc::clone)
    }
}

impl Access {
    /// Everyone may do everything, as on a server without identities.
    pub fn open() -> Arc<Self> {
        let sources = Sources::default();
        let known = sources.read().expect("there is nothing to read");
        Arc::new(Self::new(sources, known, 0))
    }

    /// Reads `sources`. An address may present `auth_failures` wrong tokens in a minute; 0 for any number.
    pub(crate) fn load(sources: Sources, auth_failures: u32) -> Result<Self, AccessError> {
        let known = sources.read()?;
        Ok(Self::new(sources, known, auth_failures))
    }

    fn new(sources: Sources, known: Known, auth_failures: u32) -> Self {
        let attempts = Attempts::new(auth_failures);
        let (changes, _) = watch::channel(());
        Self {
            sources,
            attempts,
            failures: AtomicU64::new(0),
            known: RwLock::new(Arc::new(known)),
            generation: AtomicU64::new(0),
            changes,
        }
    }

    /// Whether clients can say who they are.
    pub(crate) fn knows_identities(&self) -> bool {
        !self.sources.are_none()
    }

    /// Whether a client may do nothing before it says who it is.
    pub(crate) fn requires_identity(&self) -> bool {
        self.knows_identities() && self.sources.anonymous.is_none_or(Scopes::is_empty)
    }

    /// Number of tokens that were wrong, expired or revoked.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Yields when the identities have changed.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// The identity of a client that presents `token`.
    pub(crate) fn with_token(&self, token: &[u8], from: IpAddr, at: Micros) -> Result<Arc<Identity>, Refusal> {
        let known = self.known();
        if !self.knows_identities() {
            return Ok(Arc::clone(&known.anonymous));
        }
        let now = Instant::now();
        if !self.attempts.may_try(from, now) {
            return Err(Refusal::TooManyAttempts);
        }
        match known.with_token(token, at) {
            Some(identity) => Ok(identity),
            None => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                match self.attempts.failed(from, now) {
                    Failed::First => warn!(%from, "a client has presented a token that is wrong, expired or revoked"),
                    Failed::Last => warn!(%from, "too many wrong tokens: none of this address is looked at for now"),
                    Failed::Again => {}
                }
                Err(Refusal::Unauthenticated)
            }
        }
    }

    /// The identity of a client that has presented this token before, when it was right.
    pub(super) fn again(&self, token: &[u8], at: Micros) -> Result<Arc<Identity>, Refusal> {
        self.known().with_token(token, at).ok_or(Refusal::Unauthenticated)
    }

    /// The identity of a client whose certificate has these DNS names and that presents no token.
    pub(super) fn with_certificate(&self, names: &[String], at: Micros) -> Arc<Identity> {
        let known = self.known();
        let found = known.certificates.iter().find(|(name, identity)| names.contains(name) && identity.is_valid(at));
        Arc::clone(found.map_or(&known.anonymous, |(_, identity)| identity))
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again. Returns whether something has changed. After an error everything is as before.
    fn reload(&self) -> Result<bool, AccessError> {
        let read = self.sources.read()?;
        if read.contents == self.known().contents {
            return Ok(false);
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(read);
        self.generation.fetch_add(1, Ordering::Release);
        self.changes.send_replace(());
        Ok(true)
    }

    /// Reads the files again because the operator asks for it.
    pub(crate) fn reload_now(&self) {
        if self.sources.are_none() {
            return info!("SIGHUP: there is no token file to reload, and no identities");
        }
        match self.reload() {
            Ok(_) => info!("SIGHUP: the token was read again, and the identities"),
            Err(e) => warn!("SIGHUP: those of before stay in use: {e}"),
        }
    }

    /// Reads the files again whenever they change, for ever. A file that cannot be used is reported once.
    pub(crate) async fn watch(self: Arc<Self>) {
        if self.sources.are_none() {
            return;
        }
        let mut interval = tokio::time::interval(WATCH_INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reported = None;
        loop {
            interval.tick().await;
            let this = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || this.reload()).await {
                Ok(Ok(changed)) => {
                    if changed {
                        info!("the identities have changed");
                    }
                    reported = None;
                }
                Ok(Err(e)) => {
                    let why = e.to_string();
                    if reported.as_ref() != Some(&why) {
                        warn!("those of before stay in use: {why}");
                        reported = Some(why);
                    }
                }
                // The server is stopping.
                Err(_) => return,
            }
        }
    }
}
