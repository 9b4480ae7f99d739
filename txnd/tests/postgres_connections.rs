//! What lies between kvs and its tables: poolers, passwords, timeouts, few connections, schemas, names with several addresses.

mod writer;

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use proto::{Batch, Lsn};
use socket2::{Domain, Socket, Type};
use sqlx::{Connection, Executor};
use testkit::postgres_server::{PASSWORD, PostgresServer, signal, within};
use txnd::{LogReader, LogWriter, PostgresReader, PostgresSink, SinkError};
use writer::{Content, Writer, put_text, seed};

/// Set for a copy of the test process that runs one test in an environment of its own.
const INNER: &str = "KVS_POSTGRES_INNER";

fn sink(url: &str) -> PostgresSink {
    url.parse().unwrap_or_else(|e| panic!("{url}: {e}"))
}

#[track_caller]
fn assert_says(message: &str, words: &[&str], not: &[&str]) {
    words.iter().for_each(|word| assert!(message.contains(word), "{word:?} is expected in: {message}"));
    not.iter().for_each(|word| assert!(!message.contains(word), "{word:?} is not expected in: {message}"));
}

/// Records of every kind, in batches of 20.
async fn write(url: &str, batches: usize) -> Vec<Vec<u8>> {
    let mut content = Content::new(seed());
    let mut writer = Writer::begin(sink(url)).await.unwrap();
    for _ in 0..batches {
        writer.append(&content.ops(20)).await;
    }
    writer.make_durable().await;
    let stored = records(&writer.read(1).await);
    writer.sink.close().await.unwrap();
    stored
}

/// The bytes of all records, whatever the batches that they came in.
fn records(batches: &[Batch]) -> Vec<Vec<u8>> {
    let records = batches.iter().flat_map(|batch| batch.records());
    records.map(|record| format!("{:?}", record.unwrap()).into_bytes()).collect()
}

/// Runs the test `name` of this file again in a process of its own, by `command`, which gets the program and its arguments.
fn again(name: &str, mut command: Command) {
    command.arg(std::env::current_exe().unwrap()).args(["--exact", name, "--nocapture"]).env(INNER, "1");
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", said(&output.stdout), said(&output.stderr));
    print!("{}", said(&output.stdout));
}

#[tokio::test]
async fn a_pooler_in_between_leaves_other_programs_what_protects_the_log() {
    let server = PostgresServer::shared();
    // One pool refuses the start-up parameter that tells sessions apart, the other one drops it.
    let cases = [
        ("transaction", "2", "extra_float_digits"),
        ("session", "3", "extra_float_digits"),
        ("transaction", "2", "options"),
        ("session", "3", "options"),
    ];
    for (mode, sessions, ignored) in cases {
        let settings = [("default_pool_size", sessions), ("ignore_startup_parameters", ignored)];
        let Some(pooler) = server.pooler(mode, &[], &settings) else { return };
        let url = pooler.url_of(&server.database());
        let stored = write(&url, 5).await;
        assert_eq!(stored.len(), 100, "{mode}");

        let mut writer = Writer::begin(sink(&url)).await.unwrap();
        writer.append(&[put_text("k", 1)]).await;
        writer.make_durable().await;
        // Each of the pool's sessions in turn may be the one that the writer had.
        for _ in 0..8 {
            let orphan = "INSERT INTO integer_transactions VALUES (1000000, 'put', 999999, 1, NULL, now())";
            assert_says(&server.try_psql(&url, orphan).unwrap_err(), &["foreign key"], &[]);
            assert_says(&server.try_psql(&url, "DELETE FROM string_keys").unwrap_err(), &["keys are not deleted"], &[]);
            for (setting, default) in [("session_replication_role", "origin"), ("idle_session_timeout", "0")] {
                assert_eq!(server.psql(&url, &format!("SHOW {setting}")), default, "{mode}");
            }
            assert_eq!(server.psql(&url, "SHOW search_path"), "\"$user\", public", "{mode}");
        }
        let mut all = stored.clone();
        all.extend(records(&writer.read(101).await).split_off(0));
        drop(writer);

        let mut restarted = Writer::begin(sink(&url)).await.expect("a restart works");
        assert_eq!(records(&restarted.read(1).await), all, "{mode}");
        restarted.append(&[put_text("k", 2)]).await;
        restarted.make_durable().await;
    }
}

