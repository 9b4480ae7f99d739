//! What the operator's listener of a server is asked, over plain HTTP: figures, and a checkpoint.

use std::io;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::args::Command;
use crate::failure::Failure;
use crate::show::{self, Format};

/// Largest response, in bytes.
const MAX_RESPONSE_BYTES: u64 = 16 << 20;

/// How often a checkpoint is looked for.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// What is told of a server: these of its metrics, which begin with `kvs_`.
const FIGURES: [&str; 20] = [
    "serving",
    "entries",
    "entries_expiring",
    "memory_bytes",
    "memory_limit_bytes",
    "connections",
    "connections_limit",
    "idempotency_keys",
    "feed_followers",
    "log_up",
    "log_epoch",
    "log_last_lsn",
    "log_durable_lsn",
    "log_pending_bytes",
    "log_disk_free_bytes",
    "checkpoints_total",
    "checkpoint_base_lsn",
    "checkpoint_entries",
    "checkpoint_bytes",
    "checkpoint_due_bytes",
];

/// The listener of a server.
pub(crate) struct Operator {
    /// Host and port.
    pub(crate) addr: String,
    pub(crate) token: Option<String>,
    /// The longest wait for a response.
    pub(crate) timeout: Duration,
}

/// Executes a command that is one for the listener.
pub(crate) async fn execute(operator: &Operator, command: &Command, format: Format) -> Result<(), Failure> {
    match command {
        Command::Checkpoint { wait } => operator.checkpoint(*wait, format).await,
        _ => show::figures(&operator.figures().await?, format),
    }
}

impl Operator {
    /// Asks for a checkpoint, and waits for it for at most so long.
    async fn checkpoint(&self, wait: Option<Duration>, format: Format) -> Result<(), Failure> {
        let Some(wait) = wait else {
            self.ask("POST", "/checkpoint").await?;
            return show::done("a checkpoint is begun", format);
        };
        let began = Instant::now();
        let failed = |figures: &Json| figures["checkpoints_total"]["failed"].as_u64();
        let before = self.figures().await?;
        self.ask("POST", "/checkpoint").await?;
        loop {
            let now = self.figures().await?;
            let base = now["checkpoint_base_lsn"].as_u64();
            if base.is_some_and(|base| Some(base) >= before["log_last_lsn"].as_u64()) {
                return show::fact("checkpoint_base_lsn", &json!(base), format);
            }
            if failed(&now) > failed(&before) {
                return Err(Failure::Refused("the checkpoint could not be written; the server's log says why".into()));
            }
            if began.elapsed() >= wait {
                return Err(Failure::Unknown(format!("the checkpoint is not complete after {wait:?}")));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// The figures of the server, by name, and by their label if they have one.
    async fn figures(&self) -> Result<Json, Failure> {
        let metrics = self.ask("GET", "/metrics").await?;
        let mut figures = Map::new();
        for (name, label, value) in metrics.lines().filter_map(sample) {
            match label {
                Some(version) if name == "build_info" => drop(figures.insert("version".into(), version.into())),
                _ if !FIGURES.contains(&name) => {}
                None => drop(figures.insert(name.into(), value)),
                Some(label) => figures.entry(name).or_insert_with(|| json!({}))[label] = value,
            }
        }
        Ok(figures.into())
    }

    /// The body of the response to a request.
    async fn ask(&self, method: &str, path: &str) -> Result<String, Failure> {
        let at = |what: &dyn std::fmt::Display| {
            format!("the operator's listener at {} (the server's --admin-addr): {what}", self.addr)
        };
        let connected = tokio::time::timeout(self.timeout, TcpStream::connect(&self.addr)).await;
        let connected = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let stream = connected.map_err(|e| Failure::Unreachable(at(&e)))?;
        let exchanged = tokio::time::timeout(self.timeout, self.exchange(stream, method, path)).await;
        match exchanged.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok((200 | 202, body)) => Ok(body),
            Ok((status, body)) => Err(Failure::Refused(at(&format!("{status}: {}", body.trim_end())))),
            Err(e) if method == "GET" => Err(Failure::Unreachable(at(&e))),
            Err(e) => Err(Failure::Unknown(at(&e))),
        }
    }

    /// Sends a request, and returns the status and the body of its response.
    async fn exchange(&self, mut stream: TcpStream, method: &str, path: &str) -> io::Result<(u16, String)> {
        let token = self.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: 0\r\nAccept: text/plain\r\n{token}\r\n",
            self.addr
        );
        stream.write_all(request.as_bytes()).await?;
        let mut response = String::new();
        stream.take(MAX_RESPONSE_BYTES).read_to_string(&mut response).await?;
        let parsed = response.split_once("\r\n\r\n").and_then(|(head, body)| {
            let mut lines = head.lines();
            let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()?;
            let mut headers = lines.filter_map(|line| line.split_once(": "));
            let (_, length) = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
            (length.parse() == Ok(body.len())).then(|| (status, body.to_owned()))
        });
        parsed.ok_or_else(|| io::Error::other("no whole response of HTTP/1.1"))
    }
}

/// A line of metrics of kvs: a name without `kvs_`, the value of its label if it has one, and the figure.
fn sample(line: &str) -> Option<(&str, Option<&str>, Json)> {
    let (series, value) = line.strip_prefix("kvs_")?.rsplit_once(' ')?;
    let value: f64 = value.parse().ok()?;
    let value = if value.fract() == 0.0 { json!(value as i64) } else { json!(value) };
    match series.split_once('{') {
        None => Some((series, None, value)),
        Some((name, labels)) => Some((name, Some(labels.split('"').nth(1)?), value)),
    }
}
