//! The txnd program as a black box: commands, signals, messages and exit codes.

mod writer;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

use procfs::process::Process;
use proto::{Batch, Lsn};
use rcgen::ExtendedKeyUsagePurpose;
use sqlx::{Connection, Executor};
use tempfile::TempDir;
use testkit::pki::{Ca, DEADLINE, Spec, install};
use testkit::postgres_server::PostgresServer;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request};
use tonic_prost::ProstCodec;
use txnd::remote::{Connect, MutualTls};
use txnd::tls::TlsFiles;
use txnd::wire::v1::{OpenRequest, OpenResponse};
use txnd::{LogReader, LogWriter, RemoteReader, RemoteSink};
use writer::{Writer, put_text};

/// A running txnd on a free port, with its certificates and its log in a folder of its own. Killed when dropped.
struct Txnd {
    child: Child,
    addr: SocketAddr,
    stderr: BufReader<ChildStderr>,
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_txnd"));
    command.current_dir(folder).stdin(Stdio::null());
    // What cannot be reached is not waited for.
    command.env("TXND_WAIT_FOR_LOG", "0s");
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    program(folder).args(args).output().expect("txnd can be executed")
}

/// A folder with `certs/` as `txnd certs certs` makes it.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), &["certs", "certs"]).status.success());
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.into()).expect("UTF-8")
}

impl Txnd {
    #[allow(clippy::zombie_processes)] // Waited for when it is dropped.
    fn start(folder: &Path, args: &[&str]) -> Self {
        let mut child = program(folder)
            .env("TXND_GRPC_ADDR", "127.0.0.1:0")
            .args(["--trace-format", "json"])
            .args(args)
            .stderr(Stdio::piped())
            .spawn()
            .expect("txnd can be executed");
        let stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let mut txnd = Self { child, addr: ([0, 0, 0, 0], 0).into(), stderr };
        let listening: serde_json::Value = serde_json::from_str(&txnd.line("listening")).expect("JSON");
        txnd.addr = listening["grpc_addr"].as_str().expect("an address").parse().expect("an address");
        txnd
    }

    /// Reads diagnostics up to a line that holds `wanted`.
    fn line(&mut self, wanted: &str) -> String {
        let mut before = String::new();
        loop {
            let mut line = String::new();
            let read = self.stderr.read_line(&mut line).expect("diagnostics are UTF-8");
            assert!(read > 0, "txnd ended without {wanted:?}: {before}");
            if line.contains(wanted) {
                return line;
            }
            before.push_str(&line);
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill can be executed").success());
    }

    /// How the program `name` connects to it.
    fn seen_by(&self, folder: &Path, name: &str) -> MutualTls {
        let files = TlsFiles::in_folder(&folder.join("certs"), name);
        MutualTls::new(&format!("https://localhost:{}", self.addr.port()), files).unwrap()
    }

    fn health(&self, folder: &Path) -> Output {
        run(folder, &["health", "--grpc-addr", &self.addr.to_string()])
    }

    /// The exit code and the rest of the diagnostics.
    fn wait(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).expect("diagnostics are UTF-8");
        (self.child.wait().expect("txnd ends").code(), rest)
    }
}

impl Drop for Txnd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_serves_until_it_is_told_to_stop() {
    let folder = folder();
    for signal in ["TERM", "INT"] {
        let txnd = Txnd::start(folder.path(), &[]);
        let health = txnd.health(folder.path());
        assert!(health.status.success(), "{}", text(&health.stderr));
        txnd.signal(signal);
        let (code, rest) = txnd.wait();
        assert_eq!(code, Some(0), "{rest}");
    }
}

