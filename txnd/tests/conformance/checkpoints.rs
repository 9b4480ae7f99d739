//! Checkpoints of every kind of log that keeps them.

use std::time::{Duration, SystemTime};

use proto::{Batch, Lsn};
use txnd::{Checkpoint, CheckpointWriter, LogReader, LogWriter, SinkError};

use super::{Storage, assert_same};
use crate::writer::{Writer, checkpoint_of, checkpoint_with, put_text};

/// Stores `batches` as a checkpoint that is not in use yet.
async fn store<S: LogWriter>(writer: &mut Writer<S>, base: Lsn, batches: &[Batch]) -> Result<S::Checkpoint, SinkError> {
    let mut checkpoint = writer.sink.begin_checkpoint(base)?.expect("this log keeps checkpoints");
    for batch in batches {
        checkpoint.append(batch).await?;
    }
    checkpoint.finish().await?;
    Ok(checkpoint)
}

/// Writes a checkpoint of everything that is durable, with `count` entries.
async fn write<S: LogWriter>(writer: &mut Writer<S>, count: u64) -> (Checkpoint, Vec<Batch>) {
    let batches = checkpoint_of(writer.durable, count, writer.durable);
    let stored = store(writer, writer.durable, &batches).await.unwrap();
    (writer.sink.keep_checkpoint(stored).await.unwrap(), batches)
}

async fn load(reader: &impl LogReader, checkpoint: &Checkpoint) -> Result<Vec<Batch>, SinkError> {
    let mut batches = Vec::new();
    let mut visit = async |batch: &Batch| {
        batches.push(batch.clone());
        Ok(())
    };
    reader.read_checkpoint(checkpoint, &mut visit).await?;
    Ok(batches)
}

async fn begin<T: Storage>(storage: &T) -> Writer<T::LogWriter> {
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    writer.append(&[put_text("k", 1), put_text("k", 2)]).await;
    writer.make_durable().await;
    writer
}

pub(crate) async fn it_comes_back_as_it_was_written<T: Storage>(storage: T) {
    let mut writer = begin(&storage).await;
    assert_eq!(writer.sink.reader().checkpoints().await, Ok(Vec::new()));
    let before = SystemTime::now();
    let (kept, batches) = write(&mut writer, 5).await;
    assert_eq!((kept.base, kept.end, kept.entries), (writer.durable, writer.durable, 5));
    assert!(kept.bytes >= batches.iter().map(|batch| batch.as_bytes().len() as u64).sum());
    let at = SystemTime::UNIX_EPOCH + Duration::from_micros(kept.at as u64);
    assert!(before - Duration::from_secs(1) < at && at < SystemTime::now() + Duration::from_secs(1), "{at:?}");

    for reader in [writer.sink.reader(), storage.reader()] {
        assert_eq!(reader.checkpoints().await.unwrap(), [kept]);
        assert_eq!(load(&reader, &kept).await.unwrap(), batches);
    }
    writer.sink.close().await.unwrap();
    drop(writer);
    let writer = Writer::begin(storage.sink()).await.unwrap();
    assert_eq!(writer.sink.reader().checkpoints().await.unwrap(), [kept], "a start keeps it");
    assert_eq!(load(&writer.sink.reader(), &kept).await.unwrap(), batches);
}

pub(crate) async fn the_last_two_are_kept<T: Storage>(storage: T) {
    let mut writer = begin(&storage).await;
    let mut all = Vec::new();
    for count in [1, 0, 3, 2] {
        all.push(write(&mut writer, count).await);
        let expected: Vec<_> = all.iter().rev().take(2).map(|(kept, _)| *kept).collect();
        assert_eq!(storage.reader().checkpoints().await.unwrap(), expected);
        for (kept, batches) in all.iter().rev().take(2) {
            assert_eq!(&load(&storage.reader(), kept).await.unwrap(), batches);
        }
        writer.append(&[put_text("k", 3)]).await;
        writer.make_durable().await;
    }
    let removed = load(&storage.reader(), &all[0].0).await;
    assert!(removed.is_err(), "one that was removed is not taken for an empty one");
}