#[tokio::test]
async fn a_pooler_without_transactions_is_refused() {
    let server = PostgresServer::shared();
    let Some(pooler) = server.pooler("statement", &[], &[]) else { return };
    let refusal = sink(&pooler.url_of(&server.database())).open().await.unwrap_err();
    assert!(matches!(refusal, SinkError::Failed(_)), "{refusal}");
    assert_says(&refusal.to_string(), &["pooler", "pool_mode"], &[PASSWORD]);
}

#[test]
fn a_password_that_changes_is_read_at_the_next_connect() {
    if std::env::var_os(INNER).is_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("env");
        command.arg(format!("PGPASSFILE={}", folder.path().join("pgpass").display()));
        return again("a_password_that_changes_is_read_at_the_next_connect", command);
    }
    let server = PostgresServer::start();
    let url = server.database();
    let name = url.rsplit('/').next().unwrap();
    server.psql("postgres", &format!("CREATE ROLE app LOGIN; ALTER DATABASE {name} OWNER TO app"));
    let change = |password: &str| {
        server.psql(&url, &format!("ALTER ROLE app PASSWORD '{password}'"));
        let path = std::env::var_os("PGPASSFILE").unwrap();
        std::fs::write(&path, format!("127.0.0.1:*:*:app:{password}\n")).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    };
    server.psql(&url, "GRANT CREATE ON SCHEMA public TO app");
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        change("first");
        let without_password = server.url("app", "", name).replace(":@", "@");
        let mut writer = Writer::begin(sink(&without_password)).await.unwrap();
        change("second");
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'app'";
        assert_eq!(server.psql(&url, end), "1");
        let batch = writer.append(&[put_text("k", 1)]).await;
        assert!(writer.sink.durable().await.unwrap_err().is_retryable());
        assert_eq!(writer.resume().await, Ok(0), "the new password is used");
        writer.sink.append(&batch).await.unwrap();
        writer.make_durable().await;
    });
}

#[tokio::test]
async fn timeouts_that_a_role_has_do_not_end_the_session_of_a_log() {
    let server = PostgresServer::start();
    let url = server.database();
    let name = url.rsplit('/').next().unwrap();
    server.psql("postgres", &format!("CREATE ROLE app LOGIN PASSWORD 'app'; ALTER DATABASE {name} OWNER TO app"));
    for setting in ["idle_session_timeout", "idle_in_transaction_session_timeout", "statement_timeout", "lock_timeout"]
    {
        server.psql("postgres", &format!("ALTER ROLE app SET {setting} = '700ms'"));
    }
    server.psql("postgres", "ALTER ROLE app SET default_transaction_isolation = 'repeatable read'");
    server.psql(&url, "GRANT CREATE ON SCHEMA public TO app");
    let direct = server.url("app", "app", name);
    idle_for_long(&server, &url, &direct, &direct).await;
    let Some(pooler) = server.pooler("transaction", &[("app", "app")], &[]) else { return };
    idle_for_long(&server, &url, &direct, &pooler.url("app", "app", name)).await;
}

/// Writes through `writer_url`, waits longer than the role's timeouts, writes again; then the same within a transaction. A session
/// over `direct`, which sets nothing, shows that the time is over.
async fn idle_for_long(server: &PostgresServer, url: &str, direct: &str, writer_url: &str) {
    let ended = async |statements: &str| {
        let mut idle = sqlx::PgConnection::connect(direct).await.unwrap();
        let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut idle).await.unwrap();
        idle.execute(statements).await.unwrap();
        let there = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}");
        within("the session that sets nothing is ended", || (server.psql(url, &there) == "0").then_some(()));
    };
    let mut writer = Writer::begin(sink(writer_url)).await.unwrap();
    let before = writer.opened.chain.lsn;
    writer.append(&[put_text("k", 1)]).await;
    writer.make_durable().await;
    ended("SELECT 1").await;
    writer.append(&[put_text("k", 2)]).await;
    writer.make_durable().await;
    writer.append(&[put_text("k", 3)]).await;
    assert!(writer::poll_once(writer.sink.durable()).is_pending());
    ended("BEGIN; SELECT 1").await;
    writer.make_durable().await;
    assert_eq!(u64::from(writer.read(1).await.iter().map(Batch::count).sum::<u32>()), before + 3);
    writer.sink.close().await.unwrap();
}

