//! What the operator's listener tells: whether the server lives and is ready, and its metrics. `txnd::cli::operator` is the
//! listener, and `txnd::cli::supervisor` tells systemd.
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
use txnd::cli::operator::{Check, Operated};
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
        let access = &self.sources.access;
        if !access.knows_identities() || from.to_canonical().is_loopback() {
            return true;
        }
        let token = authorization.and_then(bearer).unwrap_or_default();
        access.with_token(token, from, clock::now()).is_ok_and(|identity| identity.grant().scopes().has(Scope::Admin))
    }
}