pub(crate) async fn one_that_is_not_finished_is_not_used<T: Storage>(storage: T) {
    let mut writer = begin(&storage).await;
    let (kept, _) = write(&mut writer, 3).await;
    let mut appended = writer.read(1).await;
    appended.push(writer.append(&[put_text("after", 1)]).await);
    writer.make_durable().await;
    let base = writer.durable;

    let batches = checkpoint_of(base, 4, base);
    let without_end = store(&mut writer, base, &batches[..2]).await;
    assert!(without_end.is_err(), "its end is missing");
    let without_first = store(&mut writer, base, &batches[1..]).await;
    assert!(without_first.is_err(), "its beginning is missing");
    let mixed = [&batches[..1], &checkpoint_of(base, 4, base)[1..]].concat();
    assert!(store(&mut writer, base, &mixed).await.is_err(), "it is two halves");
    let more = [&batches[..], &batches[2..]].concat();
    assert!(store(&mut writer, base, &more).await.is_err(), "there is more after its end");
    let other_base = checkpoint_of(base - 1, 4, base);
    assert!(store(&mut writer, base, &other_base).await.is_err(), "it is one of another lsn");
    let empty = store(&mut writer, base, &[]).await;
    assert!(empty.is_err(), "it has nothing at all");

    // It shows more than what is durable.
    let ahead = store(&mut writer, base, &checkpoint_of(base, 4, base + 1)).await.unwrap();
    assert!(writer.sink.keep_checkpoint(ahead).await.is_err());
    drop(store(&mut writer, base, &batches).await.unwrap());
    assert_eq!(storage.reader().checkpoints().await.unwrap(), [kept]);

    // Nothing of it concerns the log.
    appended.push(writer.append(&[put_text("after", 2)]).await);
    writer.make_durable().await;
    assert_same::<T>(&writer.read(1).await, &appended);
    let (next, batches) = write(&mut writer, 4).await;
    assert_eq!(storage.reader().checkpoints().await.unwrap(), [next, kept]);
    assert_eq!(load(&storage.reader(), &next).await.unwrap(), batches);
}

pub(crate) async fn a_fenced_writer_puts_none_in_use<T: Storage>(storage: T) {
    let mut first = begin(&storage).await;
    let base = first.durable;
    let stored = store(&mut first, base, &checkpoint_of(base, 4, base)).await.unwrap();
    let Ok(mut second) = Writer::begin(storage.sink()).await else {
        return; // Only one writer can hold this log.
    };
    let fenced = first.sink.keep_checkpoint(stored).await;
    assert!(matches!(fenced, Err(SinkError::Fenced { .. })), "{fenced:?}");
    assert!(storage.reader().checkpoints().await.unwrap().is_empty());
    second.durable = second.opened.chain.lsn;
    let (kept, batches) = write(&mut second, 2).await;
    assert_eq!(storage.reader().checkpoints().await.unwrap(), [kept]);
    assert_eq!(load(&storage.reader(), &kept).await.unwrap(), batches);
}

pub(crate) async fn a_writer_goes_on_beside_it<T: Storage>(storage: T) {
    let mut writer = begin(&storage).await;
    let mut appended = writer.read(1).await;
    for round in 0..3 {
        let base = writer.durable;
        // The end is one that the log reaches while the checkpoint is written.
        let batches = checkpoint_of(base, 8, base + 4);
        let mut checkpoint = writer.sink.begin_checkpoint(base).unwrap().unwrap();
        for (number, batch) in batches.iter().enumerate() {
            appended.push(writer.append(&[put_text("beside", number)]).await);
            checkpoint.append(batch).await.unwrap();
            if number % 2 == round % 2 {
                writer.make_durable().await;
            }
        }
        checkpoint.finish().await.unwrap();
        writer.make_durable().await;
        // Something is under way while it is put in use.
        appended.push(writer.append(&[put_text("under way", 1)]).await);
        let kept = writer.sink.keep_checkpoint(checkpoint).await.unwrap();
        assert_eq!((kept.base, kept.end, kept.entries), (base, base + 4, 8));
        appended.push(writer.append(&[put_text("behind", 1)]).await);
        writer.make_durable().await;
        assert_eq!(load(&storage.reader(), &kept).await.unwrap(), batches);
    }
    assert_same::<T>(&writer.read(1).await, &appended);
}

pub(crate) async fn one_has_entries_of_every_size<T: Storage>(storage: T) {
    let mut writer = begin(&storage).await;
    let base = writer.durable;
    let sizes = [0, 1, 100, 5_000, 1 << 20, 3, 9 << 20, (1 << 20) + 1, 2, 2 << 20];
    let batches = checkpoint_with(base, sizes.map(|size| put_text("large", size)), base);
    let stored = store(&mut writer, base, &batches).await.unwrap();
    let kept = writer.sink.keep_checkpoint(stored).await.unwrap();
    assert_eq!(kept.entries, sizes.len() as u64);
    assert!(load(&storage.reader(), &kept).await.unwrap() == batches, "each byte of it");
}
