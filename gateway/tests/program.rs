//! The kvs program in the hands of an operator: signals, limits of the system, what is not there yet, what has been taken over.

mod harness;
mod txnd_server;

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use harness::{Client, Kvs, NotStarted, eventually, field, folder};
use testkit::postgres_server::{PostgresServer, free_port};
use txnd_server::{Certificates, Txnd};

/// A kvs whose diagnostics go to a file, so that they can be looked at before it listens.
struct Watched {
    child: Child,
    said: PathBuf,
}

impl Watched {
    fn start(command: &mut Command, folder: &Path) -> Self {
        let said = folder.join("said");
        let file = std::fs::File::create(&said).expect("a file");
        let child = command.stdin(Stdio::null()).stderr(file).spawn().expect("it can be executed");
        Self { child, said }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.said).expect("diagnostics are UTF-8")
    }

    fn says(&self, words: &str) {
        eventually(words, || self.said().contains(words));
    }

    /// Where it serves REST, once it does.
    fn addr(&self) -> SocketAddr {
        self.says("\"listening\"");
        let said = self.said();
        let line = said.lines().find(|line| line.contains("\"listening\"")).expect("it has been said");
        field(line, "http_addr").and_then(|addr| addr.parse().ok()).expect("an address")
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill can be executed").success());
    }

    fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("it ends")
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn count(client: &mut Client, times: u32) {
    for n in 0..times {
        assert_eq!(client.put("int-incr/n", "").text(), n.to_string());
    }
}

#[test]
fn a_hangup_without_a_terminal_reads_the_token_again_and_loses_nothing() {
    let folder = folder();
    let token = folder.path().join("token");
    std::fs::write(&token, "first\n").expect("a file");
    let log = folder.path().join("log");
    let kvs = Kvs::start(&log, &["--token-file", &token.display().to_string()]);
    let asks = |token: &str| {
        let request = harness::request_bytes("GET", "int-get/n", &[("Authorization", &format!("Bearer {token}"))], b"");
        kvs.connect().exchange(&request).status
    };
    assert_eq!((asks("first"), asks("second")), (404, 401));
    std::fs::write(&token, "second\n").expect("a file");
    kvs.signal("HUP");
    kvs.says(&["the token was read again"]);
    assert_eq!((asks("first"), asks("second")), (401, 404));
    std::fs::write(&token, "no token\n").expect("a file");
    kvs.signal("HUP");
    kvs.says(&["those of before stay in use"]);
    assert_eq!(asks("second"), 404);
    assert!(kvs.stop().0.success());
}

#[test]
fn a_hangup_or_quit_loses_nothing_that_was_acknowledged() {
    const TIMES: u32 = 3000;
    for (name, goes_on) in [("HUP", true), ("QUIT", false)] {
        let folder = folder();
        let kvs = Kvs::start(folder.path(), &["--durability", "async"]);
        let mut client = kvs.connect();
        count(&mut client, TIMES);
        kvs.signal(name);
        if goes_on {
            kvs.says(&["no token file"]);
            assert_eq!(client.get("int-get/n").text(), TIMES.to_string());
            kvs.signal("TERM");
        }
        let (status, diagnostics) = kvs.wait();
        assert!(status.success(), "{name}: {status}: {diagnostics}");
        let kvs = Kvs::start(folder.path(), &[]);
        assert_eq!(kvs.connect().get("int-get/n").text(), TIMES.to_string(), "{name}");
    }
}

#[test]
#[cfg(target_os = "linux")] // `script` has other flags elsewhere.
fn when_its_terminal_goes_away_it_stops_in_order() {
    const TIMES: u32 = 3000;
    let folder = folder();
    let log = folder.path().join("log");
    let said = folder.path().join("said");
    let kvs = env!("CARGO_BIN_EXE_kvs");
    let flags = "--http-addr 127.0.0.1:0 --frame-addr 127.0.0.1:0 --trace-format json --durability async";
    let line = format!("exec {kvs} {flags} --log file:{} 2>{}", log.display(), said.display());
    let mut script = Command::new("script");
    let script = script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    let Ok(script) = script else { return println!("skipped: no `script`, which gives a program a terminal") };
    // What the terminal's other end is; kvs writes to the file.
    let mut terminal = Watched { child: script, said };
    eventually("kvs has begun", || terminal.said.exists());
    let mut client = Client::connect(terminal.addr());
    count(&mut client, TIMES);
    terminal.child.kill().expect("the terminal can be closed");
    terminal.says("stopped; the log is durable");
    let kvs = Kvs::start(&log, &[]);
    assert_eq!(kvs.connect().get("int-get/n").text(), TIMES.to_string());
}

