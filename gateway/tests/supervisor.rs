//! What kvs and txnd tell a supervisor that speaks systemd's notify protocol.

mod harness;
mod txnd_server;

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use harness::{Client, DEADLINE, Kvs, eventually, folder, has_strace, kill_traced, request_bytes};
use tempfile::TempDir;
use testkit::forgetful_disk::ForgetfulDisk;
use testkit::postgres_server::free_port;
use txnd_server::{Certificates, Txnd};

/// What the watchdog expects: a ping in so many microseconds.
const WATCHDOG_USEC: &str = "500000";

/// The supervisor's socket.
struct Supervisor {
    folder: TempDir,
    messages: Receiver<String>,
    /// Those that were looked at.
    seen: Vec<String>,
}

impl Supervisor {
    fn new() -> Self {
        let folder = folder();
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        let (sender, messages) = channel();
        // Read all the time, so that no program waits for the test.
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = socket.recv(&mut buffer) {
                let _ = sender.send(String::from_utf8_lossy(&buffer[..length]).into_owned());
            }
        });
        Self { folder, messages, seen: Vec::new() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("notify")
    }

    /// Starts a program under it.
    fn start(&self, command: &mut Command) -> Program {
        command.env("NOTIFY_SOCKET", self.path()).env("WATCHDOG_USEC", WATCHDOG_USEC);
        Program(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("it can be executed"))
    }

    fn next(&mut self) -> String {
        let message = self.messages.recv_timeout(DEADLINE).unwrap_or_else(|e| panic!("{e}, after {:?}", self.seen));
        self.seen.push(message.clone());
        message
    }

    /// Takes messages up to one with a line that begins so. Returns the line.
    fn hears(&mut self, beginning: &str) -> String {
        loop {
            if let Some(line) = self.next().lines().find(|line| line.starts_with(beginning)) {
                return line.to_owned();
            }
        }
    }

    /// Whether a message so far has such a line.
    fn has_heard(&self, beginning: &str) -> bool {
        self.seen.iter().flat_map(|message| message.lines()).any(|line| line.starts_with(beginning))
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // Ends the thread.
        drop(UnixDatagram::unbound().and_then(|socket| socket.send_to(&[], self.path())));
    }
}

/// Killed when dropped.
struct Program(Child);

impl Program {
    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.0.id().to_string()).status();
        assert!(sent.expect("kill can be executed").success());
    }

    fn wait(&mut self) -> ExitStatus {
        self.0.wait().expect("it ends")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        kill_traced(self.0.id());
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

#[test]
fn kvs_is_ready_when_it_answers_pings_while_it_lives_and_says_that_it_stops() {
    let (certificates, log) = (Certificates::make(), folder());
    let (http, grpc) = (local(free_port()), local(free_port()));
    let mut supervisor = Supervisor::new();
    let mut command = Kvs::program();
    command.args(["--http-addr", &http.to_string(), "--log", &format!("https://localhost:{}", grpc.port())]);
    let mut kvs = supervisor.start(command.args(certificates.flags("kvs")).args(["--wait-for-log", "60s"]));

    supervisor.hears("STATUS=start: starting: opening the log");
    supervisor.hears("WATCHDOG=1");
    assert!(TcpStream::connect(http).is_err(), "there is no log yet");
    assert!(!supervisor.has_heard("READY"), "{:?}", supervisor.seen);
    let sink = format!("file:{}", log.path().display());
    let _txnd = Txnd::start_at(grpc, &sink, &certificates, &[]);
    supervisor.hears("READY=1");
    // At once.
    let mut client = Client::connect(http);
    assert_eq!(client.put("int-put/n", "1").status, 200);
    supervisor.hears("STATUS=serving");
    for _ in 0..3 {
        supervisor.hears("WATCHDOG=1");
    }
    assert!(!supervisor.has_heard("EXTEND_TIMEOUT_USEC"), "nothing was recovered: {:?}", supervisor.seen);

    // A body that is on its way keeps the server from ending.
    let request = request_bytes("PUT", "str-put/k", &[], b"value");
    client.send(&request[..request.len() - 1]).expect("kvs reads");
    assert!(!supervisor.has_heard("STOPPING"));
    kvs.signal("TERM");
    supervisor.hears("STOPPING=1");
    supervisor.hears("STATUS=start: draining");
    supervisor.hears("WATCHDOG=1");
    client.send(b"e").expect("kvs reads");
    assert_eq!(client.receive().expect("an answer").status, 200);
    drop(client);
    assert!(kvs.wait().success());
    assert_eq!(supervisor.seen.iter().filter(|message| message.contains("READY")).count(), 1);
}

#[test]
fn a_recovery_that_makes_progress_gets_more_time() {
    let Some(disk) = ForgetfulDisk::new() else { return };
    let log = disk.log();
    let kvs = Kvs::start(&log, &["--segment-size", "64KiB", "--checkpoint-after", "never"]);
    let mut client = kvs.connect();
    for n in 0..40 {
        assert_eq!(client.put(&format!("str-put/{n}"), vec![b'v'; 16 << 10]).status, 200);
    }
    kvs.kill();
    // Each file of the log is slow to open.
    disk.delay_opens(Duration::from_millis(200));
    let mut supervisor = Supervisor::new();
    let recovering = supervisor.start(Kvs::command(&log).env("KVS_ADMIN_ADDR", "off"));
    supervisor.hears("READY=1");
    let extended = |message: &&String| message.contains("EXTEND_TIMEOUT_USEC=120000000");
    let asked: Vec<String> = supervisor.seen.iter().filter(extended).cloned().collect();
    assert!(asked.len() > 2 && asked.iter().all(|message| message.contains("STATUS=start: recovering")), "{asked:?}");
    // Not of one that serves: it would limit how long that may take.
    let starting = supervisor.seen.len();
    for _ in 0..3 {
        supervisor.hears("WATCHDOG=1");
    }
    assert!(!supervisor.seen[starting..].iter().any(|message| extended(&message)));
    drop(recovering);
}

/// The thread of this name.
fn thread_of(kvs: &Kvs, name: &str) -> String {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", kvs.pid())).expect("the process runs");
    let mut tasks = tasks.map(|task| task.expect("a thread").path());
    let found = tasks.find(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name));
    found.expect("a thread of this name").file_name().expect("a number").to_string_lossy().into_owned()
}

