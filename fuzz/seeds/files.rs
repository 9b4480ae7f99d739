//! Batches, and logs in files.

use std::path::Path;

use fuzz::folder::{LOG_ID, MANIFEST, begin_log, now, quick_folder};
use fuzz::{mend, parts};
use proto::options::RecordOptions;
use proto::{Batch, BatchBuffer, Chain, CounterType, Effect, Key, Op, StringsBuf, TypeSet, ValueRef, ValueType};
use txnd::{CheckpointWriter, LogWriter, MIN_SEGMENT_BYTES, SegmentSink};

/// Names of seeds, and their bytes.
pub(crate) type Seeds = Vec<(String, Vec<u8>)>;

/// The time of the first record, in Unix microseconds.
const TIME: i64 = 1_800_000_000_000_000;

/// Where a checkpoint's header has its time.
const CHECKPOINT_TIME_AT: usize = 24;

/// A batch with these operations at the end of a chain.
pub(crate) fn batch(chain: &Chain, ops: &[(Op<'_>, Effect)]) -> Batch {
    let mut buffer = BatchBuffer::new(chain.lsn + 1, Vec::new());
    for (at, (op, effect)) in (TIME..).zip(ops) {
        buffer.push(op, *effect, at).expect("times are close");
    }
    buffer.seal(chain, 1, chain.lsn)
}

/// A batch that puts a number.
pub(crate) fn put(chain: &Chain, number: i32) -> Batch {
    batch(chain, &[(Op::Put { key: Key::new(b"a").expect("a key"), value: ValueRef::Int(number) }, Effect::None)])
}

/// The batches of a checkpoint of `base`, with a chain of their own.
pub(crate) fn checkpoint(base: u64) -> [Batch; 2] {
    let chain = Chain::start(2);
    let mut buffer = BatchBuffer::new(1, Vec::new());
    let op = Op::Put { key: Key::new(b"a").expect("a key"), value: ValueRef::Int(7) };
    buffer
        .push_with(
            &op,
            Effect::None,
            &RecordOptions { expires: Some(TIME), stamp: Some(base), ..RecordOptions::default() },
            TIME,
        )
        .expect("the first");
    let entries = buffer.seal(&chain, 1, base);
    let end = BatchBuffer::new(2, Vec::new()).seal(&chain.after(&entries), 1, base);
    [entries, end]
}

/// Each operation, for each type that it has.
fn ops<'o>(key: Key<'o>, list: &'o StringsBuf) -> Vec<(Op<'o>, Effect)> {
    let (members, mut types) = (list.as_strings(), TypeSet::default());
    types.insert(ValueType::Map);
    let values = [
        ValueRef::Int(-1),
        ValueRef::Uint(u32::MAX),
        ValueRef::Float(0.5),
        ValueRef::Str("text"),
        ValueRef::Map(members),
        ValueRef::Set(members),
    ];
    let mut ops: Vec<(Op<'_>, Effect)> = values.map(|value| (Op::Put { key, value }, Effect::None)).into();
    for ty in ValueType::ALL {
        ops.extend([Op::Get { ty, key }, Op::Del { ty, key }].map(|op| (op, Effect::None)));
    }
    for (ty, effect) in [(CounterType::Int, Effect::Int(3)), (CounterType::Uint, Effect::Uint(4))] {
        ops.extend([Op::Incr { ty, key }, Op::IncrBy { ty, key, by: -2 }].map(|op| (op, effect)));
    }
    let rest = [
        Op::SetAdd { key, members },
        Op::SetRem { key, members },
        Op::SetHas { key, member: "m" },
        Op::MapGet { key, field: "f" },
        Op::MapSet { key, field: "f", value: "v" },
        Op::MapDel { key, field: "f" },
    ];
    ops.extend(rest.map(|op| (op, Effect::None)));
    ops.push((Op::DelAll { key }, Effect::Types(types)));
    ops
}

pub(crate) fn batches() -> Seeds {
    let (chain, key) = (Chain::start(LOG_ID), Key::new("ключ".as_bytes()).expect("a key"));
    let mut list = StringsBuf::default();
    ["a", "b"].into_iter().for_each(|item| list.push(item));
    let ops = ops(key, &list);
    let mut seeds: Seeds = ops
        .iter()
        .map(|op| (format!("{}-{}", op.0.kind().name(), op.0.value_type().map_or("all", ValueType::name)), [*op]))
        .map(|(name, op)| (name.replace(' ', "-"), batch(&chain, &op).as_bytes().to_vec()))
        .collect();
    seeds.push(("every-operation".into(), batch(&chain, &ops).as_bytes().to_vec()));
    for (name, batch) in ["stamped", "end"].into_iter().zip(checkpoint(9)) {
        seeds.push((name.into(), batch.as_bytes().to_vec()));
    }
    seeds.push(("sealed".into(), Batch::mark(&chain, 1, TIME, true).as_bytes().to_vec()));
    let mut first_version = batch(&chain, &ops[..2]).as_bytes().to_vec();
    first_version[4] = 1;
    seeds.push(("version-1".into(), mend::batch(&first_version)));
    seeds
}

/// Writes a log of a few batches, with a checkpoint if asked for, and returns its last chain.
fn write_log(folder: &Path, has_checkpoint: bool) -> Chain {
    begin_log(folder);
    let mut sink = SegmentSink::new(folder, MIN_SEGMENT_BYTES);
    let mut chain = now(sink.open()).expect("a new log").chain;
    for number in 0..3 {
        let batch = put(&chain, number);
        now(sink.append(&batch)).expect("room");
        now(sink.durable()).expect("memory");
        chain = chain.after(&batch);
    }
    if has_checkpoint {
        let mut writer = sink.begin_checkpoint(2).expect("a log").expect("it keeps checkpoints");
        checkpoint(2).iter().for_each(|batch| now(writer.append(batch)).expect("room"));
        now(writer.finish()).expect("room");
        now(sink.keep_checkpoint(writer)).expect("a checkpoint");
    }
    now(sink.close()).expect("memory");
    chain
}

/// The file without the zeros at its end.
fn content(path: &Path) -> Vec<u8> {
    let mut content = std::fs::read(path).expect("a file");
    content.truncate(content.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1));
    content
}

fn segment(first_lsn: u64) -> String {
    format!("{first_lsn:020}.seg")
}

/// Logs as the target takes them: flags, manifest, checkpoint, segments.
pub(crate) fn logs() -> Seeds {
    let mut seeds = Seeds::new();
    for (name, has_checkpoint) in [("short", false), ("checkpoint", true)] {
        let folder = quick_folder();
        let end = write_log(folder.path(), has_checkpoint);
        let manifest = content(&folder.path().join(MANIFEST));
        let checkpoint = has_checkpoint.then(|| {
            let mut file = content(&folder.path().join(format!("{:020}.checkpoint", 2)));
            file[CHECKPOINT_TIME_AT..CHECKPOINT_TIME_AT + 8].copy_from_slice(&TIME.to_le_bytes());
            mend::file(&file, true, true)
        });
        let checkpoint = checkpoint.unwrap_or_default();
        let first = content(&folder.path().join(segment(1)));
        let mut add = |what: &str, segments: &[&[u8]]| {
            let files = [&manifest[..], &checkpoint].into_iter().chain(segments.iter().copied());
            for flags in [0, 3] {
                seeds.push((format!("{name}-{what}-{flags}"), [vec![flags], parts::join(files.clone())].concat()));
            }
        };
        add("whole", &[&first]);
        add("torn", &[&first[..first.len() - 70]]);
        add("no-segment", &[]);
        let mut noise = first.clone();
        noise.extend_from_slice(&put(&end, 9).as_bytes()[..70]);
        add("torn-tail", &[&noise]);
        // The mark at the end becomes the seal, and another segment follows.
        let sealed = [&first[..first.len() - 64], Batch::mark(&end, 1, TIME, true).as_bytes()].concat();
        let header = [&b"KVSS"[..], &1_u32.to_le_bytes(), &LOG_ID.to_le_bytes(), &(end.lsn + 1).to_le_bytes()].concat();
        let mut second = [&header[..], &u64::from(end.checksum).to_le_bytes()].concat();
        second.resize(mend::HEADER_BYTES, 0);
        second.extend_from_slice(put(&end, 10).as_bytes());
        add("two-segments", &[&sealed, &mend::file(&second, false, false)]);
        add("sealed-last", &[&sealed]);
    }
    seeds.push(("nothing".into(), vec![0]));
    seeds
}