#[test]
fn a_stop_before_everything_is_durable_says_so() {
    let folder = folder();
    let url = PostgresServer::shared().database();
    let txnd = Txnd::start(folder.path(), &["--sink", &url, "--drain-timeout", "1s"]);
    let server = txnd.seen_by(folder.path(), "kvs");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (code, said) = runtime.block_on(async {
        let mut writer = Writer::begin(RemoteSink::new(server)).await.unwrap();
        writer.append(&[put_text("k", 1)]).await;
        writer.make_durable().await;
        let mut other = sqlx::PgConnection::connect(&url).await.unwrap();
        other.execute("BEGIN; LOCK TABLE string_transactions IN ACCESS EXCLUSIVE MODE").await.unwrap();
        writer.append(&[put_text("k", 2)]).await;
        let waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND database = \
                       (SELECT oid FROM pg_database WHERE datname = current_database()))";
        let began = Instant::now();
        while !sqlx::query_scalar::<_, bool>(waiting).fetch_one(&mut other).await.unwrap() {
            assert!(began.elapsed() < DEADLINE, "txnd does not write");
            let _ = tokio::time::timeout(Duration::from_millis(5), writer.sink.durable()).await;
        }
        txnd.signal("TERM");
        // The writer's connection takes part in the stop.
        tokio::task::spawn_blocking(|| txnd.wait()).await.unwrap()
    });
    assert!(code == Some(1) && said.contains("not every received batch became durable"), "{code:?}: {said}");
}

#[test]
fn it_waits_for_a_database_that_is_not_there_yet_and_can_be_stopped_meanwhile() {
    let folder = folder();
    let nobody = "postgres://kvs:secret@127.0.0.1:1/state";
    let start = |wait: &str| {
        let mut command = program(folder.path());
        command.args(["--grpc-addr", "127.0.0.1:0", "--sink", nobody, "--wait-for-log", wait]);
        command.stderr(Stdio::piped()).spawn().expect("txnd can be executed")
    };
    let mut stopped = start("60s");
    let mut stderr = BufReader::new(stopped.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("waiting for the log") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended instead of waiting");
    }
    assert!(!line.contains("secret"), "{line}");
    assert!(Command::new("kill").arg(stopped.id().to_string()).status().unwrap().success());
    assert_eq!(stopped.wait().unwrap().code(), Some(0));

    let began = Instant::now();
    let given_up = start("1s").wait_with_output().unwrap();
    assert_eq!(given_up.status.code(), Some(4));
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    let said = text(&given_up.stderr);
    assert!(said.lines().last().is_some_and(|last| last.contains("cannot connect")), "{said}");
}

#[test]
fn an_empty_variable_is_like_none_and_a_wrong_one_is_named() {
    let folder = folder();
    let with = |value: &str| {
        let mut command = program(folder.path());
        command.args(["health", "--grpc-addr", "127.0.0.1:1"]).env("TXND_DRAIN_TIMEOUT", value).output().unwrap()
    };
    let empty = with("");
    assert!(empty.status.code() == Some(1) && text(&empty.stderr).contains("cannot be reached"), "{empty:?}");
    let wrong = with("soon");
    let said = text(&wrong.stderr);
    assert!(
        wrong.status.code() == Some(2) && said.contains("TXND_DRAIN_TIMEOUT") && !said.contains("--drain"),
        "{said}"
    );
}

#[test]
fn health_reaches_a_server_that_listens_on_every_address() {
    let folder = folder();
    let txnd = Txnd::start(folder.path(), &["--grpc-addr", "0.0.0.0:0"]);
    assert!(txnd.addr.ip().is_unspecified());
    let health = txnd.health(folder.path());
    assert!(health.status.success(), "{}", text(&health.stderr));
}

#[test]
fn health_says_why_not() {
    let folder = folder();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    drop(listener);
    let health = run(folder.path(), &["--grpc-addr", &addr, "health"]);
    assert_eq!(health.status.code(), Some(1));
    assert!(text(&health.stderr).contains("cannot be reached"), "{}", text(&health.stderr));

    let txnd = Txnd::start(folder.path(), &[]);
    let other = self::folder();
    let health = txnd.health(other.path());
    assert_eq!(health.status.code(), Some(1));
    assert!(text(&health.stderr).contains("signed by another CA than certs/ca.pem"), "{}", text(&health.stderr));
}

#[test]
fn health_asks_a_server_whose_certificate_is_for_servers_only_and_names_a_wildcard() {
    let folder = tempfile::tempdir().unwrap();
    let certs = folder.path().join("certs");
    std::fs::create_dir(&certs).unwrap();
    let ca = Ca::new("CA");
    let purposes = vec![ExtendedKeyUsagePurpose::ServerAuth];
    for names in [vec!["*.kvs.example"], vec!["txnd", "*.kvs.example"], vec!["*.kvs.example", "127.0.0.1"]] {
        let shown = Spec { names: names.clone(), purposes: purposes.clone(), ..Spec::server() };
        install(&certs, "txnd", &ca, &ca.issue(&shown));
        let txnd = Txnd::start(folder.path(), &[]);
        let health = txnd.health(folder.path());
        assert!(health.status.success(), "{names:?}: {}", text(&health.stderr));
    }
}