#[test]
fn a_stuck_worker_ends_the_pings() {
    if !has_strace() {
        return;
    }
    let log = folder();
    let mut supervisor = Supervisor::new();
    let mut command = Kvs::command(log.path());
    command.env("NOTIFY_SOCKET", supervisor.path()).env("WATCHDOG_USEC", WATCHDOG_USEC);
    let kvs = Kvs::try_start(&mut command).expect("kvs starts");
    supervisor.hears("READY=1");
    supervisor.hears("WATCHDOG=1");
    assert_eq!(kvs.operator("/livez").status, 200);

    // One thread waits for much longer than it asks to.
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-o", "/dev/null", "-e", "trace=epoll_wait", "-e", "inject=epoll_wait:delay_enter=600000000"]);
    let mut strace = Program(strace.args(["-p", &thread_of(&kvs, "kvs-worker-1")]).spawn().expect("strace runs"));
    let status = supervisor.hears("STATUS=worker 1 is stuck");
    let answer = kvs.operator("/livez");
    assert_eq!(answer.status, 503);
    assert!(answer.text().starts_with("worker 1 is stuck"), "{}", answer.text());
    // Each says how long it has been stuck, and nothing else.
    for _ in 0..3 {
        let message = supervisor.next();
        assert!(message.starts_with("STATUS=worker 1 is stuck") && message.lines().count() == 1, "{message}");
        assert_ne!(message.trim(), status);
    }

    strace.signal("TERM");
    strace.wait();
    supervisor.hears("WATCHDOG=1");
    eventually("the worker answers", || kvs.operator("/livez").status == 200);
    assert!(kvs.stop().0.success());
    supervisor.hears("STOPPING=1");
}

#[test]
fn a_supervisor_that_cannot_be_reached_keeps_nobody_from_serving() {
    let log = folder();
    let mut command = Kvs::command(log.path());
    let kvs = Kvs::try_start(command.env("NOTIFY_SOCKET", log.path().join("nobody"))).expect("kvs starts");
    assert_eq!(kvs.connect().put("int-put/n", "1").status, 200);
    assert!(kvs.stop().0.success());
}

#[test]
fn txnd_is_ready_when_it_answers_pings_and_says_that_it_stops() {
    let (certificates, log) = (Certificates::make(), folder());
    let addr = local(free_port());
    let mut supervisor = Supervisor::new();
    let sink = format!("file:{}", log.path().display());
    let mut txnd = supervisor.start(&mut txnd_server::command(addr, &sink, &certificates.flags("txnd"), &[]));
    supervisor.hears("READY=1");
    let mut health = txnd_server::program();
    health.arg("health").args(["--grpc-addr", &addr.to_string()]).args(certificates.flags("txnd"));
    assert!(health.status().expect("txnd can be executed").success());
    supervisor.hears("STATUS=log: no writer is connected");
    let kvs = {
        let mut command = Kvs::program();
        command.args(["--http-addr", "127.0.0.1:0", "--log", &format!("https://localhost:{}", addr.port())]);
        Kvs::try_start(command.args(certificates.flags("kvs"))).expect("kvs starts")
    };
    supervisor.hears("STATUS=log: open for the writer of epoch 1");
    for _ in 0..3 {
        supervisor.hears("WATCHDOG=1");
    }
    assert!(kvs.stop().0.success());
    assert!(!supervisor.has_heard("STOPPING"));
    txnd.signal("TERM");
    supervisor.hears("STOPPING=1");
    assert!(txnd.wait().success());
}

#[test]
fn txnd_is_not_ready_without_its_database() {
    let certificates = Certificates::make();
    let sink = format!("postgres://kvs@127.0.0.1:{}/kvs", free_port());
    let mut supervisor = Supervisor::new();
    let flags = certificates.flags("txnd");
    let mut txnd = supervisor.start(&mut txnd_server::command(local(0), &sink, &flags, &["--wait-for-log", "60s"]));
    supervisor.hears("STATUS=opening the database");
    txnd.signal("TERM");
    assert!(txnd.wait().success());
    assert!(supervisor.messages.try_iter().all(|message| !message.contains("READY")));
}
