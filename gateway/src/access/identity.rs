//! A client as the server knows it.

use proto::{Key, Micros, Op, Refusal, ValueType};

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

    /// Whether it may read this entry.
    pub(crate) fn may_read(&self, ty: ValueType, key: &str) -> bool {
        self.grant.allows_all() || self.grant.allows_listed(ty, key)
    }

    /// Refuses a listing of a type, or of all, if none of its entries may be read.
    pub(crate) fn check_listing(&self, ty: Option<ValueType>) -> Result<(), Refusal> {
        let may_list = |ty| self.grant.allows_listed(ty, self.grant.prefix());
        self.allowed(ValueType::ALL.into_iter().filter(|of| ty.is_none_or(|ty| ty == *of)).any(may_list))
    }

    /// Refuses to tell whether a condition on an entry holds, unless it may be read or written.
    pub(crate) fn check_condition(&self, ty: ValueType, key: Key<'_>) -> Result<(), Refusal> {
        let ops = [Op::Get { ty, key }, Op::Del { ty, key }];
        self.allowed(self.grant.allows_all() || ops.iter().any(|op| self.grant.allows(op)))
    }

    /// Refuses an operation that is not allowed. Looks at nothing that is stored, so that the refusal tells nothing of it.
    #[inline]
    pub(crate) fn check(&self, op: &Op<'_>) -> Result<(), Refusal> {
        self.allowed(self.grant.allows_all() || self.grant.allows(op))
    }

    #[inline]
    fn allowed(&self, allowed: bool) -> Result<(), Refusal> {
        match allowed {
            true => Ok(()),
            false if self.is_anonymous => Err(Refusal::Unauthenticated),
            false => Err(Refusal::Forbidden),
        }
    }
}
