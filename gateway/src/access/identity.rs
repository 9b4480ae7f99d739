//! A client as the server knows it.

use proto::{Micros, Op, Refusal};

use super::grant::{Grant, Scopes};

/// Who makes a request, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    name: Box<str>,
    grant: Grant,
    /// When it ends, in Unix microseconds.
    expires: Option<Micros>,
    /// Whether the client has not said who it is, though it could.
    is_anonymous: bool,
}

impl Identity {
    /// Everyone, on a server that knows no identities.
    pub fn everyone() -> Self {
        Self::new("everyone", Grant::of(Scopes::ALL), None)
    }

    /// An identity. It ends at `expires`.
    pub(super) fn new(name: &str, grant: Grant, expires: Option<Micros>) -> Self {
        Self { name: name.into(), grant, expires, is_anonymous: false }
    }

    /// A client that has not said who it is, on a server that knows identities.
    pub(super) fn anonymous(scopes: Scopes) -> Self {
        Self { is_anonymous: true, ..Self::new("anonymous", Grant::of(scopes), None) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it may do.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// When it ends, in Unix microseconds.
    pub fn expires(&self) -> Option<Micros> {
        self.expires
    }

    /// Whether it has not ended at this time.
    #[inline]
    pub(super) fn is_valid(&self, at: Micros) -> bool {
        self.expires.is_none_or(|expires| at < expires)
    }

    /// Whether it may do nothing before it says who it is.
    pub(crate) fn must_authenticate(&self) -> bool {
        self.is_anonymous && self.grant.scopes().is_empty()
    }

    /// Whether every operation is allowed.
    #[inline]
    pub(crate) fn may_do_all(&self) -> bool {
        self.grant.allows_all()
    }

    /// Refuses an operation that is not allowed. Looks at nothing that is stored, so that the refusal tells nothing of it.
    #[inline]
    pub(crate) fn check(&self, op: &Op<'_>) -> Result<(), Refusal> {
        match self.grant.allows_all() || self.grant.allows(op) {
            true => Ok(()),
            false if self.is_anonymous => Err(Refusal::Unauthenticated),
            false => Err(Refusal::Forbidden),
        }
    }
}
