//! What the operator's listener tells of txnd: whether it is ready, and its metrics.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;

use crate::cli::figures;
use crate::cli::operator::{Check, Operated};
use crate::cli::process::ProcessMetrics;
use crate::cli::sheet::Sheet;
use crate::config::{Config, SinkTarget};
use crate::meters;
use crate::service::LogCheck;

/// Tells the operator how txnd is.
#[derive(Debug)]
pub struct Operator {
    log: LogCheck,
    registry: Registry,
}

/// The metrics that kvs has, too.
#[derive(Debug)]
struct Common {
    log: LogCheck,
    /// The folder of a log in files.
    folder: Option<PathBuf>,
    /// The most connections.
    connections: usize,
}

impl Operator {
    /// That of a txnd with this configuration, `log`, and at most so many connections.
    pub fn new(config: &Config, log: LogCheck, connections: usize) -> Self {
        let folder = match &config.sink {
            SinkTarget::File(folder) => Some(folder.clone()),
            SinkTarget::Postgres(_) => None,
        };
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Common { log: log.clone(), folder, connections }));
        meters::register(&mut registry);
        registry.register_collector(Box::new(ProcessMetrics));
        Self { log, registry }
    }
}

impl Operated for Operator {
    /// All connections are served by the thread that asks. The log's thread may wait for a disk, which no restart mends.
    fn liveness(&self) -> Result<(), String> {
        Ok(())
    }

    fn status(&self) -> String {
        let Check { name, detail, .. } = self.log.check();
        format!("{name}: {detail}")
    }

    /// It is told of when the log's thread runs.
    fn is_starting(&self) -> bool {
        false
    }

    fn checks(&self) -> Vec<Check> {
        vec![self.log.check()]
    }

    fn metrics(&self) -> &Registry {
        &self.registry
    }

    fn admits(&self, _: Option<&[u8]>, _: IpAddr) -> bool {
        true
    }
}

impl Collector for Common {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut sheet = Sheet::new(encoder);
        figures::build_info(&mut sheet, env!("CARGO_PKG_VERSION"))?;
        meters::log(self.log.is_up()).encode(&mut sheet)?;
        meters::durable_after(&mut sheet)?;
        if let Some(folder) = &self.folder {
            figures::disk_free(&mut sheet, folder)?;
        }
        figures::connections(&mut sheet, &[meters::connections()], self.connections)
    }
}
