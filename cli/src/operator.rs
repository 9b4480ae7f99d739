//! What the operator's listener of a server is asked, over plain HTTP: figures, and a checkpoint.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONNECTION, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value as Json, json};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::args::Command;
use crate::failure::Failure;
use crate::show::{self, Format};

/// Largest response, in bytes.
const MAX_RESPONSE_BYTES: usize = 16 << 20;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

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
            self.ask(Method::POST, "/checkpoint").await?;
            return show::done("a checkpoint is begun", format);
        };
        let began = Instant::now();
        let failed = |figures: &Json| figures["checkpoints_total"]["failed"].as_u64();
        let before = self.figures().await?;
        self.ask(Method::POST, "/checkpoint").await?;
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
        let metrics = self.ask(Method::GET, "/metrics").await?;
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
    async fn ask(&self, method: Method, path: &str) -> Result<String, Failure> {
        let at = |what: &dyn std::fmt::Display| {
            format!("the operator's listener at {} (the server's --admin-addr): {what}", self.addr)
        };
        let connected = tokio::time::timeout(self.timeout, TcpStream::connect(&self.addr)).await;
        let stream =
            connected.map_err(|late| Failure::Unreachable(at(&late)))?.map_err(|e| Failure::Unreachable(at(&e)))?;
        let is_read = method == Method::GET;
        let failed =
            |e: &dyn std::fmt::Display| if is_read { Failure::Unreachable(at(e)) } else { Failure::Unknown(at(e)) };
        let exchanged = tokio::time::timeout(self.timeout, self.exchange(stream, method, path)).await;
        match exchanged.map_err(|late| failed(&late))?.map_err(|e| failed(&e))? {
            (status, body) if status.is_success() => Ok(body),
            (status, body) => Err(Failure::Refused(at(&format!("{}: {}", status.as_u16(), body.trim_end())))),
        }
    }

    /// Sends a request, and returns the status and the body of its response.
    async fn exchange(&self, stream: TcpStream, method: Method, path: &str) -> Result<(StatusCode, String), AnyError> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request =
            Request::builder().method(method).uri(path).header(HOST, &self.addr).header(CONNECTION, "close");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = sender.send_request(request.body(Empty::<&[u8]>::new())?).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_RESPONSE_BYTES).collect().await?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
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