#[test]
fn clients_cannot_take_the_files_that_the_log_needs() {
    const CLIENTS: usize = 120;
    let folder = folder();
    let mut command = Command::new("prlimit");
    command.args(["--nofile=64:64", env!("CARGO_BIN_EXE_kvs"), "--trace-format", "json", "--workers", "2"]);
    command.args(["--http-addr", "127.0.0.1:0", "--frame-addr", "127.0.0.1:0", "--segment-size", "64KiB"]);
    command.arg("--log").arg(format!("file:{}", folder.path().display()));
    let kvs = Kvs::try_start(&mut command).expect("kvs starts");
    assert!(kvs.lines.iter().any(|line| line.contains("WARN") && line.contains("leaves room for")), "{:?}", kvs.lines);
    let mut client = kvs.connect();
    let value = "x".repeat(4 << 10);
    assert_eq!(client.put("str-put/first", &value).status, 200);
    let mut idle: Vec<TcpStream> = (0..CLIENTS).map(|_| TcpStream::connect(kvs.addr).expect("it connects")).collect();
    for n in 0..300 {
        let answer = client.put(&format!("str-put/{n}"), &value);
        assert_eq!(answer.status, 200, "{n}: {}", answer.text());
    }
    // Most were told that they are too many, or closed; some are held.
    let mut ended = 0;
    for stream in &mut idle {
        stream.set_read_timeout(Some(Duration::from_millis(1))).expect("a socket");
        ended += usize::from(stream.read(&mut [0; 4096]).is_ok());
    }
    assert!(ended > CLIENTS - 64 && ended < CLIENTS, "{ended} of {CLIENTS} were ended");
    drop(idle);
    let (status, diagnostics) = kvs.stop();
    assert!(status.success(), "{diagnostics}");
    for words in ["the log is down", "the log was lost"] {
        assert!(!diagnostics.contains(words), "{diagnostics}");
    }
    assert!(diagnostics.matches("cannot accept").count() <= 3, "{diagnostics}");
}

#[test]
fn warnings_that_nobody_can_be_accepted_come_at_a_limited_rate() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &[]);
    let mut client = kvs.connect();
    assert_eq!(client.put("str-put/a", "1").status, 200);
    // From now on there are no descriptors at all.
    let limit = |files: u32| {
        let limit = format!("--nofile={files}:");
        let limited = Command::new("prlimit").args([&limit, "--pid", &kvs.pid().to_string()]).status();
        assert!(limited.expect("prlimit can be executed").success());
    };
    limit(3);
    let began = Instant::now();
    let waiting = TcpStream::connect(kvs.addr).expect("the kernel accepts");
    // As many attempts as would have made dozens of lines.
    eventually("two seconds have passed", || began.elapsed() > Duration::from_secs(2));
    limit(1024);
    drop(waiting);
    eventually("it accepts again", || kvs.connect().try_request("GET", "str-get/a", "").is_ok_and(|a| a.status == 200));
    let (_, diagnostics) = kvs.stop();
    let lines = diagnostics.matches("cannot accept").count();
    assert!((1..=2).contains(&lines), "{lines} lines in two seconds: {diagnostics}");
}

/// A kvs that waits for a txnd which is not there.
fn waiting(port: u16, certificates: &Certificates, wait: &str, folder: &Path) -> Watched {
    let mut command = Kvs::program();
    command.args(["--http-addr", "127.0.0.1:0", "--log", &format!("https://localhost:{port}"), "--wait-for-log", wait]);
    let kvs = Watched::start(command.args(certificates.flags("kvs")), folder);
    kvs.says("waiting for the log");
    kvs
}

#[test]
fn a_kvs_that_starts_before_its_log_waits_for_it() {
    let (certificates, folder, port) = (Certificates::make(), folder(), free_port());
    let began = Instant::now();
    let kvs = waiting(port, &certificates, "30s", folder.path());
    // Long enough for several attempts.
    eventually("it says so again", || kvs.said().matches("waiting for the log").count() >= 2);
    let sink = format!("file:{}", folder.path().join("log").display());
    let _txnd = Txnd::start_at(([127, 0, 0, 1], port).into(), &sink, &certificates, &[]);
    assert_eq!(Client::connect(kvs.addr()).put("str-put/a", "1").status, 200);
    let lines = kvs.said().matches("waiting for the log").count() as u64;
    assert!(lines <= began.elapsed().as_secs() + 1, "{lines} lines in {:?}", began.elapsed());
}