#[tokio::test]
async fn recovery_makes_do_with_the_connections_that_there_are() {
    let server = PostgresServer::start();
    let url = server.database();
    let name = url.rsplit('/').next().unwrap();
    server.psql("postgres", &format!("CREATE ROLE app LOGIN PASSWORD 'app'; ALTER DATABASE {name} OWNER TO app"));
    server.psql(&url, "GRANT CREATE ON SCHEMA public TO app");
    let of_app = server.url("app", "app", name);
    let stored = write(&of_app, 20).await;
    let in_all = "SELECT (SELECT count(*) FROM integer_transactions) * (SELECT count(*) FROM uint_transactions) \
        * (SELECT count(*) FROM float_transactions) * (SELECT count(*) FROM string_transactions) \
        * (SELECT count(*) FROM map_transactions) * (SELECT count(*) FROM set_transactions) > 0";
    assert_eq!(server.psql(&url, in_all), "t", "there are rows in all tables");
    for limit in [8, 5, 4, 3] {
        server.psql("postgres", &format!("ALTER ROLE app CONNECTION LIMIT {limit}"));
        let mut restarted = Writer::begin(sink(&of_app)).await.unwrap_or_else(|e| panic!("limit {limit}: {e}"));
        assert_eq!(records(&restarted.read(1).await), stored, "limit {limit}");
        assert_eq!(records(&restarted.read(200).await), stored[199..], "limit {limit}");
        restarted.sink.close().await.unwrap();
        within("its sessions have ended", || server.backend_pids(&url).is_empty().then_some(()));
    }
    server.psql("postgres", "ALTER ROLE app CONNECTION LIMIT 2");
    let refusal = sink(&of_app).open().await.unwrap_err();
    assert!(matches!(refusal, SinkError::Failed(_)), "{refusal}");
    assert_says(&refusal.to_string(), &["ALTER ROLE app CONNECTION LIMIT 3"], &[]);
    // What the server refuses for now, it may grant later.
    server.psql("postgres", "ALTER ROLE app CONNECTION LIMIT 3");
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(sqlx::PgConnection::connect(&of_app).await.unwrap());
    }
    let refusal = sink(&of_app).open().await.unwrap_err();
    assert!(refusal.is_retryable(), "{refusal}");
    assert_says(&refusal.to_string(), &["too many connections"], &["is PostgreSQL running"]);
}

/// Reads the whole log.
async fn read(reader: &PostgresReader) -> Vec<Vec<u8>> {
    let mut batches = Vec::new();
    let mut visit = async |batch: &Batch| {
        batches.push(batch.copied());
        Ok(())
    };
    reader.read(1..=Lsn::MAX, &mut visit).await.expect("the log can be read");
    records(&batches)
}

#[tokio::test]
async fn a_thread_that_reads_again_and_again_keeps_its_connections() {
    let server = PostgresServer::shared();
    let url = server.database();
    let stored = write(&url, 5).await;
    within("the end of the writer's connection", || server.backend_pids(&url).is_empty().then_some(()));
    let (database, (done, ended)) = (url.clone(), std::sync::mpsc::channel());
    let reads = async move || {
        let reader: PostgresReader = database.parse().expect("a URL");
        let connections = || server.backend_pids(&database);
        assert_eq!(read(&reader).await, stored);
        let kept: [u32; 2] = connections().try_into().expect("one for rows, one for the names of keys");
        for _ in 0..10 {
            assert_eq!(read(&reader).await, stored);
            assert_eq!(*connections(), kept);
        }
        server.psql(&database, &format!("SELECT pg_terminate_backend({})", kept[0]));
        assert_eq!(read(&reader).await, stored);
        let now = within("one connection in the place of another", || Some(connections()).filter(|now| now.len() == 2));
        assert_eq!(kept.map(|pid| now.contains(&pid)), [false, true]);
        // Nothing is left under way in them.
        let idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle'";
        assert_eq!(server.psql(&database, idle), "2");
    };
    txnd::thread::run_giving_way("reads", reads, move |()| done.send(()).expect("the test waits")).expect("a thread");
    ended.recv().expect("the work does not panic");
    within("the end of the connections", || server.backend_pids(&url).is_empty().then_some(()));
}

