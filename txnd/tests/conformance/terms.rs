//! A term begins with a higher epoch, and ends in order, by a newer one, or with the death of the writer.

use txnd::{LogWriter, SinkError, Terms};

use super::{Storage, assert_same};
use crate::writer::{Content, Writer, put_text, read, seal, seed};

pub(crate) async fn every_term_has_a_higher_epoch<T: Storage>(storage: T) {
    let mut latest = 0;
    for in_order in [true, false, false, true, true] {
        let mut sink = storage.sink();
        let opened = sink.open().await.unwrap();
        assert!(opened.epoch > latest, "epoch {} after {latest}", opened.epoch);
        latest = opened.epoch;
        if in_order {
            sink.close().await.unwrap();
        }
    }
}

pub(crate) async fn the_log_knows_where_its_terms_begin<T: Storage>(storage: T) {
    let mut expected = Terms::default();
    assert_eq!(storage.sink().terms(), expected, "before the first one");
    for records in [0, 2, 0, 0, 3, 1] {
        let mut writer = Writer::begin(storage.sink()).await.unwrap();
        expected.begin(writer.opened.start());
        assert_eq!(writer.sink.terms(), expected);
        for n in 0..records {
            writer.append(&[put_text("k", n)]).await;
        }
        writer.make_durable().await;
    }
    assert_eq!(expected.starts().iter().map(|start| start.base).collect::<Vec<_>>(), [0, 2, 5]);
}

pub(crate) async fn a_batch_of_an_earlier_term_is_refused<T: Storage>(storage: T) {
    let mut earlier = Writer::begin(storage.sink()).await.unwrap();
    let mut appended = vec![earlier.append(&[put_text("k", 1)]).await];
    earlier.sink.close().await.unwrap();

    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    let own = earlier.opened.epoch;
    let late = seal(&[put_text("late", 1)], &writer.chain, own, writer.chain.lsn);
    let fenced = Err(SinkError::Fenced { own, newer: writer.opened.epoch });
    assert_eq!(writer.sink.append(&late).await, fenced, "a batch that would come next");
    assert_eq!(writer.sink.append(&appended[0]).await, fenced, "a batch that is stored");

    appended.push(writer.append(&[put_text("k", 2)]).await);
    writer.make_durable().await;
    assert_same::<T>(&writer.read(1).await, &appended);
}

pub(crate) async fn a_second_writer_fences_the_first_or_waits_for_it<T: Storage>(storage: T) {
    let mut first = Writer::begin(storage.sink()).await.unwrap();
    let mut appended = vec![first.append(&[put_text("first", 1)]).await];
    first.make_durable().await;

    let mut second = storage.sink();
    match second.open().await {
        Ok(opened) => {
            let fenced = SinkError::Fenced { own: first.opened.epoch, newer: opened.epoch };
            let late = first.seal(&[put_text("late", 1)]);
            let taken = first.sink.append(&late).await;
            assert!(taken.is_ok() || taken == Err(fenced.clone()), "{taken:?}");
            assert_eq!(first.sink.durable().await, Err(fenced.clone()));
            assert_eq!(first.resume().await, Err(fenced.clone()));
            // What was stored is there to be read; the service promises other clients to refuse them.
            match read(&mut first.sink, 1).await {
                Ok((batches, _)) => assert_same::<T>(&batches, &appended),
                Err(refused) => assert_eq!(refused, fenced),
            }
            assert_eq!(first.sink.close().await, Err(fenced));
        }
        Err(SinkError::InUse { .. }) => {
            appended.push(first.append(&[put_text("first", 2)]).await);
            first.make_durable().await;
            drop(first);
        }
        Err(other) => panic!("a second writer may fence the first or find the log in use, not: {other}"),
    }
    let mut second = Writer::begin(second).await.expect("the first writer is gone");
    appended.push(second.append(&[put_text("second", 1)]).await);
    second.make_durable().await;
    assert_same::<T>(&second.read(1).await, &appended);
}

pub(crate) async fn what_was_durable_survives_a_dropped_writer<T: Storage>(storage: T) {
    let mut content = Content::new(seed());
    let mut appended = Vec::new();
    for (durable, outstanding) in [(0, 0), (3, 0), (0, 2), (2, 5), (1, 16)] {
        let mut writer = Writer::begin(storage.sink()).await.unwrap();
        for _ in 0..durable {
            appended.push(writer.append(&content.ops(4)).await);
            writer.make_durable().await;
        }
        let safe = appended.len();
        for _ in 0..outstanding {
            appended.push(writer.append(&content.ops(4)).await);
        }
        drop(writer);

        let mut next = Writer::begin(storage.sink()).await.unwrap();
        let found = next.read(1).await;
        appended.truncate(appended.partition_point(|batch| batch.last_lsn() <= next.opened.chain.lsn));
        assert!(appended.len() >= safe, "{safe} batches were durable, {} are left", appended.len());
        assert_same::<T>(&found, &appended);
        assert_eq!(next.opened.chain.lsn, appended.last().map_or(0, |batch| batch.last_lsn()));
    }
}

pub(crate) async fn what_was_appended_survives_a_closed_writer<T: Storage>(storage: T) {
    let mut content = Content::new(seed());
    let mut appended = Vec::new();
    for outstanding in [0, 1, 16] {
        let mut writer = Writer::begin(storage.sink()).await.unwrap();
        for _ in 0..outstanding {
            appended.push(writer.append(&content.ops(4)).await);
        }
        writer.sink.close().await.unwrap();

        let mut next = Writer::begin(storage.sink()).await.unwrap();
        assert_eq!(next.opened.chain, writer.chain);
        assert_same::<T>(&next.read(1).await, &appended);
    }
}

pub(crate) async fn a_writer_may_begin_another_term<T: Storage>(storage: T) {
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    let mut appended = vec![writer.append(&[put_text("k", 1)]).await];
    writer.make_durable().await;

    let epoch = writer.opened.epoch;
    let mut writer = Writer::begin(writer.sink).await.expect("the same handle, within its term");
    assert!(writer.opened.epoch > epoch);
    appended.push(writer.append(&[put_text("k", 2)]).await);
    writer.sink.close().await.unwrap();

    let mut writer = Writer::begin(writer.sink).await.expect("the same handle, after its term");
    assert_same::<T>(&writer.read(1).await, &appended);
}

pub(crate) async fn after_resume_the_rest_is_sent_again<T: Storage>(storage: T) {
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    let mut appended = Vec::new();
    for _ in 0..3 {
        appended.push(writer.append(&[put_text("durable", 10)]).await);
        writer.make_durable().await;
        appended.push(writer.append(&[put_text("outstanding", 10)]).await);
        appended.push(writer.append(&[put_text("outstanding", 20)]).await);

        let resumed = writer.resume().await.unwrap();
        assert!((writer.durable..=writer.chain.lsn).contains(&resumed));
        for batch in appended.iter().filter(|batch| batch.last_lsn() > resumed) {
            writer.sink.append(batch).await.expect("what is not durable is sent again");
        }
        writer.make_durable().await;
    }
    assert_same::<T>(&writer.read(1).await, &appended);
}
