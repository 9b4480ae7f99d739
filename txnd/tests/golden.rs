//! Logs that earlier versions have written are still read, record by record. `golden/` holds them, each with a README that
//! says how it was made.

mod writer;

use std::fs;
use std::path::{Path, PathBuf};

use proto::{Batch, BatchBuffer, Chain, Effect, Op, Record, Strings, ValueRef};
use serde_json::{Map, Value, json};
use testkit::postgres_server::PostgresServer;
use txnd::MIN_SEGMENT_BYTES;
use txnd::{LogWriter, PostgresSink, SegmentSink};

fn golden(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(version)
}

/// The objects in a file with one a line.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

fn items(list: Strings<'_>) -> Vec<&str> {
    list.iter().collect()
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Int(v) => json!(v),
        ValueRef::Uint(v) => json!(v),
        ValueRef::Float(v) => json!(format!("{v:?}")),
        ValueRef::Str(text) => json!(text),
        ValueRef::Map(map) => {
            Value::Object(map.pairs().map(|(field, value)| (field.into(), value.into())).collect::<Map<_, _>>())
        }
        ValueRef::Set(members) => json!(items(members)),
    }
}

/// What `records.jsonl` should say of a record; `place` is which of the two logs it comes from.
fn described(record: &Record<'_>, place: &str) -> Value {
    let mut said = json!({
        "lsn": record.lsn,
        "op": record.op.kind().name(),
        "type": record.op.value_type().map(|ty| ty.name()),
        "key": record.op.key().as_str(),
        "effect": effect(record),
        "at": { place: record.at },
    });
    let more = match record.op {
        Op::Get { .. }
        | Op::Del { .. }
        | Op::DelAll { .. }
        | Op::Incr { .. }
        | Op::Touch { .. }
        | Op::Expire { .. } => json!({}),
        Op::Put { value: put, .. } => json!({ "value": value(put) }),
        Op::IncrBy { by, .. } => json!({ "by": by }),
        Op::SetAdd { members, .. } | Op::SetRem { members, .. } => json!({ "members": items(members) }),
        Op::SetHas { member, .. } => json!({ "member": member }),
        Op::MapGet { field, .. } | Op::MapDel { field, .. } => json!({ "field": field }),
        Op::MapSet { field, value, .. } => json!({ "field": field, "value": value }),
        Op::Outcome { fingerprint, outcome, .. } => json!({ "fingerprint": fingerprint, "outcome": outcome }),
    };
    let (Value::Object(said_of_all), Value::Object(more)) = (&mut said, more) else { unreachable!("both are objects") };
    said_of_all.extend(more);
    said
}

fn effect(record: &Record<'_>) -> Value {
    match record.effect {
        Effect::None => Value::Null,
        Effect::Int(result) => json!({ "int": result }),
        Effect::Uint(result) => json!({ "uint": result }),
        Effect::Types(types) => json!({ "types": types.iter().map(|ty| ty.name()).collect::<Vec<_>>() }),
    }
}

/// Compares what a sink reads with the lines of `records.jsonl`.
fn assert_expected(read: &[Batch], folder: &Path, place: &str) {
    let expected = lines(&folder.join("records.jsonl"));
    let records = read.iter().flat_map(Batch::records).map(|record| record.expect("a record"));
    let read: Vec<Value> = records.map(|record| described(&record, place)).collect();
    assert_eq!(read.len(), expected.len(), "number of records");
    for (read, mut expected) in read.into_iter().zip(expected) {
        let at = expected["at"][place].take();
        expected["at"] = json!({ place: at });
        assert_eq!(read, expected);
    }
}

#[tokio::test]
async fn segments_of_version_1_are_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let golden = golden("v1");
    for file in fs::read_dir(golden.join("segments")).expect("the golden log").map(Result::unwrap) {
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }

    let mut sink = SegmentSink::new(folder.path(), MIN_SEGMENT_BYTES);
    assert_eq!(sink.open().await.expect("the log can be opened").epoch, 3);
    let (batches, _) = writer::read(&mut sink, 1).await.expect("the log can be read");
    assert_expected(&batches, &golden, "segments");

    // A record without options has not changed.
    for batch in &batches {
        assert_eq!(batch.version(), 1);
        let mut buffer = BatchBuffer::new(batch.first_lsn(), Vec::new());
        for record in batch.records().map(Result::unwrap) {
            buffer.push(&record.op, record.effect, record.at).expect("the times are close");
        }
        let chain = Chain { log_id: batch.log_id(), lsn: batch.first_lsn() - 1, checksum: batch.previous() };
        let again = buffer.seal(&chain, batch.epoch(), batch.durable_lsn());
        assert_eq!(again.version(), 2);
        assert!(again.as_bytes()[64..] == batch.as_bytes()[64..], "lsns {}..", batch.first_lsn());
    }
}

#[tokio::test]
async fn tables_of_version_1_are_read() {
    let (server, golden) = (PostgresServer::shared(), golden("v1"));
    let url = server.database();
    server.psql(&url, &fs::read_to_string(golden.join("tables.sql")).expect("the golden dump"));

    let mut sink: PostgresSink = url.parse().expect("a URL");
    assert_eq!(sink.open().await.expect("the log can be opened").epoch, 3);
    let (batches, _) = writer::read(&mut sink, 1).await.expect("the log can be read");
    assert_expected(&batches, &golden, "tables");
}