#[tokio::test]
async fn a_log_is_found_by_its_tables() {
    let server = PostgresServer::start();
    let url = server.database();
    let name = url.rsplit('/').next().unwrap();
    server.psql("postgres", &format!("CREATE ROLE app LOGIN PASSWORD 'app'; ALTER DATABASE {name} OWNER TO app"));
    server.psql(&url, "GRANT CREATE ON SCHEMA public TO app");
    let of_app = server.url("app", "app", name);
    let stored = write(&of_app, 2).await;
    let mut running = Writer::begin(sink(&of_app)).await.unwrap();

    // What a later search_path finds first hides nothing, at a reconnect neither.
    server.psql(
        &url,
        "CREATE SCHEMA app AUTHORIZATION app; CREATE TABLE app.producer (n INT); GRANT SELECT ON app.producer TO app",
    );
    server.psql(&url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'");
    let lost = running.append(&[put_text("k", 1)]).await;
    assert!(running.sink.durable().await.unwrap_err().is_retryable());
    assert_eq!(running.resume().await, Ok(40));
    running.sink.append(&lost).await.unwrap();
    running.make_durable().await;
    running.sink.close().await.unwrap();
    let mut restarted = Writer::begin(sink(&of_app)).await.unwrap();
    assert_eq!(records(&restarted.read(1).await)[..40], stored);
    restarted.sink.close().await.unwrap();

    // A second log, made on purpose.
    server.psql(&url, "CREATE SCHEMA copy AUTHORIZATION app");
    let of_copy = format!("{of_app}?options[search_path]=copy");
    assert_eq!(write(&of_copy, 1).await.len(), 20);
    let refusal = sink(&of_app).open().await.unwrap_err();
    assert!(matches!(refusal, SinkError::Failed(_)), "{refusal}");
    assert_says(&refusal.to_string(), &["copy", "public", "search_path"], &[]);
    assert_eq!(sink(&of_copy).open().await.unwrap().chain.lsn, 20);
    assert_eq!(sink(&format!("{of_app}?options[search_path]=public")).open().await.unwrap().chain.lsn, 41);
    // One that the role cannot see is not its own.
    server.psql(&url, "REVOKE ALL ON SCHEMA copy FROM app; ALTER SCHEMA copy OWNER TO kvs");
    assert_eq!(sink(&of_app).open().await.unwrap().chain.lsn, 41);
}

#[test]
fn a_parameter_that_is_not_known_is_refused_without_its_value() {
    for url in [
        "postgres://u:secret@h/d?sslmod=verify-full",
        "postgres://u:secret@h/d?sslmode=require&SSLROOTCERT=verify-full",
    ] {
        let refusal = url.parse::<PostgresSink>().unwrap_err();
        assert_says(&refusal, &["unknown parameter", "sslmode, ", "sslrootcert"], &["verify-full", "secret"]);
    }
    assert_says(&"postgres://u:se#cret@h/d".parse::<PostgresSink>().unwrap_err(), &["%23"], &["cret"]);
    for known in ["sslmode=disable", "application_name=x&options[search_path]=a", "options%5Bsearch_path%5D=a"] {
        format!("postgres://u@h/d?{known}").parse::<PostgresSink>().unwrap_or_else(|e| panic!("{known}: {e}"));
    }
}

#[test]
fn a_misspelled_default_of_sslmode_is_refused() {
    if std::env::var_os(INNER).is_none() {
        let mut command = Command::new("env");
        command.arg("PGSSLMODE=verify_full");
        return again("a_misspelled_default_of_sslmode_is_refused", command);
    }
    let refusal = "postgres://u@h/d".parse::<PostgresSink>().unwrap_err();
    assert_says(&refusal, &["PGSSLMODE", "verify_full", "verify-full"], &[]);
}

#[tokio::test]
async fn what_a_server_is_doing_is_said_and_may_be_waited_for() {
    let server = PostgresServer::start();
    let url = server.database();
    let mut session = sqlx::PgConnection::connect(&url).await.unwrap();
    session.execute("SELECT 1").await.unwrap();
    // It lets the session come to its end, and nobody in.
    signal(server.postmaster_pid(), "TERM");
    within("it refuses", || server.try_psql(&url, "SELECT 1").is_err().then_some(()));
    let error = sink(&url).open().await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert_says(&error.to_string(), &["shutting down"], &["is PostgreSQL running"]);
    drop(session);

    let error = sink("postgres://u@no-such-name.invalid/d").open().await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert_says(&error.to_string(), &["no-such-name.invalid", "resolved"], &["is PostgreSQL running"]);
}

#[tokio::test]
async fn an_idle_writer_finds_out_that_it_was_fenced() {
    let server = PostgresServer::shared();
    let url = server.database();
    let mut first = Writer::begin(sink(&url)).await.unwrap();
    assert_eq!(first.sink.check_term().await, Ok(()));
    let second = Writer::begin(sink(&url)).await.unwrap();
    assert_eq!(first.sink.check_term().await, Err(SinkError::Fenced { own: 1, newer: 2 }));
    drop(second);
}

/// A name with two addresses. The first one swallows whatever is sent to it, as a machine that is off does.
const NAME: &str = "kvs-two-addresses.test";

#[test]
fn every_address_of_a_name_is_tried() {
    const TEST: &str = "every_address_of_a_name_is_tried";
    if std::env::var_os(INNER).is_none() {
        let hosts = tempfile::NamedTempFile::new().unwrap();
        writeln!(hosts.as_file(), "127.0.0.1 localhost\n127.0.0.2 {NAME}\n127.0.0.1 {NAME}").unwrap();
        let mount = format!("mount --bind '{}' /etc/hosts && exec \"$@\"", hosts.path().display());
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &mount, "sh"]);
        let mut probe = Command::new("unshare");
        probe.args(["--mount", "sh", "-c", &mount, "sh", "true"]);
        if !probe.output().is_ok_and(|output| output.status.success()) {
            println!("skipped: no mount namespace of its own for /etc/hosts on this machine");
            return;
        }
        return again(TEST, command);
    }
    let addresses: Vec<IpAddr> = (NAME, 0).to_socket_addrs().unwrap().map(|address| address.ip()).collect();
    let (first, last) = (addresses[0], *addresses.last().unwrap());
    assert_ne!(first, last, "the name has two addresses");
    let server = PostgresServer::with_settings(&[("listen_addresses", &last.to_string())]);
    with_tls(&server);
    let url = server.database().replace("127.0.0.1", NAME);
    let port = url.rsplit_once(':').unwrap().1.split('/').next().unwrap().parse().unwrap();
    let _silent = silent(SocketAddr::new(first, port));
    let trusted = server.folder().join("trusted.crt");
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        for parameters in
            ["sslmode=disable".to_string(), format!("sslmode=verify-full&sslrootcert={}", trusted.display())]
        {
            let began = Instant::now();
            let mut writer = Writer::begin(sink(&format!("{url}?{parameters}"))).await.unwrap();
            println!("{parameters}: open after {:?}", began.elapsed());
            writer.append(&[put_text("k", 1)]).await;
            writer.make_durable().await;
            // It is known by now which address serves.
            let began = Instant::now();
            server.psql(
                "postgres",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kvs'",
            );
            let lost = writer.append(&[put_text("k", 2)]).await;
            assert!(writer.sink.durable().await.unwrap_err().is_retryable());
            writer.resume().await.unwrap();
            writer.sink.append(&lost).await.unwrap();
            writer.make_durable().await;
            assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        }
        let wrong = sink(&format!("{url}?sslmode=verify-full")).open().await.unwrap_err();
        assert_says(&wrong.to_string(), &["certificate"], &["is PostgreSQL running"]);
    });
}

/// A socket whose queue is full, so that the kernel drops what would open a connection.
fn silent(address: SocketAddr) -> (Socket, Vec<TcpStream>) {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(0).unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queue.push(stream);
        assert!(queue.len() < 100, "the queue does not fill");
    }
    (socket, queue)
}

/// Makes the server speak TLS with a certificate for [`NAME`] that signs itself, see `trusted.crt` in its folder.
fn with_tls(server: &PostgresServer) {
    let made = rcgen::generate_simple_self_signed(vec![NAME.into()]).unwrap();
    let data = server.folder().join("data");
    let own = |path: &Path| {
        let run = |program: &str, arg: String| Command::new(program).arg(arg).arg(path).status().unwrap().success();
        assert!(run("chmod", "600".into()) && run("chown", format!("--reference={}", data.display())));
    };
    for (file, pem) in [("server.crt", made.cert.pem()), ("server.key", made.signing_key.serialize_pem())] {
        std::fs::write(data.join(file), pem).unwrap();
        own(&data.join(file));
    }
    std::fs::write(server.folder().join("trusted.crt"), made.cert.pem()).unwrap();
    server.psql("postgres", "ALTER SYSTEM SET ssl = on");
    server.restart();
}
