//! What is asked.

use std::sync::{Arc, OnceLock};

use engine::LogBuffer;

use crate::access::Access;
use crate::config::Config;
use crate::context::Shared;
use crate::lifecycle::Lifecycle;
use crate::log::meters::LogMeters;
use crate::log::thread::CheckpointRequest;

/// What can be asked from the beginning.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) config: Config,
    pub(crate) access: Arc<Access>,
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) log: Arc<LogMeters>,
    /// Set when the state is recovered.
    pub(super) serving: OnceLock<Serving>,
}

/// What can be asked once the state is recovered.
pub(crate) struct Serving {
    pub(crate) shared: Arc<Shared>,
    /// Records that wait for the log, if there is one.
    pub(crate) buffer: Option<Arc<LogBuffer>>,
    /// Asks for checkpoints, if there is a log.
    pub(crate) checkpoints: Option<CheckpointRequest>,
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

impl std::fmt::Debug for Serving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Serving")
    }
}
