//! What the operator's listener tells: whether the server is ready, and its metrics. `txnd::cli::operator` is the listener.
//!
//! ```text
//!   checks.rs    named checks
//!   metrics.rs   metrics, read from where they are counted when somebody asks
//! ```

mod checks;
mod metrics;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use engine::LogBuffer;
use prometheus_client::registry::Registry;
use txnd::cli::operator::{Check, Operated};
use txnd::cli::process::ProcessMetrics;

use crate::access::{Access, Scope};
use crate::clock;
use crate::config::Config;
use crate::context::Shared;
use crate::lifecycle::Lifecycle;
use crate::log::meters::LogMeters;

/// What can be asked from the beginning.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) config: Config,
    pub(crate) access: Arc<Access>,
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) log: Arc<LogMeters>,
    /// Set when the state is recovered.
    serving: OnceLock<Serving>,
}

/// What can be asked once the state is recovered.
pub(crate) struct Serving {
    pub(crate) shared: Arc<Shared>,
    /// Records that wait for the log, if there is one.
    pub(crate) buffer: Option<Arc<LogBuffer>>,
}

/// Tells the operator how the server is.
pub(crate) struct Operator {
    sources: Arc<Sources>,
    registry: Registry,
}

impl Sources {
    pub(crate) fn new(config: Config, access: Arc<Access>) -> Arc<Self> {
        Arc::new(Self { config, access, lifecycle: Arc::default(), log: Arc::default(), serving: OnceLock::new() })
    }

    /// The state is recovered.
    pub(crate) fn serve(&self, serving: Serving) {
        // Called once.
        let _ = self.serving.set(serving);
    }
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
        let token = authorization.and_then(|header| header.strip_prefix(b"Bearer ")).unwrap_or_default();
        access.with_token(token, from, clock::now()).is_ok_and(|identity| identity.grant().scopes().has(Scope::Admin))
    }
}

impl std::fmt::Debug for Serving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Serving")
    }
}
