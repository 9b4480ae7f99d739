//! Half-open connections and processes that are stopped: nobody is told of anything, and each side has to find out by itself.

use std::time::{Duration, Instant};

use txnd::limits::{CONNECT_TIMEOUT, PING_INTERVAL, PONG_TIMEOUT};

use crate::harness::Kvs;
use crate::load::{Progress, assert_recovered, under_load};
use crate::proxy::Way;
use crate::site::{Place, Site, together};
use testkit::postgres_server::{self, PostgresServer};

/// What a loaded machine takes longer than the limits say.
const SLACK: Duration = Duration::from_secs(10);

fn load(site: &Site, durability: &str, trouble: impl FnOnce(&Progress, &Kvs)) {
    // Less than the default, or an asynchronous load would queue for longer than a stop may take.
    let kvs = site.start(&["--durability", durability, "--log-budget", "8MiB"]);
    let written = under_load(&kvs, |progress| {
        progress.grows_by(50);
        trouble(progress, &kvs);
        progress.grows_by(50);
    });
    assert_recovered(site, kvs, &written);
}

/// Bytes between kvs and txnd vanish for so long that both must notice.
fn silent_between_kvs_and_txnd(ways: &[Way], durability: &str) {
    let site = Site::new(Place::TxndSegments);
    load(&site, durability, |_, kvs| {
        let began = Instant::now();
        site.from_kvs.silence(ways);
        kvs.says(&["the log is down", "a ping was not answered"]);
        site.txnd().says(&["a writer's stream ends"]);
        let noticed = began.elapsed();
        assert!(noticed < PING_INTERVAL + PONG_TIMEOUT + SLACK, "{ways:?}: it took {noticed:?}");
        site.from_kvs.heal();
        kvs.says(&["the log is available again"]);
        let resumed = began.elapsed() - noticed;
        assert!(resumed < CONNECT_TIMEOUT * 2 + SLACK, "{ways:?}: it took {resumed:?}");
    });
}

/// txnd is stopped for longer than pings are waited for.
fn stopped_txnd(durability: &str) {
    let site = Site::new(Place::TxndSegments);
    load(&site, durability, |_, kvs| {
        site.txnd().signal("STOP");
        kvs.says(&["the log is down", "a ping was not answered"]);
        site.txnd().signal("CONT");
        kvs.says(&["the log is available again"]);
    });
}

#[test]
fn silence_between_kvs_and_txnd_is_noticed_by_both_and_nothing_is_lost() {
    let scenarios: [Box<dyn FnOnce() + Send>; 5] = [
        Box::new(|| silent_between_kvs_and_txnd(&[Way::Up, Way::Down], "sync")),
        Box::new(|| silent_between_kvs_and_txnd(&[Way::Up], "async")),
        Box::new(|| silent_between_kvs_and_txnd(&[Way::Down], "sync")),
        Box::new(|| stopped_txnd("sync")),
        Box::new(|| stopped_txnd("async")),
    ];
    together(scenarios);
}

/// Bytes between PostgreSQL and its client vanish.
fn silent_postgres(place: Place, ways: &[Way]) {
    let site = Site::new(place);
    load(&site, "sync", |_, kvs| {
        let proxy = site.from_txnd.as_ref().unwrap_or(&site.from_kvs);
        proxy.silence(ways);
        // What it is told when it tries again is of no interest: new connections are well.
        std::thread::sleep(Duration::from_secs(1));
        proxy.heal();
        // On a slow machine the next attempt may come after the grace; either line names the reason.
        kvs.says(&["PostgreSQL did not answer within"]);
    });
}

/// PostgreSQL ends the session, and takes the next one at once.
fn ended_session(place: Place) {
    const WRITES: usize = 10;
    let site = Site::new(place);
    let kvs = site.start(&[]);
    assert_eq!(kvs.connect().put("str-put/a", "1").status, 200);
    for round in 0..3 {
        let sessions = PostgresServer::shared().backend_pids(&site.database);
        sessions.iter().for_each(|pid| assert!(postgres_server::signal(*pid, "TERM"), "no session {pid}"));
        std::thread::scope(|scope| {
            for write in 0..WRITES {
                let mut client = kvs.connect();
                scope.spawn(move || {
                    let answer = client.put(&format!("str-put/{round}_{write}"), "1");
                    assert_eq!(answer.status, 200, "{place:?}: {}", answer.text());
                });
                std::thread::sleep(Duration::from_millis(4));
            }
        });
    }
    let (status, diagnostics) = kvs.stop();
    assert!(status.success() && !diagnostics.contains("the log is down"), "{place:?}: {diagnostics}");
    assert!(diagnostics.contains("the log was lost for"), "{place:?}: nothing was hit: {diagnostics}");
}

#[test]
fn a_session_of_postgres_that_ends_refuses_nobody() {
    [Place::Tables, Place::TxndTables].into_iter().for_each(ended_session);
}

/// The session's process is stopped, as one that hangs in a disk is.
fn stopped_session(place: Place) {
    let site = Site::new(place);
    load(&site, "async", |_, kvs| {
        let sessions = PostgresServer::shared().backend_pids(&site.database);
        sessions.iter().for_each(|pid| assert!(postgres_server::signal(*pid, "STOP"), "no session {pid}"));
        // A session that was stopped between two groups holds no lock, and kvs reconnects at once: "the log was lost for".
        let noticed = kvs.says(&["PostgreSQL did not answer within"]);
        sessions.iter().for_each(|pid| assert!(postgres_server::signal(*pid, "CONT"), "no session {pid}"));
        if noticed.contains("the log is down") {
            kvs.says(&["the log is available again"]);
        }
    });
}

#[test]
fn silence_towards_postgres_is_noticed_and_nothing_is_lost() {
    let scenarios: [Box<dyn FnOnce() + Send>; 5] = [
        Box::new(|| silent_postgres(Place::TxndTables, &[Way::Up, Way::Down])),
        Box::new(|| silent_postgres(Place::Tables, &[Way::Up])),
        Box::new(|| silent_postgres(Place::Tables, &[Way::Down])),
        Box::new(|| stopped_session(Place::TxndTables)),
        Box::new(|| stopped_session(Place::Tables)),
    ];
    together(scenarios);
}
