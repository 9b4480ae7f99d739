//! What the black-box tests share: a kvs process of their own, and a plain HTTP/1.1 client over a real socket.
#![allow(dead_code, unreachable_pub)] // Each test binary uses a part of this.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};

/// How long anything may take before a test gives up.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// How long a line of diagnostics may take: longer than any limit after which something is said.
const DIAGNOSTICS_DEADLINE: Duration = Duration::from_secs(60);

pub const BASE: &str = "/kvs/v1-0-0";

/// A running kvs on a free port. Killed when dropped.
pub struct Kvs {
    child: Child,
    pub addr: SocketAddr,
    pub frame_addr: SocketAddr,
    /// The operator's listener; `None` if it is off.
    pub admin_addr: Option<SocketAddr>,
    /// Lines of diagnostics (JSON) up to the one that says where it listens.
    pub lines: Vec<String>,
    /// Those that came after them. The lock lets threads share a Kvs.
    rest: Mutex<Receiver<String>>,
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
        let mut command = Self::program();
        command.args(["--http-addr", "127.0.0.1:0", "--workers", "2", "--log"]);
        command.arg(format!("file:{}", folder.display()));
        command
    }

    /// The command for a kvs with nothing set but the form of the diagnostics, which the harness reads, and a free port for frames.
    pub fn program() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kvs"));
        command.args(["--trace-format", "json", "--frame-addr", "127.0.0.1:0"]);
        // Most tests start what a kvs needs before it, and do not wait for what is not there.
        command.env("KVS_WAIT_FOR_LOG", "0s");
        command.env("KVS_ADMIN_ADDR", "127.0.0.1:0");
        command
    }

    /// The program, to run a command.
    pub fn tool(args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kvs"));
        command.args(args);
        command
    }

    /// Starts kvs with its log in `folder`; panics if it does not come up.
    pub fn start(folder: &Path, args: &[&str]) -> Self {
        Self::try_start(Self::command(folder).args(args)).unwrap_or_else(|e| panic!("kvs did not start: {e:?}"))
    }

    /// Starts kvs and waits until it listens or ends.
    #[allow(clippy::zombie_processes)] // The Kvs that holds the child waits for it when it is dropped.
    pub fn try_start(command: &mut Command) -> Result<Self, NotStarted> {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("kvs can be executed");
        let mut admin = None;
        let started = listens(&mut child, |line| {
            let addr = |name| field(line, name).and_then(|addr| addr.parse().ok());
            admin = addr("admin_addr");
            addr("http_addr").zip(addr("frame_addr"))
        });
        let ((addr, frame_addr), lines, said) = started?;
        Ok(Self { child, addr, frame_addr, admin_addr: admin, lines, rest: Mutex::new(said) })
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
    pub fn stop(self) -> (ExitStatus, String) {
        self.signal("TERM");
        self.wait()
    }

    /// Waits for the end; returns the exit status and the rest of the diagnostics.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let rest = self.rest.get_mut().expect("nobody has panicked with it").iter().collect();
        (self.child.wait().expect("kvs ends"), rest)
    }

    /// Waits for a line of diagnostics that holds `words`; takes it and those before it from the rest.
    pub fn says(&self, words: &[&str]) -> String {
        line_with(words, &self.rest.lock().expect("nobody has panicked with it"))
            .unwrap_or_else(|said| panic!("kvs did not say {words:?}, but: {said}"))
    }

    /// What the operator's listener answers.
    pub fn operator(&self, path: &str) -> Answer {
        ask_operator(self.admin_addr.expect("it is not off"), path)
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        resident_bytes(self.pid())
    }

    /// Whether it lives. The kernel accepts for a process that is dying, so only an answer counts.
    pub fn answers(&self) -> bool {
        let answers = |stream| Client::on(stream).try_request("GET", "int-get/n", "").is_ok();
        TcpStream::connect(self.addr).is_ok_and(answers)
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.addr)
    }
}

/// Whether strace is here, which kills processes at their calls. Says so if it is not.
pub fn has_strace() -> bool {
    let found = Command::new("strace").arg("--version").output().is_ok();
    if !found {
        println!("skipped: there is no strace");
    }
    found
}

