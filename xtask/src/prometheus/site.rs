//! txnd, kvs, some load, and Prometheus, each on free ports.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::servers::{self, Server, built};
use crate::{Failed, root, step};

/// How often Prometheus scrapes and evaluates here.
const INTERVAL: &str = "1s";

/// Pause between two rounds of requests: some load, not as much as possible.
const PAUSE: Duration = Duration::from_millis(20);

/// Everything that runs. Processes are killed, and the load ends, when it is dropped.
pub(super) struct Site {
    txnd: Option<Server>,
    _kvs: Server,
    _prometheus: Server,
    pub(super) prometheus_addr: String,
    _load: Load,
}

/// Fails if there is no Prometheus, and says where to get it.
pub(super) fn find_prometheus() -> Result<(), Failed> {
    let found = Command::new("prometheus").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match found {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Failed(
            "there is no program `prometheus`. Install the package prometheus (Debian, Ubuntu; its service need not run) \
             or golang-github-prometheus (Fedora), or put the program of https://prometheus.io/download on the PATH"
                .into(),
        )),
    }
}

impl Site {
    /// Starts everything below `target/prometheus`, with these alerts.
    pub(super) fn start(alerts: &Path) -> Result<Self, Failed> {
        servers::build()?;
        let folder = root().join("target/prometheus");
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        }
        std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;

        step(Command::new(built("txnd")).args(["certs", "certs"]).current_dir(&folder).stdout(Stdio::null()))?;
        let mut txnd = Command::new(built("txnd"));
        txnd.args(["--grpc-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--sink", "file:log"]);
        txnd.args(["--trace-format", "json"]).current_dir(&folder);
        let (txnd, [grpc, txnd_admin]) = servers::start(&mut txnd, ["\"grpc_addr\":\"", "\"admin_addr\":\""])?;

        let port = grpc.rsplit(':').next().unwrap_or_default();
        let mut kvs = Command::new(built("kvs"));
        kvs.args(["--log", &format!("https://localhost:{port}"), "--log-timeout", "1s"]);
        kvs.args(["--http-addr", "127.0.0.1:0", "--frame-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"]);
        // Each of these has metrics of its own.
        kvs.args(["--max-memory", "64MiB", "--checkpoint-after", "4KiB", "--access-log", "access.log"]);
        kvs.args(["--trace-format", "json"]).current_dir(&folder);
        let (kvs, [http, kvs_admin]) = servers::start(&mut kvs, ["\"http_addr\":\"", "\"admin_addr\":\""])?;

        let config = format!(
            "global: {{scrape_interval: {INTERVAL}, evaluation_interval: {INTERVAL}}}\n\
             rule_files: [{:?}]\n\
             scrape_configs:\n\
             \x20 - job_name: kvs\n    static_configs: [{{targets: [{kvs_admin:?}]}}]\n\
             \x20 - job_name: txnd\n    static_configs: [{{targets: [{txnd_admin:?}]}}]\n",
            alerts.display().to_string()
        );
        std::fs::write(folder.join("prometheus.yml"), config).map_err(|e| e.to_string())?;
        let mut prometheus = Command::new("prometheus");
        prometheus.args(["--config.file", "prometheus.yml", "--storage.tsdb.path", "data"]);
        prometheus.args(["--web.listen-address", "127.0.0.1:0"]).current_dir(&folder);
        // It answers before it is ready, but only with 503.
        let (prometheus, [prometheus_addr, _]) =
            servers::start(&mut prometheus, ["msg=\"Listening on\" address=", "msg=\"Server is ready "])?;
        let load = Load::on(http);
        Ok(Self { txnd: Some(txnd), _kvs: kvs, _prometheus: prometheus, prometheus_addr, _load: load })
    }

    pub(super) fn kill_txnd(&mut self) {
        drop(self.txnd.take());
    }
}

/// Requests that go on until this is dropped.
struct Load {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    fn on(addr: String) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for round in 0_u32.. {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                // Some fail when the log is down.
                let _ = requests(&addr, round);
                std::thread::sleep(PAUSE);
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic was shown.
            let _ = thread.join();
        }
    }
}

/// A write, a read and a request that is refused, on one connection.
fn requests(addr: &str, round: u32) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(addr)?;
    let base = "/kvs/v1-0-0";
    write!(
        stream,
        "PUT {base}/int-put/{round} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1\
         GET {base}/int-get/{round} HTTP/1.1\r\nHost: localhost\r\n\r\n\
         GET {base}/int-get/none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}