#[test]
fn a_certificate_that_expires_in_use_is_warned_about_before_and_then() {
    let folder = tempfile::tempdir().unwrap();
    let certs = folder.path().join("certs");
    std::fs::create_dir(&certs).unwrap();
    let ca = Ca::new("CA");
    install(&certs, "txnd", &ca, &ca.issue(&Spec { to: 5, ..Spec::server() }));
    let mut txnd = Txnd::start(folder.path(), &[]);
    let mut lines = txnd.line("txnd.pem has expired on");
    assert!(lines.contains("ERROR"), "{lines}");
    install(&certs, "txnd", &ca, &ca.issue(&Spec::server()));
    lines = txnd.line("certificates in use");
    assert!(lines.contains("INFO"), "{lines}");
    assert!(txnd.health(folder.path()).status.success());
}

#[test]
fn hangup_takes_up_renewed_certificates() {
    let folder = folder();
    let mut txnd = Txnd::start(folder.path(), &[]);
    txnd.signal("HUP");
    txnd.line("have not changed");
    assert!(run(folder.path(), &["certs", "certs", "--renew", "--days", "7"]).status.success());
    txnd.signal("HUP");
    txnd.line("certificates in use");
    txnd.line("expires on");
    assert!(txnd.health(folder.path()).status.success());

    std::fs::write(folder.path().join("certs/txnd.pem"), "nothing").unwrap();
    txnd.signal("HUP");
    let line = txnd.line("those of before stay in use");
    assert!(line.contains("certs/txnd.pem holds no certificate"), "{line}");
    txnd.signal("TERM");
    assert_eq!(txnd.wait().0, Some(0));
}

