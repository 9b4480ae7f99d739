//! The tests' own PostgreSQL server, on which other tests rely for what they claim about crashes.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use testkit::postgres_server::{PostgresServer, signal, within};

/// Set for the process that is killed.
const VICTIM: &str = "KVS_POSTGRES_VICTIM";

#[test]
fn what_was_committed_is_there_after_every_end() {
    let server = PostgresServer::start();
    let database = server.database();
    assert_ne!(database, server.database());
    server.psql(&database, "CREATE TABLE kept (n INT, t TEXT)");
    let ends: [fn(&PostgresServer); 3] = [kill_the_postmaster, PostgresServer::restart, kill_a_backend];
    for (n, end) in (1..).zip(ends) {
        server.psql(&database, &format!("INSERT INTO kept VALUES ({n}, 'ä | b')"));
        end(&server);
        let expected: Vec<String> = (1..=n).map(|n| format!("{n}|ä | b")).collect();
        assert_eq!(server.psql(&database, "SELECT * FROM kept ORDER BY n"), expected.join("\n"));
    }
}

/// Kills the postmaster while a session computes, whose backend outlives it for a while.
fn kill_the_postmaster(server: &PostgresServer) {
    during(server, "SELECT count(*) FROM generate_series(1, 2000000)", |_| {
        server.kill_postmaster();
        server.start_again();
    });
}

fn kill_a_backend(server: &PostgresServer) {
    during(server, "SELECT pg_sleep(3600)", |backend| server.kill_backend(backend));
}

/// Ends something during a session that runs this SQL, and with it the session.
fn during(server: &PostgresServer, sql: &str, end: impl FnOnce(u32)) {
    std::thread::scope(|scope| {
        let session = scope.spawn(|| server.try_psql("postgres", sql));
        end(within("the session begins", || server.backend_pids("postgres").pop()));
        // What the session makes of its end is not this test's concern, as long as it ends.
        let _ = session.join().unwrap();
    });
}

#[test]
fn a_killed_test_process_leaves_nothing_behind() {
    if std::env::var_os(VICTIM).is_some() {
        let server = PostgresServer::start();
        println!("\nserver {} {}", server.postmaster_pid(), server.folder().display());
        std::io::stdout().flush().unwrap();
        loop {
            std::thread::park();
        }
    }
    let mut victim = Command::new(std::env::current_exe().unwrap());
    victim.args(["--exact", "a_killed_test_process_leaves_nothing_behind", "--nocapture"]).env(VICTIM, "1");
    let mut victim = victim.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said = lines.find_map(|line| line.strip_prefix("server ").map(str::to_string));
    victim.kill().unwrap();
    victim.wait().unwrap();

    let said = said.expect("the victim has a server");
    let (pid, folder) = said.split_once(' ').unwrap();
    let pid = pid.parse().unwrap();
    within("the server ends", || (!signal(pid, "0")).then_some(()));
    within("its folder is removed", || (!Path::new(folder).exists()).then_some(()));
}