#[test]
fn a_kvs_that_starts_before_its_database_waits_for_it() {
    let (server, folder) = (PostgresServer::start(), folder());
    let url = server.database();
    let mut command = Kvs::program();
    command.args(["--http-addr", "127.0.0.1:0", "--log", &url, "--wait-for-log", "60s"]);
    server.stop();
    let kvs = Watched::start(&mut command, folder.path());
    eventually("it says so again", || kvs.said().matches("waiting for the log").count() >= 2);
    server.start_again();
    assert_eq!(Client::connect(kvs.addr()).put("str-put/a", "1").status, 200);
    // While it recovers from a crash the server is there, and takes nobody.
    drop(kvs);
    server.kill_postmaster();
    let kvs = Watched::start(&mut command, folder.path());
    kvs.says("waiting for the log");
    server.start_again();
    assert_eq!(Client::connect(kvs.addr()).get("str-get/a").text(), "1");
}

#[test]
fn a_log_that_does_not_come_ends_the_start_with_the_reason() {
    let (certificates, folder, port) = (Certificates::make(), folder(), free_port());
    let began = Instant::now();
    let mut kvs = waiting(port, &certificates, "1s", folder.path());
    assert_eq!(kvs.wait().code(), Some(4));
    assert!(began.elapsed() >= Duration::from_secs(1), "it has waited");
    let said = kvs.said();
    let last = said.lines().last().expect("it says why");
    assert!(last.contains("kvs did not start") && last.contains("cannot be reached"), "{last}");
}

#[test]
fn while_it_waits_for_its_log_it_can_be_stopped() {
    for name in ["INT", "TERM"] {
        let (certificates, folder, port) = (Certificates::make(), folder(), free_port());
        let began = Instant::now();
        let mut kvs = waiting(port, &certificates, "60s", folder.path());
        kvs.signal(name);
        assert_eq!(kvs.wait().code(), Some(0), "{name}");
        assert!(began.elapsed() < Duration::from_secs(20), "{name}: {:?}", began.elapsed());
    }
}

#[test]
fn a_port_on_which_another_server_has_just_stopped_can_be_used() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let mut client = TcpStream::connect(address).expect("it connects");
    let (accepted, _) = listener.accept().expect("a connection");
    // Who closes first is left with a connection in TIME_WAIT.
    drop(accepted);
    assert_eq!(client.read(&mut [0]).expect("the end"), 0);
    drop((client, listener));
    let folder = folder();
    let mut command = Kvs::program();
    command.args(["--http-addr", &address.to_string(), "--log", &format!("file:{}", folder.path().display())]);
    let start = |command: &mut Command| Kvs::try_start(command);
    let kvs = start(&mut command).unwrap_or_else(|NotStarted { diagnostics, .. }| panic!("{diagnostics}"));
    assert_eq!(kvs.connect().put("str-put/a", "1").status, 200);
    let mut second = Kvs::program();
    let second = start(second.args(["--http-addr", &address.to_string(), "--log", "off"]));
    assert_eq!(second.err().expect("the port is not shared").status.code(), Some(3));
}

