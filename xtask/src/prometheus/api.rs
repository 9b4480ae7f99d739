//! What Prometheus answers (<https://prometheus.io/docs/prometheus/latest/querying/api/>).

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::Failed;

/// The HTTP API of one Prometheus.
pub(super) struct Api {
    addr: String,
}

/// An alert rule, as Prometheus has read it.
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) query: String,
    /// `ok` once it was evaluated without an error.
    pub(super) health: String,
    /// `inactive`, `pending` or `firing`.
    pub(super) state: String,
}

impl Api {
    pub(super) fn new(addr: String) -> Self {
        Self { addr }
    }

    /// The number of targets whose last scrape has succeeded.
    pub(super) fn targets_up(&self) -> Result<usize, Failed> {
        let targets = self.get("targets?state=active")?;
        let targets = targets["activeTargets"].as_array().cloned().unwrap_or_default();
        Ok(targets.iter().filter(|target| target["health"] == "up").count())
    }

    pub(super) fn rules(&self) -> Result<Vec<Rule>, Failed> {
        let answer = self.get("rules?type=alert")?;
        let groups = answer["groups"].as_array().into_iter().flatten();
        let rules = groups.flat_map(|group| group["rules"].as_array().into_iter().flatten());
        let text = |rule: &Value, field: &str| rule[field].as_str().unwrap_or_default().to_owned();
        Ok(rules
            .map(|rule| Rule {
                name: text(rule, "name"),
                query: text(rule, "query"),
                health: text(rule, "health"),
                state: text(rule, "state"),
            })
            .collect())
    }

    /// The number of series of an expression. Fails if it is not valid.
    pub(super) fn query(&self, expression: &str) -> Result<usize, Failed> {
        let encoded = expression.bytes().fold(String::new(), |mut encoded, byte| {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
            encoded
        });
        let answer = self.get(&format!("query?query={encoded}"))?;
        Ok(answer["result"].as_array().map_or(0, Vec::len))
    }

    fn get(&self, path: &str) -> Result<Value, Failed> {
        let exchange = || {
            let mut stream = TcpStream::connect(&self.addr)?;
            // The answer of HTTP/1.0 has no chunks, and ends with the connection.
            write!(stream, "GET /api/v1/{path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.addr)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok::<_, std::io::Error>(answer)
        };
        let answer = exchange().map_err(|e| format!("Prometheus at {}: {e}", self.addr))?;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let answer: Value = serde_json::from_str(body).map_err(|e| format!("{path}: {e}: {answer}"))?;
        match answer["status"] == "success" {
            true => Ok(answer["data"].clone()),
            false => Err(Failed(format!("{path}: {answer}"))),
        }
    }
}