/// The command, run by another program such as strace or prlimit.
pub fn run_by(wrapper: &str, args: &[&str], command: &Command) -> Command {
    let mut wrapped = Command::new(wrapper);
    wrapped.args(args).arg(command.get_program()).args(command.get_args());
    wrapped.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    wrapped
}

/// The command, under strace, which does this to the process at its calls of this name, whichever thread makes them.
pub fn injected(call: &str, what: &str, command: &Command) -> Command {
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:{what}"));
    run_by("strace", &["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject], command)
}

/// The command, under strace, which kills the process at the call number `when` of this name of one of its threads.
pub fn killed_at(call: &str, when: u32, command: &Command) -> Command {
    injected(call, &format!("signal=KILL:when={when}"), command)
}

/// Kills what the strace of this process id runs, which would live on without it.
pub fn kill_traced(strace: u32) {
    let children = format!("/proc/{strace}/task/{strace}/children");
    let children = std::fs::read_to_string(children).unwrap_or_default();
    for child in children.split_whitespace() {
        drop(Command::new("kill").args(["-KILL", child]).stderr(Stdio::null()).status());
    }
}

/// Runs a command to its end. Returns its exit code, and what it says.
pub fn output(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().expect("it can be executed");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).expect("what it says is UTF-8"))
}

impl Drop for Kvs {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the diagnostics of a program until it says that it listens, with addresses. Returns those, the lines so far, and those
/// that will come.
pub fn listens<A>(
    child: &mut Child,
    mut addresses: impl FnMut(&str) -> Option<A>,
) -> Result<(A, Vec<String>, Receiver<String>), NotStarted> {
    let said = forward(BufReader::new(child.stderr.take().expect("stderr is piped")));
    let mut lines = Vec::new();
    loop {
        match said.recv_timeout(DIAGNOSTICS_DEADLINE) {
            Ok(line) => {
                let found = if field(&line, "message") == Some("listening") { addresses(&line) } else { None };
                lines.push(line);
                if let Some(found) = found {
                    return Ok((found, lines, said));
                }
            }
            Err(silence) => {
                if silence == RecvTimeoutError::Timeout {
                    // The line that says where it listens may be the very write that was made to fail.
                    lines.push(format!("nothing was said for {DIAGNOSTICS_DEADLINE:?}: killed"));
                    kill_traced(child.id());
                    child.kill().expect("it can be killed");
                }
                let status = child.wait().expect("the child can be waited for");
                return Err(NotStarted { status, diagnostics: lines.concat() });
            }
        }
    }
}

/// Passes lines of diagnostics on from a thread, so that a process never waits for the test to read them.
pub fn forward(mut stderr: BufReader<ChildStderr>) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        while stderr.read_line(&mut line).is_ok_and(|read| read > 0) {
            // Nobody listens any more when the test is done with the process.
            let _ = sender.send(std::mem::take(&mut line));
        }
    });
    lines
}

/// Waits for a line that holds `words`; the error is what was said instead.
pub fn line_with(words: &[&str], lines: &Receiver<String>) -> Result<String, String> {
    let (began, mut said) = (Instant::now(), String::new());
    while let Ok(line) = lines.recv_timeout(DIAGNOSTICS_DEADLINE.saturating_sub(began.elapsed())) {
        if words.iter().all(|word| line.contains(word)) {
            return Ok(line);
        }
        said.push_str(&line);
    }
    Err(said)
}

/// What the operator's listener of a program answers.
pub fn ask_operator(addr: SocketAddr, path: &str) -> Answer {
    Client::connect(addr).exchange(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())
}

/// Resident memory of a process in bytes.
pub fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a resident set size");
    let kib: u64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
    kib * 1024
}

