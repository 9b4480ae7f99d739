//! What holds over each kind of log: files, tables, and both behind a txnd.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::deployment;
use crate::harness::{Client, Kvs, eventually, folder};
use crate::{count, counted, dump, file, last_lsn, number_after, run, succeeds, text};

/// What clients read: of each value type some keys, of which some are deleted.
fn seen(client: &mut Client) -> Vec<(u16, String)> {
    let paths = ["int-get/", "uint-get/", "float-get/", "str-get/", "map-get/", "set-get/"];
    let keys = paths.iter().flat_map(|path| (0..8).map(move |key| format!("{path}k{key}")));
    keys.map(|path| client.get(&path)).map(|answer| (answer.status, answer.text().into())).collect()
}

/// Changes that leave another state in each round.
fn change(client: &mut Client, round: u32) {
    for key in 0..8u32 {
        let number = round * 100 + key;
        let wanted = [
            ("PUT", format!("int-put/k{key}"), format!("-{number}")),
            ("PUT", format!("uint-incrby/k{key}"), format!("{number}")),
            ("PUT", format!("float-put/k{key}"), format!("{number}.5")),
            ("PUT", format!("str-put/k{key}"), format!("\u{e4}{number}{}", "x".repeat(700))),
            ("PUT", format!("map-set/k{key}/f{}", number % 7), format!("{number}")),
            ("PUT", format!("set-add/k{key}"), format!("[\"{number}\", \"a\"]")),
        ];
        for (method, path, body) in wanted {
            let answer = client.request(method, &path, body);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        }
        if (key + round).is_multiple_of(3) {
            client.request("DELETE", &format!("str-del/k{key}"), "");
            client.request("DELETE", &format!("map-del/k{key}"), "");
        }
    }
}

/// A full backup, two increments; each of their ends can be restored, and any time.
#[test]
fn a_backup_restores_the_states_that_were() {
    for mut deployment in deployment::all() {
        let name = deployment.name;
        let (backup, work) = (folder(), folder());
        let dir = text(backup.path());
        let kvs = deployment.start(&["--retain", "all"]);
        let mut client = kvs.connect();
        let mut states = Vec::new();
        for round in 0..3 {
            for more in 0..3 {
                change(&mut client, round * 3 + more);
            }
            let (status, said) = deployment.tool(&["backup", dir]);
            assert_eq!(status, Some(0), "{name}: {said}");
            // A txnd over files that keeps no more than it needs may not have what an increment needs.
            let is_full = said.contains("checkpoint of lsn");
            assert!(is_full || round > 0, "{name}: {said}");
            assert!(!is_full || round == 0 || name == "txnd over file", "{name}: {said}");
            assert_eq!(is_full && round > 0, said.contains("no longer keeps"), "{name}: {said}");
            states.push((last_lsn(&format!("backup:{dir}")), seen(&mut client)));
        }
        let (status, said) = deployment.tool(&["backup", dir]);
        assert!(status == Some(0) && said.contains("no new records"), "{name}: {said}");
        kvs.kill();
        let verified = succeeds(&["backup", "verify", dir]);
        assert!(verified.contains("all right"), "{name}: {verified}");
        let log_id = |log: &str| succeeds(&["log", "info", "--log", log]).lines().next().map(String::from);

        for (number, (lsn, state)) in states.iter().enumerate() {
            let target = work.path().join(format!("at-{number}"));
            let restored = succeeds(&["restore", dir, "--to", &file(&target), "--until", &lsn.to_string()]);
            assert!(restored.contains(&format!("the state at lsn {lsn}")), "{name}: {restored}");
            assert_eq!(last_lsn(&file(&target)), *lsn, "{name}: lsns go on");
            assert_ne!(log_id(&file(&target)), log_id(&format!("backup:{dir}")), "{name}: it is another log");
            let kvs = Kvs::start(&target, &[]);
            let mut client = kvs.connect();
            assert_eq!(&seen(&mut client), state, "{name}, lsn {lsn}");
            // It is a log like any other.
            change(&mut client, 77);
            let state = seen(&mut client);
            kvs.kill();
            assert!(last_lsn(&file(&target)) > *lsn + 40);
            let kvs = Kvs::start(&target, &[]);
            assert_eq!(seen(&mut kvs.connect()), state, "{name}");
        }

        // The time of the record after the second state, less a microsecond.
        let (lsn, state) = &states[1];
        let from = (lsn + 1).to_string();
        let (_, next) = run(&["log", "dump", "--log", &format!("backup:{dir}"), "--from", &from, "--to", &from]);
        let Some(time) = next.split("\"time\":\"").nth(1).and_then(|rest| rest.split('"').next()) else {
            assert!(name == "txnd over file" && next.contains("no longer keeps"), "{name}: {next}");
            deployment.stop();
            continue;
        };
        let micros: u32 = time[20..26].parse().expect("microseconds");
        if micros > 0 {
            let before = format!("{}{:06}Z", &time[..20], micros - 1);
            let target = work.path().join("at-time");
            let said = succeeds(&["restore", dir, "--to", &file(&target), "--until", &before]);
            assert!(number_after(&said, "the state at lsn ") <= *lsn, "{name}: {said}");
            let kvs = Kvs::start(&target, &[]);
            // Unless two records have the same time.
            if said.contains(&format!("the state at lsn {lsn};")) {
                assert_eq!(&seen(&mut kvs.connect()), state, "{name}");
            }
        }
        deployment.stop();
    }
}

