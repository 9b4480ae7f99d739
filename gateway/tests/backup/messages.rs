//! What is refused, with words that help, and what a dump shows.

use crate::harness::{Kvs, folder};
use crate::{SMALL, count, counted, dump, file, run, succeeds, text};

fn refused(args: &[&str], words: &[&str]) {
    let (status, said) = run(args);
    assert_eq!(status, Some(4), "{args:?}: {said}");
    assert!(!said.contains("the log has failed"), "{args:?}: {said}");
    assert!(words.iter().all(|words| said.contains(words)), "{args:?}: {said}");
}

/// No record is there that would tell the time.
#[test]
fn a_time_before_all_that_is_kept_is_refused() {
    let (log, backup, work) = (folder(), folder(), folder());
    let (dir, target) = (text(backup.path()), file(&work.path().join("target")));
    let kvs = Kvs::start(log.path(), &SMALL);
    let mut number = 0;
    count(&mut kvs.connect(), 5, &mut number);
    kvs.signal("USR1");
    kvs.says(&["wrote a checkpoint"]);
    succeeds(&["backup", dir, "--log", &file(log.path())]);
    let said = ["nothing is kept but a checkpoint", "younger than 2000-01-01", "--until 10"];
    refused(&["restore", dir, "--to", &target, "--until", "2000-01-01T00:00:00Z"], &said);
    succeeds(&["restore", dir, "--to", &target, "--until", "2100-01-01T00:00:00Z"]);
}

#[test]
fn what_cannot_be_done_is_said() {
    let (log, other, backup, work) = (folder(), folder(), folder(), folder());
    let (source, dir) = (file(log.path()), text(backup.path()));
    let target = file(&work.path().join("target"));
    let nothing = file(&work.path().join("nothing"));
    refused(&["backup", dir, "--log", &nothing], &["there is no log in"]);
    refused(&["restore", dir, "--to", &target], &["there is no backup in"]);
    refused(&["backup", "verify", dir], &["there is no backup in"]);

    let kvs = Kvs::start(log.path(), &SMALL);
    let mut number = 0;
    let empty = work.path().join("empty");
    succeeds(&["backup", text(&empty), "--log", &source]);
    refused(&["restore", text(&empty), "--to", &target], &["is empty"]);
    count(&mut kvs.connect(), 300, &mut number);
    refused(&["backup", text(log.path()), "--log", &source], &["is not empty and has no backup"]);
    let copy = work.path().join("copy");
    succeeds(&["backup", dir, "--log", &source]);
    count(&mut kvs.connect(), 1, &mut number);
    kvs.kill();
    assert!(std::process::Command::new("cp").arg("-a").arg(log.path()).arg(&copy).status().expect("cp").success());

    Kvs::start(other.path(), &SMALL).kill();
    refused(&["backup", dir, "--log", &file(other.path())], &["has the backup of log", "use another folder"]);
    for (until, words) in [
        ("1", "the first that can be restored"),
        ("603", "ends at lsn 600"),
        ("2000-01-01T00:00:00Z", "is younger than"),
    ] {
        refused(&["restore", dir, "--to", &target, "--until", until], &[words]);
    }
    assert!(!work.path().join("target").exists(), "a log was begun in vain");
    let (status, said) = run(&["restore", dir, "--to", &target, "--until", "yesterday"]);
    assert!(status == Some(2) && said.contains("2026-01-31T12:00:00Z"), "{said}");
    refused(&["restore", dir, "--to", &source], &["needs a new log"]);
    refused(&["restore", dir, "--to", &format!("backup:{dir}")], &["kvs backup"]);
    refused(&["restore", dir, "--to", "off"], &["off"]);
    refused(&["log", "copy", &source, &target, "--history"], &["its history is not whole"]);
    let refused_start =
        Kvs::try_start(Kvs::program().args(["--log", &format!("backup:{dir}")])).err().expect("no server");
    assert!(refused_start.diagnostics.contains("kvs restore"), "{}", refused_start.diagnostics);
    assert_eq!(refused_start.status.code(), Some(4));

    // Two histories of one log: the copy goes on elsewhere.
    succeeds(&["backup", dir, "--log", &source]);
    let kvs = Kvs::start(&copy, &SMALL);
    kvs.connect().put("int-put/other", "1");
    kvs.kill();
    succeeds(&["backup", dir, "--log", &file(&copy)]);
    let kvs = Kvs::start(log.path(), &SMALL);
    kvs.connect().put("int-put/one", "1");
    kvs.connect().put("int-put/two", "2");
    refused(&["backup", dir, "--log", &source], &["was the log restored from an earlier copy"]);
    kvs.kill();
}