#[test]
fn variables_that_are_empty_or_wrong_or_of_another_name() {
    let run = |variable: &str, value: &str, flags: &[&str]| {
        let mut command = Kvs::program();
        command.args(["--http-addr", "127.0.0.1:0"]).args(flags).env("KVS_LOG", "off").env(variable, value);
        Kvs::try_start(&mut command)
    };
    let refused = |variable: &str, value: &str, flags: &[&str]| {
        let refused = run(variable, value, flags).err().unwrap_or_else(|| panic!("{variable}={value} was taken"));
        assert_eq!(refused.status.code(), Some(2), "{}", refused.diagnostics);
        refused.diagnostics
    };
    for variable in ["KVS_MAX_MEMORY", "KVS_WORKERS", "KVS_DURABILITY", "KVS_TOKEN_FILE", "KVS_MAX_BODIES"] {
        assert!(run(variable, "", &[]).is_ok(), "an empty {variable} is like one that is not set");
    }
    let mut empty = Kvs::program();
    let folder = folder();
    empty.args(["--http-addr", "127.0.0.1:0"]).env("KVS_LOG", "").current_dir(folder.path());
    assert!(Kvs::try_start(&mut empty).is_ok());
    assert!(folder.path().join("kvs-data").is_dir(), "the default is used");

    for (variable, flag) in [
        ("KVS_MAX_MEMORY", "--max-memory"),
        ("KVS_WORKERS", "--workers"),
        ("KVS_DURABILITY", "--durability"),
        ("KVS_LOG", "--log"),
        ("KVS_IDLE_TIMEOUT", "--idle-timeout"),
        ("KVS_FRAME_ADDR", "--frame-addr"),
    ] {
        // The harness sets this flag.
        let said = if flag == "--frame-addr" {
            let output = Command::new(env!("CARGO_BIN_EXE_kvs")).env(variable, "nonsense").output();
            String::from_utf8(output.expect("kvs can be executed").stderr).expect("it is UTF-8")
        } else {
            refused(variable, "nonsense", &[])
        };
        assert!(said.contains(variable) && !said.contains(flag), "{said}");
        let said = refused(variable, "", &[flag, "nonsense"]);
        assert!(said.contains(flag) && !said.contains(variable), "{said}");
    }
    let said = refused("KVS_MAX_BODIES", "nonsense", &[]);
    assert!(said.contains("KVS_MAX_BODIES"), "{said}");

    // The names of before.
    let with_old_variables = {
        let mut command = Kvs::program();
        command.args(["--http-addr", "127.0.0.1:0", "--log", "off"]);
        Kvs::try_start(command.env("KVS_MAX_BODIES", "64KiB").env("KVS_MAX_ANSWERS", "64KiB")).expect("kvs starts")
    };
    let with_old_flags =
        run("KVS_LOG", "off", &["--max-bodies", "64KiB", "--max-answers", "64KiB"]).expect("kvs starts");
    let with_new_flags = run("KVS_MAX_BODIES", "1GiB", &["--request-memory", "64KiB", "--response-memory", "64KiB"])
        .expect("kvs starts");
    for kvs in [with_old_variables, with_old_flags, with_new_flags] {
        let mut client = kvs.connect();
        client.put("str-put/large", "x".repeat(128 << 10)).assert_error(503, "a body beyond the memory for requests");
        let half = "x".repeat(48 << 10);
        for field in ["a", "b"] {
            assert_eq!(client.put(&format!("map-set/m/{field}"), &half).status, 200);
        }
        client.get("map-get/m").assert_error(503, "a response beyond the memory for responses");
    }
}

#[test]
fn a_kvs_whose_log_was_taken_over_ends_or_is_read_only_and_not_healthy() {
    let (certificates, folder) = (Certificates::make(), folder());
    let txnd = Txnd::start(&format!("file:{}", folder.path().display()), &certificates);
    let start = |flags: &[&str]| {
        let mut command = Kvs::program();
        command.args(["--http-addr", "127.0.0.1:0", "--log", &txnd.url()]).args(certificates.flags("kvs")).args(flags);
        Kvs::try_start(&mut command).expect("kvs starts")
    };
    let health = |kvs: &Kvs| {
        let asked = Kvs::program().args(["health", "--http-addr", &kvs.addr.to_string()]).output();
        asked.expect("kvs can be executed").status.code()
    };
    let ends = start(&[]);
    assert_eq!(ends.connect().put("str-put/a", "1").status, 200);
    assert_eq!(health(&ends), Some(0));
    let stays = start(&["--when-fenced", "read-only"]);
    let write = |kvs: &Kvs| kvs.connect().try_request("PUT", "str-put/late", "1");
    // It finds out by itself, or by a write, which is not acknowledged.
    let unknown = write(&ends).expect("an answer");
    assert!([503, 504].contains(&unknown.status), "{unknown:?}");
    let (status, diagnostics) = ends.wait();
    assert_eq!(status.code(), Some(6), "{diagnostics}");
    assert!(diagnostics.contains("another writer has taken over this log"), "{diagnostics}");

    assert_eq!((health(&stays), stays.connect().get("str-get/a").status), (Some(0), 200));
    let newest = start(&[]);
    let unknown = write(&stays).expect("an answer");
    assert!([503, 504].contains(&unknown.status), "{unknown:?}");
    stays.says(&["kvs is read-only from now on"]);
    assert_eq!(health(&stays), Some(1));
    let read = stays.connect().get("str-get/a");
    assert_eq!((read.text(), read.header("kvs-read-only")), ("1", Some("fenced")));
    let (status, diagnostics) = stays.stop();
    assert_eq!(status.code(), Some(6), "{diagnostics}");
    assert_eq!((health(&newest), newest.connect().put("str-put/a", "2").status), (Some(0), 200));
}