/// Into each kind of log, which then is one like any other.
#[test]
fn a_state_is_restored_into_every_kind_of_log() {
    let (log, backup) = (folder(), folder());
    let dir = text(backup.path());
    let kvs = Kvs::start(log.path(), &[]);
    let mut client = kvs.connect();
    (0..3).for_each(|round| change(&mut client, round));
    let state = seen(&mut client);
    kvs.kill();
    succeeds(&["backup", dir, "--log", &file(log.path())]);
    let lsn = last_lsn(&file(log.path()));
    for mut deployment in deployment::all() {
        let name = deployment.name;
        let (status, said) = deployment.tool(&["restore", dir, "--to", deployment.log()]);
        assert_eq!(status, Some(0), "{name}: {said}");
        let (status, said) = deployment.tool(&["restore", dir, "--to", deployment.log()]);
        assert!(status == Some(4) && said.contains("needs a new log"), "{name}: {said}");
        let kvs = deployment.start(&["--checkpoint-after", "never"]);
        let mut client = kvs.connect();
        assert_eq!(seen(&mut client), state, "{name}");
        change(&mut client, 9);
        let later = seen(&mut client);
        kvs.kill();
        let (status, said) = deployment.inspect("verify");
        assert_eq!(status, Some(0), "{name}: {said}");
        assert!(said.contains(&format!("records of lsn {} to", lsn + 1)), "{name}: {said}");
        let kvs = deployment.start(&[]);
        assert_eq!(seen(&mut kvs.connect()), later, "{name}");
        if let (Some(url), Some(server)) = (&deployment.tables, deployment.server) {
            // The views have what was restored, and what came after it.
            for (path, view) in
                [("int-get/", "current_int"), ("str-get/", "current_string"), ("set-get/", "current_set")]
            {
                let found = (0..8).filter(|key| kvs.connect().get(&format!("{path}k{key}")).status == 200).count();
                let shown = server.psql(url, &format!("SELECT count(*) FROM {view} WHERE key LIKE 'k%'"));
                assert_eq!(shown, found.to_string(), "{name}, {view}");
            }
            let restored = server.psql(url, &format!("SELECT count(*) FROM current_float WHERE lsn <= {lsn}"));
            assert_eq!(restored, "0", "all were written again");
            let value = server.psql(url, "SELECT value FROM current_string WHERE key = 'k1'");
            assert_eq!(value, kvs.connect().get("str-get/k1").text());
        }
        kvs.kill();
        deployment.stop();
    }
}

/// While clients write, each backup has a state that was.
#[test]
fn a_backup_beside_writers_is_a_prefix_of_what_they_wrote() {
    for mut deployment in deployment::all() {
        let name = deployment.name;
        let (backup, work) = (folder(), folder());
        let dir = text(backup.path());
        let kvs = deployment.start(&[]);
        let (over, addr) = (&AtomicBool::new(false), kvs.addr);
        let mut lsns = Vec::new();
        let written = std::thread::scope(|scope| {
            let writer = scope.spawn(move || {
                let (mut client, mut number) = (Client::connect(addr), 0);
                while !over.load(Ordering::Relaxed) {
                    count(&mut client, 1, &mut number);
                }
                number
            });
            for _ in 0..5 {
                let least = lsns.last().map_or(50, |last| last + 50);
                let reached = || number_after(&deployment.inspect("info").1, " to ") > least;
                eventually("more is written", || deployment.inspect("info").1.contains(" to ") && reached());
                let (status, said) = deployment.tool(&["backup", dir]);
                assert_eq!(status, Some(0), "{name}: {said}");
                lsns.push(last_lsn(&format!("backup:{dir}")));
            }
            over.store(true, Ordering::Relaxed);
            writer.join().expect("the writer")
        });
        kvs.kill();
        succeeds(&["backup", "verify", dir]);
        for lsn in lsns {
            let target = work.path().join(lsn.to_string());
            succeeds(&["restore", dir, "--to", &file(&target), "--until", &lsn.to_string()]);
            let (number, text) = counted(&target);
            assert!(number == text || number == text + 1, "{name}: {number} and {text}");
            assert!(u64::from(number + text) == lsn && number <= written, "{name}: {number} + {text} at lsn {lsn}");
        }
        deployment.stop();
    }
}

/// From each kind of log into each other, record by record.
#[test]
fn a_history_goes_through_every_kind_of_log_unchanged() {
    let first = folder();
    let kvs = Kvs::start(first.path(), &["--checkpoint-after", "never", "--record", "all"]);
    let mut client = kvs.connect();
    for round in 0..3 {
        change(&mut client, round);
    }
    client.request("DELETE", "del/k1", "");
    seen(&mut client);
    kvs.kill();
    let mut copies = Vec::new();
    let mut from = file(first.path());
    let records = dump(&from);
    assert!(records.len() > 100, "{} records", records.len());

    for deployment in [deployment::postgres(), deployment::file()] {
        let (status, said) = run(&["log", "copy", &from, deployment.log(), "--history"]);
        assert_eq!(status, Some(0), "{}: {said}", deployment.name);
        assert!(said.contains(&format!("{} records, the whole history", records.len())), "{said}");
        from = deployment.log().into();
        assert_eq!(dump(&from), records, "{}", deployment.name);
        let kvs = deployment.start(&[]);
        let copied = seen(&mut kvs.connect());
        let original = Kvs::start(first.path(), &[]);
        assert_eq!(copied, seen(&mut original.connect()));
        kvs.kill();
        original.kill();
        copies.push(deployment);
    }
    let mut txnd = deployment::txnd_file();
    let (status, said) = txnd.tool(&["log", "copy", &file(first.path()), txnd.log(), "--history", "--until", "40"]);
    assert_eq!(status, Some(0), "{said}");
    let (_, dumped) = txnd.inspect("dump");
    assert_eq!(dumped.lines().collect::<Vec<_>>(), records[..40]);
    txnd.stop();
}
