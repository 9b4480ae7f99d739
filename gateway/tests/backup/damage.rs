//! Backups that are damaged.

use std::fs;
use std::io::Read;
use std::ops::Range;
use std::path::PathBuf;
use std::process::Stdio;

use bytes::Bytes;
use proto::Batch;

use crate::harness::{Kvs, folder};
use crate::{SMALL, count, counted, dump, file, run, succeeds, text};

/// A backup with a checkpoint and two files of records.
fn backup() -> (tempfile::TempDir, Vec<PathBuf>) {
    let (log, backup) = (folder(), folder());
    let kvs = Kvs::start(log.path(), &SMALL);
    let (mut client, mut number) = (kvs.connect(), 0);
    for _ in 0..2 {
        count(&mut client, 40, &mut number);
        succeeds(&["backup", text(backup.path()), "--log", &file(log.path())]);
    }
    kvs.kill();
    let files = fs::read_dir(backup.path()).expect("the backup").map(|entry| entry.expect("a file").path());
    let mut files: Vec<PathBuf> = files.collect();
    files.sort();
    assert_eq!(files.len(), 4, "{files:?}");
    (backup, files)
}

#[test]
fn every_damage_is_noticed() {
    let (backup, files) = backup();
    let dir = text(backup.path());
    let is_damaged = |what: &str| {
        let (status, said) = run(&["backup", "verify", dir]);
        assert_eq!(status, Some(5), "{what}: {said}");
        assert!(said.contains("the log is damaged"), "{what}: {said}");
    };
    for path in &files {
        let good = fs::read(path).expect("a file");
        // The manifest's text can be changed without changing what it says.
        let is_manifest = path.extension().is_some_and(|extension| extension == "json");
        let step = if is_manifest { good.len() } else { good.len() / 40 };
        for at in (0..good.len()).step_by(step.max(1)) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(path, bad).expect("it can be written");
            is_damaged(&format!("{}, byte {at}", path.display()));
        }
        for length in
            [0, 1, good.len() / 2, good.len() - 1].iter().filter(|length| !is_manifest || **length < good.len() - 1)
        {
            fs::write(path, &good[..*length]).expect("it can be written");
            is_damaged(&format!("{}, {length} bytes", path.display()));
        }
        if !is_manifest {
            fs::remove_file(path).expect("it can be removed");
            is_damaged(&format!("{} is missing", path.display()));
        }
        fs::write(path, good).expect("it can be written");
    }
    succeeds(&["backup", "verify", dir]);
}

/// Records that were changed together with their checksums: nothing but the hash of the file tells.
#[test]
fn another_content_with_right_checksums_is_noticed() {
    const CHECKSUM: Range<usize> = 60..64;
    let (backup, files) = backup();
    let path = files.iter().rfind(|path| text(path).contains("log-")).expect("the last records");
    let mut bytes = fs::read(path).expect("a file");
    let (whole, mut last) = (Bytes::copy_from_slice(&bytes), 0);
    loop {
        let batch = Batch::decode(&whole.slice(last..)).expect("a sound backup");
        match last + batch.as_bytes().len() {
            next if next == whole.len() => break,
            next => last = next,
        }
    }
    // The end of the last record is a text.
    *bytes.last_mut().expect("a byte") ^= 1;
    let batch = &mut bytes[last..];
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&batch[..CHECKSUM.start]), &batch[CHECKSUM.end..]);
    batch[CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
    assert!(Batch::decode(&Bytes::copy_from_slice(batch)).is_ok_and(|batch| batch.check().is_ok()));
    fs::write(path, bytes).expect("it can be written");
    let (status, said) = run(&["backup", "verify", text(backup.path())]);
    assert_eq!(status, Some(5), "{said}");
    assert!(said.contains("the log is damaged"), "{said}");
}

/// Nothing of a damaged backup is restored.
#[test]
fn a_damaged_backup_is_not_restored() {
    let (backup, files) = backup();
    let (dir, work) = (text(backup.path()), folder());
    for (number, path) in files.iter().enumerate() {
        let good = fs::read(path).expect("a file");
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 0x10;
        fs::write(path, bad).expect("it can be written");
        let target = work.path().join(number.to_string());
        let (status, said) = run(&["restore", dir, "--to", &file(&target)]);
        fs::write(path, good).expect("it can be written");
        if status == Some(0) {
            // A digit of a hash, which only `verify` looks at.
            assert!(path.ends_with("BACKUP.json"), "{}: {said}", path.display());
            continue;
        }
        succeeds(&["restore", dir, "--to", &file(&target)]);
        assert_eq!(counted(&target), (80, 80));
    }
}

/// A search for a time, and whoever reads a dump, need only what is before.
#[test]
fn what_nobody_asked_for_is_not_read() {
    let (log, backup, work) = (folder(), folder(), folder());
    let kvs = Kvs::start(log.path(), &[]);
    let (mut client, mut number) = (kvs.connect(), 0);
    count(&mut client, 300, &mut number);
    let dir = text(backup.path());
    succeeds(&["backup", dir, "--log", &file(log.path())]);
    kvs.kill();
    let source = format!("backup:{dir}");
    let lines = dump(&source);
    let (_, after) = lines[99].split_once("\"time\":\"").expect("a time");
    let time = &after[..after.find('"').expect("its end")];
    let mut files = fs::read_dir(backup.path()).expect("the backup").map(|entry| entry.expect("a file").path());
    let part = files.find(|path| text(path).contains("log-1-")).expect("the records");
    let mut bytes = fs::read(&part).expect("the records");
    let late = bytes.len() * 3 / 4;
    bytes[late] ^= 1;
    fs::write(&part, bytes).expect("it can be written");
    assert_eq!(run(&["log", "dump", "--log", &source]).0, Some(5));

    let target = work.path().join("target");
    let said = succeeds(&["restore", dir, "--to", &file(&target), "--until", time]);
    assert!(said.contains("at lsn 1"), "{said}");
    assert!((50..=60).contains(&counted(&target).0), "the state after about a hundred records");

    let mut dump = Kvs::tool(&["log", "dump", "--log", &source]);
    let mut dump = dump.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("kvs can be executed");
    let mut first = [0; 7];
    dump.stdout.take().expect("a pipe").read_exact(&mut first).expect("a line");
    assert_eq!(&first, b"{\"lsn\":");
    let ended = dump.wait_with_output().expect("it ends");
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
}
