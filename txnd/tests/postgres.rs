//! The PostgreSQL sink: the conformance suite, what the tables hold, and messages that say what to do.

mod conformance;
mod writer;

use conformance::{Storage, sink_conformance};
use testkit::postgres_server::PostgresServer;
use txnd::{PostgresReader, PostgresSink};

/// A database of its own in a server that all tests share.
struct Tables {
    url: String,
}

impl Tables {
    fn new() -> Self {
        Self { url: PostgresServer::shared().database() }
    }
}

impl Storage for Tables {
    type Sink = PostgresSink;

    const KEEPS_BATCHES: bool = false;

    fn sink(&self) -> PostgresSink {
        self.url.parse().expect("a URL")
    }

    fn reader(&self) -> PostgresReader {
        self.url.parse().expect("a URL")
    }
}

sink_conformance!(postgres, Tables::new());
