//! What the black-box tests share: a kvs process of their own, and a plain HTTP/1.1 client over a real socket.
#![allow(dead_code, unreachable_pub)] // Each test binary uses a part of this.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up.
pub const DEADLINE: Duration = Duration::from_secs(30);

pub const BASE: &str = "/kvs/v1-0-0";

/// A running kvs on a free port. Killed when dropped.
pub struct Kvs {
    child: Child,
    pub addr: SocketAddr,
    stderr: BufReader<std::process::ChildStderr>,
    /// Lines of diagnostics (JSON) that were read so far.
    pub lines: Vec<String>,
}

/// A kvs process that ended instead of listening.
#[derive(Debug)]
pub struct NotStarted {
    pub status: ExitStatus,
    pub diagnostics: String,
}

impl Kvs {
    /// The command for a kvs with this log folder, a free port, two workers and small segments.
    pub fn command(folder: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kvs"));
        command.args(["--http-addr", "127.0.0.1:0", "--workers", "2", "--trace-format", "json", "--log"]);
        command.arg(format!("file:{}", folder.display()));
        command
    }

    /// Starts kvs with its log in `folder`; panics if it does not come up.
    pub fn start(folder: &Path, args: &[&str]) -> Self {
        Self::try_start(Self::command(folder).args(args)).unwrap_or_else(|e| panic!("kvs did not start: {e:?}"))
    }

    /// Starts kvs and waits until it listens or ends.
    pub fn try_start(command: &mut Command) -> Result<Self, NotStarted> {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("kvs can be executed");
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if stderr.read_line(&mut line).expect("diagnostics are UTF-8") == 0 {
                let status = child.wait().expect("the child can be waited for");
                return Err(NotStarted { status, diagnostics: lines.concat() });
            }
            let addr = field(&line, "http_addr").and_then(|addr| addr.parse().ok());
            let listening = field(&line, "message") == Some("listening");
            lines.push(line);
            if let (true, Some(addr)) = (listening, addr) {
                return Ok(Self { child, addr, stderr, lines });
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9, and waits for the end.
    pub fn kill(mut self) {
        self.child.kill().expect("kvs can be killed");
        self.child.wait().expect("kvs ends");
    }

    /// Sends a signal such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(sent.expect("kill can be executed").success());
    }

    /// SIGTERM; returns the exit status and the rest of the diagnostics.
    pub fn stop(mut self) -> (ExitStatus, String) {
        self.signal("TERM");
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).expect("diagnostics are UTF-8");
        (self.child.wait().expect("kvs ends"), rest)
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("kvs runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a resident set size");
        let kib: u64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
        kib * 1024
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.addr)
    }
}

impl Drop for Kvs {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The string value of `name` in a flat JSON line.
fn field<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let (_, rest) = line.split_once(&format!("\"{name}\":\""))?;
    rest.split('"').next()
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text body")
    }

    pub fn deleted(&self) -> bool {
        self.header("deleted") == Some("true")
    }
}

/// A keep-alive connection.
pub struct Client {
    pub stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    pub fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).expect("kvs accepts");
        stream.set_nodelay(true).expect("a TCP socket");
        stream.set_read_timeout(Some(DEADLINE)).expect("a TCP socket");
        stream.set_write_timeout(Some(DEADLINE)).expect("a TCP socket");
        let reader = BufReader::new(stream.try_clone().expect("a socket can be cloned"));
        Self { stream, reader }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends one request with Content-Length; `path` comes behind the base path.
    pub fn send_request(&mut self, method: &str, path: &str, body: &[u8]) -> std::io::Result<()> {
        let mut request =
            format!("{method} {BASE}/{path} HTTP/1.1\r\nHost: kvs\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        request.extend_from_slice(body);
        self.send(&request)
    }

    /// Reads one answer. Interim (1xx) answers are answers of their own. For a HEAD request use `receive_head`.
    pub fn receive(&mut self) -> std::io::Result<Answer> {
        let mut answer = self.receive_head()?;
        if let Some(length) = answer.header("content-length") {
            answer.body = vec![0; length.parse().expect("a length")];
            self.reader.read_exact(&mut answer.body)?;
        }
        Ok(answer)
    }

    /// Reads the head of one answer and leaves its body.
    pub fn receive_head(&mut self) -> std::io::Result<Answer> {
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::InvalidData))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(Answer { status, headers, body: Vec::new() });
            }
            let (name, value) = line.split_once(':').expect("a header");
            headers.push((name.to_lowercase(), value.trim().to_string()));
        }
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_string())
    }

    /// One request and its answer.
    pub fn try_request(&mut self, method: &str, path: &str, body: impl AsRef<[u8]>) -> std::io::Result<Answer> {
        self.send_request(method, path, body.as_ref())?;
        self.receive()
    }

    /// One request and its answer; panics if the connection fails.
    pub fn request(&mut self, method: &str, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.try_request(method, path, body).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path, "")
    }

    pub fn put(&mut self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.request("PUT", path, body)
    }

    pub fn delete(&mut self, path: &str) -> Answer {
        self.request("DELETE", path, "")
    }

    pub fn post(&mut self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.request("POST", path, body)
    }

    /// Whether the server has closed the connection (waits for it).
    pub fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(e) => e.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

/// Waits until `condition` holds; panics after [`DEADLINE`].
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < DEADLINE, "did not happen within {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The seed of this run's random choices: from `KVS_SEED`, or new. Printed, so that a failure can be repeated.
pub fn seed() -> u64 {
    let seed = std::env::var("KVS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("KVS_SEED={seed}");
    seed
}

/// A private folder for a log.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}
