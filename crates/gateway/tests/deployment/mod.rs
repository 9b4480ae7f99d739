//! The ways to give a kvs a log.

use std::any::Any;

use crate::harness::{Kvs, folder};
use crate::postgres_server::{PASSWORD, PostgresServer};

/// A log of its own, and what has to live as long as it.
pub(crate) struct Deployment {
    pub(crate) name: &'static str,
    /// What `--log` is set to.
    log: String,
    /// The database in which the log is tables.
    pub(crate) tables: Option<String>,
    _kept: Box<dyn Any>,
}

/// One of each kind.
pub(crate) fn all() -> Vec<Deployment> {
    vec![file(), postgres()]
}

pub(crate) fn file() -> Deployment {
    let folder = folder();
    let log = format!("file:{}", folder.path().display());
    Deployment { name: "file", log, tables: None, _kept: Box::new(folder) }
}

pub(crate) fn postgres() -> Deployment {
    let url = PostgresServer::shared().database();
    Deployment { name: "postgres", log: url.clone(), tables: Some(url), _kept: Box::new(()) }
}

impl Deployment {
    /// Starts a kvs with this log.
    pub(crate) fn start(&self, args: &[&str]) -> Kvs {
        let mut command = Kvs::program();
        command.args(["--http-addr", "127.0.0.1:0", "--workers", "2", "--log", &self.log]).args(args);
        let kvs = Kvs::try_start(&mut command).unwrap_or_else(|e| panic!("{}: kvs did not start: {e:?}", self.name));
        assert!(!kvs.lines.concat().contains(PASSWORD), "a password in the diagnostics");
        kvs
    }
}