/// Two at a time would write the same files.
#[test]
fn only_one_backup_runs_in_a_folder() {
    let (log, backup) = (folder(), folder());
    let kvs = Kvs::start(log.path(), &SMALL);
    let mut number = 0;
    count(&mut kvs.connect(), 10, &mut number);
    succeeds(&["backup", text(backup.path()), "--log", &file(log.path())]);
    let held = std::fs::File::open(backup.path()).expect("the folder");
    held.lock().expect("it can be locked");
    refused(&["backup", text(backup.path()), "--log", &file(log.path())], &["in use by another backup"]);
    drop(held);
    succeeds(&["backup", text(backup.path()), "--log", &file(log.path())]);
}

#[test]
fn a_dump_shows_each_operation_and_takes_filters() {
    let (log, work) = (folder(), folder());
    let kvs = Kvs::start(log.path(), &["--record", "all"]);
    let mut client = kvs.connect();
    for (method, path, body) in [
        ("PUT", "int-put/a", "-1"),
        ("PUT", "uint-incrby/a", "7"),
        ("PUT", "float-put/a", "0.1"),
        ("PUT", "str-put/b", "say \"hi\"\n"),
        ("PUT", "map-put/b", r#"{"f":"v"}"#),
        ("PUT", "map-set/b/g", "w"),
        ("PUT", "set-put/b", r#"["x","y"]"#),
        ("PUT", "set-rem/b", r#"["x"]"#),
        ("GET", "map-get/b/g", ""),
        ("GET", "int-get/a", ""),
        ("DELETE", "map-del/b/f", ""),
        ("DELETE", "str-del/b", ""),
        ("DELETE", "del/a", ""),
    ] {
        let answer = client.request(method, path, body);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    kvs.kill();
    let source = file(log.path());
    let shown: Vec<String> = dump(&source)
        .iter()
        .map(|line| {
            let (head, rest) = line.split_once("\"time\":\"").expect("a time");
            format!("{head}{}", &rest[29..])
        })
        .collect();
    let expected = [
        r#"{"lsn":1,"op":"put","type":"int","key":"a","value":-1}"#,
        r#"{"lsn":2,"op":"incrby","type":"uint","key":"a","by":7,"value":7}"#,
        r#"{"lsn":3,"op":"put","type":"float","key":"a","value":0.1}"#,
        r#"{"lsn":4,"op":"put","type":"str","key":"b","value":"say \"hi\"\n"}"#,
        r#"{"lsn":5,"op":"put","type":"map","key":"b","value":{"f":"v"}}"#,
        r#"{"lsn":6,"op":"map-set","type":"map","key":"b","field":"g","value":"w"}"#,
        r#"{"lsn":7,"op":"put","type":"set","key":"b","value":["x","y"]}"#,
        r#"{"lsn":8,"op":"set-rem","type":"set","key":"b","members":["x"]}"#,
        r#"{"lsn":9,"op":"map-get","type":"map","key":"b","field":"g"}"#,
        r#"{"lsn":10,"op":"get","type":"int","key":"a"}"#,
        r#"{"lsn":11,"op":"map-del","type":"map","key":"b","field":"f"}"#,
        r#"{"lsn":12,"op":"del","type":"str","key":"b"}"#,
        r#"{"lsn":13,"op":"del-all","key":"a","types":["int","uint","float"]}"#,
    ];
    assert_eq!(shown, expected);

    let lsns = |args: &[&str]| -> Vec<u64> {
        let said = succeeds(&[&["log", "dump", "--log", &source], args].concat());
        said.lines().map(|line| crate::number_after(line, "\"lsn\":")).collect()
    };
    assert_eq!(lsns(&["--from", "4", "--to", "6"]), [4, 5, 6]);
    assert_eq!(lsns(&["--key", "a", "--type", "uint"]), [2, 13]);
    assert_eq!(lsns(&["--type", "str"]), [4, 12, 13]);
    assert_eq!(lsns(&["--to", "2000-01-01T00:00:00Z"]), [0; 0]);
    assert_eq!(lsns(&["--from", "2000-01-01T00:00:00Z", "--to", "100"]).len(), 13);
    assert_eq!(lsns(&["--from", "9000-01-01T00:00:00Z"]), [0; 0]);
    let (status, said) = run(&["log", "dump", "--log", &source, "--type", "number"]);
    assert!(status == Some(2) && said.contains("int, uint, float, str, map, set"), "{said}");

    // The state at any point, of a log that has all of its records.
    let early = work.path().join("early");
    succeeds(&["log", "copy", &source, &file(&early), "--until", "6"]);
    let kvs = Kvs::start(&early, &[]);
    assert_eq!(kvs.connect().get("map-get/b").text(), r#"{"f":"v","g":"w"}"#);
    assert_eq!(kvs.connect().get("set-get/b").status, 404);
    kvs.kill();
    assert_eq!(counted(&early), (0, 0));
}