#[test]
fn a_start_that_fails_says_why_and_ends_with_a_code() {
    let empty = tempfile::tempdir().unwrap();
    let missing = run(empty.path(), &["--grpc-addr", "127.0.0.1:0"]);
    assert_eq!(missing.status.code(), Some(2));
    let says = text(&missing.stderr);
    assert!(says.contains("cannot read certs/ca.pem") && says.contains("`txnd certs certs`"), "{says}");

    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    for flag in ["--grpc-addr", "--admin-addr"] {
        let refused = run(folder.path(), &[flag, &addr]);
        assert_eq!(refused.status.code(), Some(3), "{flag}");
        assert!(text(&refused.stderr).contains(&addr), "{}", text(&refused.stderr));
    }
    for args in [&["--grpc-addr", "localhost"][..], &["--sink", "off"], &["--drain-timeout", "0s"], &["certs"]] {
        assert_eq!(run(folder.path(), args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn a_password_is_not_shown() {
    let folder = folder();
    let url = "postgres://kvs:secret@127.0.0.1:1/state";
    let help = program(folder.path()).env("TXND_SINK", url).arg("--help").output().unwrap();
    assert!(help.status.success() && !text(&help.stdout).contains("secret"));
    let unreachable = run(folder.path(), &["--sink", url, "--trace", "debug"]);
    let malformed = run(folder.path(), &["--sink", "postgres:secret"]);
    for (refused, code) in [(unreachable, 4), (malformed, 2)] {
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(code), "{said}");
        assert!(said.contains("postgres://") && !said.contains("secret"), "{said}");
    }
}

/// A call is refused before its message is received: who may only ask for health cannot make txnd hold 65 MiB of it.
#[test]
fn a_call_that_is_not_allowed_is_refused_before_its_message() {
    let folder = folder();
    let mut txnd = Txnd::start(folder.path(), &[]);
    let server = txnd.seen_by(folder.path(), "txnd");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let refused = runtime.block_on(async {
        let mut calls = Grpc::new(server.connect().await.expect("the certificate is let in"));
        calls.ready().await.unwrap();
        let messages = Request::new(tokio_stream::pending::<OpenRequest>());
        let path = PathAndQuery::from_static("/txn.v1.TransactionService/Open");
        let codec = ProstCodec::<OpenRequest, OpenResponse>::default();
        tokio::time::timeout(DEADLINE, calls.client_streaming(messages, path, codec)).await.expect("an answer")
    });
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    txnd.line("refused a call");
}

/// A read has a thread, which gives way, but not while the writer itself reads to recover.
#[test]
fn who_reads_gives_way_to_who_writes() {
    let folder = folder();
    let txnd = Txnd::start(folder.path(), &[]);
    let server = txnd.seen_by(folder.path(), "kvs");
    // Their names and nice values; those of the system's own making have others.
    let threads = || {
        let tasks = Process::new(txnd.child.id() as i32).and_then(|process| process.tasks()).expect("threads");
        let stats = tasks.filter_map(|task| task.and_then(|task| task.stat()).ok());
        let mut threads: Vec<_> = stats.map(|stat| (stat.comm, stat.nice)).collect();
        threads.retain(|(name, _)| ["txnd-log", "txnd-read", "txnd-recovery"].contains(&name.as_str()));
        threads.sort();
        threads
    };
    let own = own_nice();
    let gives_way = own + 14;
    let expect = |expected: &[(&str, i64)]| {
        let expected: Vec<_> = expected.iter().map(|(name, nice)| (name.to_string(), *nice)).collect();
        let begun = Instant::now();
        while threads() != expected {
            assert!(begun.elapsed() < DEADLINE, "{:?} instead of {expected:?}", threads());
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut writer = Writer::begin(RemoteSink::new(server.clone())).await.unwrap();
        // A read that has sent little is done before anybody looks at it.
        for _ in 0..100 {
            writer.append(&[put_text("k", 1 << 20)]).await;
        }
        writer.make_durable().await;
        expect(&[("txnd-log", own)]);
        let mut looks = 0;
        let mut look = async |_: &Batch| {
            looks += 1;
            if looks == 1 {
                expect(&[("txnd-log", own), ("txnd-read", gives_way)]);
            }
            Ok(())
        };
        RemoteReader::new(server.clone()).read(1..=Lsn::MAX, &mut look).await.unwrap();
        looks = 0;
        let mut look = async |_: &Batch| {
            looks += 1;
            if looks == 1 {
                expect(&[("txnd-log", own), ("txnd-recovery", own)]);
            }
            Ok(())
        };
        writer.sink.reader().read(1..=Lsn::MAX, &mut look).await.unwrap();
        assert!(looks > 0);
    });
}

/// The nice value of this process, which is that of txnd.
fn own_nice() -> i64 {
    Process::myself().and_then(|process| process.stat()).expect("its own state").nice
}

#[test]
fn metrics_are_served_in_prometheus_form() {
    let folder = folder();
    let metrics = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut txnd = Txnd::start(folder.path(), &["--metrics-addr", &metrics.to_string()]);
    assert!(txnd.health(folder.path()).status.success());
    TcpStream::connect(txnd.addr).unwrap().write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    txnd.line("it does not speak TLS");

    let scrape = || {
        let mut stream = TcpStream::connect(metrics).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let expected = [
        "# TYPE kvs_connections_accepted counter",
        r#"kvs_connections_accepted_total{protocol="grpc"} 1"#,
        r#"kvs_connections{protocol="grpc"} 0.0"#,
        "kvs_log_up 1.0",
        r#"txnd_certificate_reloads_total{outcome="replaced"} 0"#,
        r#"txnd_refused_connections_total{reason="not_tls"} 1"#,
        r#"txnd_handshake_seconds_bucket{le="+Inf"} 1"#,
        "txnd_certificate_expiry_timestamp_seconds 1",
    ];
    let deadline = Instant::now() + DEADLINE;
    loop {
        let answer = scrape();
        match expected.iter().find(|line| !answer.contains(*line)) {
            None => break,
            Some(line) => assert!(Instant::now() < deadline, "{line} is not in {answer}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn certs_says_what_it_did() {
    let folder = folder();
    let again = run(folder.path(), &["certs", "certs"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("is there already"), "{}", text(&again.stderr));
    let kept = run(folder.path(), &["certs", "certs", "--keep"]);
    assert!(kept.status.success() && kept.stdout.is_empty() && kept.stderr.is_empty());
    let renewed = run(folder.path(), &["certs", "certs", "--renew", "--server-name", "log.example"]);
    assert!(renewed.status.success() && text(&renewed.stdout).contains("new certificates"));
}