/// The string value of `name` in a flat JSON line.
pub fn field<'l>(line: &'l str, name: &str) -> Option<&'l str> {
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

    /// Panics unless this is an answer with `status`, and in the form that REST v1 promises of every error.
    #[track_caller]
    pub fn assert_error(&self, status: u16, request: &str) {
        let shown = || format!("{request}: {} {:?} {}", self.status, self.headers, String::from_utf8_lossy(&self.body));
        assert_eq!(self.status, status, "{}", shown());
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"), "{}", shown());
        assert_eq!(self.header("content-type"), Some("text/plain; charset=utf-8"), "{}", shown());
        assert_eq!(self.header("deleted"), None, "{}", shown());
        assert_eq!(self.header("allow").is_some(), status == 405, "{}", shown());
        let retry_after = self.header("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
        assert_eq!(retry_after.is_some(), status == 503, "{}", shown());
        if !request.starts_with("HEAD ") {
            assert!(!self.body.is_empty() && !self.text().contains(['\n', '\r']), "one line: {}", shown());
        }
    }
}

/// The bytes of a request for `path` behind the base path, with Content-Length.
pub fn request_bytes(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    request_to(method, &format!("{BASE}/{path}"), headers, body)
}

/// The same for any path.
pub fn request_to(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Every byte percent-encoded.
pub fn percent_encoded(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("%{byte:02X}")).collect()
}

/// A keep-alive connection.
pub struct Client {
    pub stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    pub fn connect(addr: SocketAddr) -> Self {
        Self::on(TcpStream::connect(addr).expect("kvs accepts"))
    }

    /// On a socket that is connected.
    pub fn on(stream: TcpStream) -> Self {
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
        self.send(&request_bytes(method, path, &[], body))
    }

    /// Sends bytes as they are and reads one answer; panics if the connection fails.
    pub fn exchange(&mut self, bytes: &[u8]) -> Answer {
        let request = || String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
        self.send(bytes).and_then(|()| self.receive()).unwrap_or_else(|e| panic!("{e}: {}", request()))
    }

    /// Whether any of an answer comes within this time.
    pub fn answers_within(&mut self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).expect("a TCP socket");
        let arrived = self.reader.fill_buf().is_ok_and(|bytes| !bytes.is_empty());
        self.stream.set_read_timeout(Some(DEADLINE)).expect("a TCP socket");
        arrived
    }

    /// Everything that comes until the server closes the connection.
    pub fn receive_rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        if let Err(e) = self.reader.read_to_end(&mut rest) {
            panic!("{e} instead of an orderly end, after {:?}", String::from_utf8_lossy(&rest));
        }
        rest
    }

    /// Reads one answer. Interim (1xx) answers are answers of their own. For a HEAD request use `receive_head`.
    pub fn receive(&mut self) -> std::io::Result<Answer> {
        let mut answer = self.receive_head()?;
        if let Some(length) = answer.header("content-length") {
            answer.body = vec![0; length.parse().expect("a length")];
            self.reader.read_exact(&mut answer.body)?;
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = self.read_chunks()?;
        }
        Ok(answer)
    }

    /// Reads a body in chunks, to its end.
    fn read_chunks(&mut self) -> std::io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let length = usize::from_str_radix(&self.line()?, 16).expect("the length of a chunk");
            let mut chunk = vec![0; length + 2];
            self.reader.read_exact(&mut chunk)?;
            if length == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&chunk[..length]);
        }
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

    /// Reads the body after [`Client::receive_head`].
    pub fn read_body(&mut self, body: &mut [u8]) -> std::io::Result<()> {
        self.reader.read_exact(body)
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        if !line.ends_with('\n') {
            // The connection has ended, perhaps within the line.
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_string())
    }

    /// One request and its answer.
    pub fn try_request(&mut self, method: &str, path: &str, body: impl AsRef<[u8]>) -> std::io::Result<Answer> {
        self.send_request(method, path, body.as_ref())?;
        if method == "HEAD" { self.receive_head() } else { self.receive() }
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

    /// Whether the server has closed the connection (waits for it) in order: a reset may have cost the client an answer.
    #[track_caller]
    pub fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => panic!("the connection was reset"),
            Err(_) => false,
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

/// Raises this process's limit of open files; returns how many connections it may hold, at most `wanted`.
pub fn room_for_connections(wanted: u64) -> u64 {
    const OTHER_FILES: u64 = 500;
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("the soft limit may be raised to the hard one");
    limit.maximum.map_or(wanted, |maximum| wanted.min(maximum.saturating_sub(OTHER_FILES)))
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
