//! What the operator's listener tells: whether the server lives and is ready, and its metrics; and the checkpoints that it can be
//! asked for. `txnd::cli::operator` is the listener, and `txnd::cli::supervisor` tells systemd.
//!
//! ```text
//!   sources.rs   what is asked
//!   checks.rs    named checks, and whether the workers live
//!   metrics.rs   metrics, read from where they are counted when somebody asks
//! ```

mod checks;
mod metrics;
mod sources;

use std::net::IpAddr;
use std::sync::Arc;

use prometheus_client::registry::Registry;
use tracing::info;
use txnd::cli::operator::{Check, Checkpoints, Operated};
use txnd::cli::process::ProcessMetrics;

use crate::access::{Scope, bearer};
use crate::clock;
use crate::lifecycle::Phase;

pub(crate) use sources::{Serving, Sources};

/// Tells the operator how the server is.
pub(crate) struct Operator {
    sources: Arc<Sources>,
    registry: Registry,
}

impl Operator {
    pub(crate) fn new(sources: Arc<Sources>) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Arc::clone(&sources)));
        registry.register_collector(Box::new(ProcessMetrics));
        Self { sources, registry }
    }

    /// Whether this header `Authorization` shows a token with the scope admin, if there are identities.
    fn is_admin(&self, authorization: Option<&[u8]>, from: IpAddr) -> bool {
        let access = &self.sources.access;
        let token = authorization.and_then(bearer).unwrap_or_default();
        let identity = || access.with_token(token, from, clock::now());
        !access.knows_identities() || identity().is_ok_and(|identity| identity.grant().scopes().has(Scope::Admin))
    }
}

impl Operated for Operator {
    fn liveness(&self) -> Result<(), String> {
        checks::liveness(&self.sources)
    }

    fn status(&self) -> String {
        checks::headline(&self.sources)
    }

    fn is_starting(&self) -> bool {
        matches!(self.sources.lifecycle.phase(), Phase::Opening | Phase::Recovering)
    }

    fn checks(&self) -> Vec<Check> {
        checks::all(&self.sources)
    }

    fn metrics(&self) -> &Registry {
        &self.registry
    }

    fn admits(&self, authorization: Option<&[u8]>, from: IpAddr) -> bool {
        from.to_canonical().is_loopback() || self.is_admin(authorization, from)
    }

    fn checkpoints(&self) -> Option<&dyn Checkpoints> {
        Some(self)
    }
}

impl Checkpoints for Operator {
    fn admits(&self, authorization: Option<&[u8]>, from: IpAddr) -> bool {
        self.is_admin(authorization, from)
    }

    fn begin(&self) -> Result<(), &'static str> {
        let serving =
            self.sources.serving.get().ok_or("the server is starting, and has not recovered its state yet")?;
        let checkpoints = serving.checkpoints.as_ref().ok_or("there is no log, and no checkpoint of it")?;
        info!("the operator asks for a checkpoint");
        checkpoints.send();
        Ok(())
    }
}
