//! The PostgreSQL sink: the conformance suite, what the tables hold, and messages that say what to do.

mod conformance;
mod writer;

use conformance::{Storage, sink_conformance};
use std::sync::OnceLock;

use testkit::postgres_server::{Pooler, PostgresServer};
use txnd::{PostgresReader, PostgresSink};

/// A database of its own in a server that all tests share.
struct Tables {
    url: String,
}

impl Tables {
    fn new() -> Self {
        Self { url: PostgresServer::shared().database() }
    }

    /// The same with partitions of so few records that the tests have many.
    fn in_small_partitions() -> Self {
        Self { url: format!("{}?partition-records=256", PostgresServer::shared().database()) }
    }

    /// The same through a pooler that gives each transaction another session.
    fn through_a_pooler() -> Self {
        static POOLER: OnceLock<Option<Pooler>> = OnceLock::new();
        let pooler = POOLER.get_or_init(|| PostgresServer::shared().pooler("transaction", &[], &[]));
        let url = PostgresServer::shared().database();
        Self { url: pooler.as_ref().map(|pooler| pooler.url_of(&url)).unwrap_or(url) }
    }
}

impl Storage for Tables {
    type LogWriter = PostgresSink;

    const KEEPS_BATCHES: bool = false;

    fn sink(&self) -> PostgresSink {
        self.url.parse().expect("a URL")
    }

    fn reader(&self) -> PostgresReader {
        self.url.parse().expect("a URL")
    }
}

sink_conformance!(postgres, Tables::new(), checkpoints);
sink_conformance!(small_partitions, Tables::in_small_partitions(), checkpoints);
sink_conformance!(through_a_pooler, Tables::through_a_pooler(), checkpoints);
