//! The client of one connection.

use std::cell::{Cell, Ref, RefCell};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use proto::{Micros, Refusal};
use subtle::ConstantTimeEq;
use tokio::sync::Notify;

use super::identity::Identity;
use super::registry::Access;
use crate::clock;

/// Longest time between two looks at the clock while a session waits for the end of its identity.
const EXPIRY_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Who is at the other end of a connection.
///
/// An identity can end at any time: it expires, or the operator changes or revokes it. So each request asks
/// [`Caller::identity`], which costs a comparison as long as nothing has changed.
#[derive(Debug)]
pub struct Caller {
    access: Arc<Access>,
    address: IpAddr,
    /// DNS names of the client's certificate.
    certificate: Vec<String>,
    /// The token that was presented last, and was right.
    token: RefCell<Option<Box<[u8]>>>,
    identity: RefCell<Arc<Identity>>,
    /// That of `identity`.
    generation: Cell<u64>,
    /// Whether the server knows who the client is, or has known it.
    was_known: Cell<bool>,
    /// Notified when `identity` has changed.
    changed: Notify,
}

impl Caller {
    /// A client that has presented a certificate with these DNS names, or none, and no token yet.
    pub fn new(access: Arc<Access>, address: IpAddr, certificate: Vec<String>) -> Self {
        let generation = access.generation();
        let identity = access.with_certificate(&certificate, clock::now());
        let was_known = Cell::new(!identity.must_authenticate());
        Self {
            access,
            address,
            certificate,
            token: RefCell::default(),
            identity: RefCell::new(identity),
            generation: Cell::new(generation),
            was_known,
            changed: Notify::new(),
        }
    }

    /// A client of a server without identities.
    pub fn on_open_server() -> Self {
        Self::new(Access::open(), Ipv4Addr::LOCALHOST.into(), Vec::new())
    }

    /// The same client, as it is now, for a request that is carried out on another thread.
    pub(crate) fn twin(&self) -> Self {
        Self {
            access: Arc::clone(&self.access),
            address: self.address,
            certificate: self.certificate.clone(),
            token: self.token.clone(),
            identity: self.identity.clone(),
            generation: self.generation.clone(),
            was_known: self.was_known.clone(),
            changed: Notify::new(),
        }
    }

    /// The client's address.
    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }

    /// A token is presented: it says who makes the requests from now on.
    pub fn present(&self, token: &[u8], at: Micros) -> Result<(), Refusal> {
        let same = self.token.borrow().as_deref().is_some_and(|before| before.ct_eq(token).into());
        if same && self.is_current() {
            return Ok(());
        }
        self.set(token, at, || self.access.with_token(token, self.address, at))
    }

    fn set(
        &self,
        token: &[u8],
        at: Micros,
        found: impl FnOnce() -> Result<Arc<Identity>, Refusal>,
    ) -> Result<(), Refusal> {
        // Before the identities are looked at: what changes meanwhile is noticed.
        self.generation.set(self.access.generation());
        match found() {
            Ok(identity) => {
                self.identity.replace(identity);
                self.token.replace(Some(token.into()));
                self.was_known.set(true);
                self.changed.notify_one();
                Ok(())
            }
            Err(refusal) => {
                self.forget_token(at);
                Err(refusal)
            }
        }
    }

    /// A request without a token: the client is who its certificate says, or anonymous.
    pub fn present_nothing(&self, at: Micros) {
        if self.token.borrow().is_some() || !self.is_current() {
            self.forget_token(at);
        }
    }

    fn forget_token(&self, at: Micros) {
        self.token.replace(None);
        self.generation.set(self.access.generation());
        self.identity.replace(self.access.with_certificate(&self.certificate, at));
    }

    #[inline]
    fn is_current(&self) -> bool {
        self.generation.get() == self.access.generation()
            && self.identity.borrow().expires().is_none_or(|expires| clock::now() < expires)
    }

    /// Who makes a request now. Fails if the token that was presented is no longer valid, by the machine's clock.
    #[inline]
    pub fn identity(&self) -> Result<Ref<'_, Identity>, Refusal> {
        if !self.is_current() {
            self.renew(clock::now())?;
        }
        Ok(Ref::map(self.identity.borrow(), |identity| &**identity))
    }

    #[cold]
    fn renew(&self, at: Micros) -> Result<(), Refusal> {
        let token = self.token.take();
        self.forget_token(at);
        match token {
            // It was right once, so it is nobody's guess.
            Some(token) => self.set(&token, at, || self.access.again(&token, at)),
            None => Ok(()),
        }
    }

    /// Who the client is, as it was found out last.
    pub(crate) fn known(&self) -> Arc<Identity> {
        Arc::clone(&self.identity.borrow())
    }

    /// Whether the client may do nothing before it says who it is.
    pub(crate) fn must_authenticate(&self) -> bool {
        self.identity.borrow().must_authenticate()
    }

    /// Waits until the server no longer knows who the client is, though it has known it.
    pub(crate) async fn ended(&self) {
        let mut changes = self.access.changes();
        loop {
            let is_known = self.identity().is_ok() && !self.must_authenticate();
            if self.was_known.get() && !is_known {
                return;
            }
            let expires = self.identity.borrow().expires().is_some();
            tokio::select! {
                _ = changes.changed() => {}
                () = self.changed.notified() => {}
                () = tokio::time::sleep(EXPIRY_CHECK_INTERVAL), if expires => {}
            }
        }
    }
}
