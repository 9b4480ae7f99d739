//! Batches are stored once each, in the order of their lsn, without holes, and come back as they were.

use std::task::Poll;
use std::time::Duration;

use proto::{Batch, BatchError, Chain, Lsn, Value};
use txnd::{LogReader, LogWriter, MAX_IN_FLIGHT, SinkError, VisitError};

use super::{Storage, assert_same};
use crate::writer::{Content, Writer, poll_once, put_text, read, seal, seed, wait_for};
use testkit::arbitrary::{OwnedOp, packed};

/// A call that should return at once is given up after this time.
const AT_ONCE: Duration = Duration::from_secs(10);

pub(crate) async fn a_new_log_is_empty<T: Storage>(storage: T) {
    let mut sink = storage.sink();
    let opened = sink.open().await.unwrap();
    assert_eq!(opened.chain, Chain::start(opened.chain.log_id));
    assert_eq!(read(&mut sink, 1).await, Ok((vec![], opened.chain)));
    sink.close().await.unwrap();

    let again = storage.sink().open().await.unwrap();
    assert_eq!(again.chain, opened.chain, "a log keeps its identity");
}

pub(crate) async fn what_is_durable_is_read_back_byte_for_byte<T: Storage>(storage: T) {
    let mut content = Content::new(seed());
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    let mut appended = Vec::new();
    for records in [1, 2, 30, 1, 300] {
        appended.push(writer.append(&content.ops(records)).await);
        writer.make_durable().await;
        assert_eq!(writer.durable, writer.chain.lsn);
    }
    for records in [5; MAX_IN_FLIGHT] {
        appended.push(writer.append(&content.ops(records)).await);
    }
    writer.make_durable().await;

    let (batches, end) = read(&mut writer.sink, 1).await.unwrap();
    assert_same::<T>(&batches, &appended);
    assert_eq!(end, writer.chain);
    writer.sink.close().await.unwrap();

    let mut next = Writer::begin(storage.sink()).await.unwrap();
    assert_eq!(next.opened.chain, writer.chain);
    assert_same::<T>(&next.read(1).await, &appended);
}

pub(crate) async fn a_read_begins_at_any_lsn<T: Storage>(storage: T) {
    let mut content = Content::new(seed());
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    let mut appended = Vec::new();
    for records in [1, 4, 1, 9, 2] {
        appended.push(writer.append(&content.ops(records)).await);
    }
    writer.make_durable().await;
    for from in 1..=writer.chain.lsn + 2 {
        let expected: Vec<Batch> = appended.iter().filter(|batch| batch.last_lsn() >= from).cloned().collect();
        let (batches, end) = read(&mut writer.sink, from).await.unwrap();
        assert_same::<T>(&batches, &expected);
        assert_eq!(end, writer.chain, "the chain at the end does not depend on where a read begins");
    }
}

pub(crate) async fn a_read_returns_a_prefix_with_everything_durable<T: Storage>(storage: T) {
    let mut content = Content::new(seed());
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    let mut appended = vec![writer.append(&content.ops(3)).await];
    writer.make_durable().await;
    appended.push(writer.append(&content.ops(3)).await);

    let (batches, end) = read(&mut writer.sink, 1).await.unwrap();
    let read = appended.iter().take_while(|batch| batch.last_lsn() <= end.lsn).count();
    assert!((1..=2).contains(&read), "what is read ends at lsn {}", end.lsn);
    assert_same::<T>(&batches, &appended[..read]);

    writer.make_durable().await;
    assert_same::<T>(&writer.read(1).await, &appended);
}

pub(crate) async fn a_read_fails_when_its_visitor_fails<T: Storage>(storage: T) {
    let mut content = Content::new(seed());
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    for records in [2, 2, 2] {
        writer.append(&content.ops(records)).await;
    }
    writer.make_durable().await;
    // A sink that cuts batches itself may make one of all three.
    let refused = if T::KEEPS_BATCHES { 2 } else { 1 };
    for reason in [BatchError::Count.into(), SinkError::Stopped.into()] {
        let mut visits = 0;
        let refuse = &mut async |_: &Batch| {
            visits += 1;
            if visits == refused { Err(VisitError::clone(&reason)) } else { Ok(()) }
        };
        let error = writer.sink.reader().read(1..=Lsn::MAX, refuse).await.unwrap_err();
        match reason {
            VisitError::Batch(e) => assert!(error.to_string().contains(&e.to_string()), "{error}"),
            VisitError::Visitor(e) => assert_eq!(error, e),
        }
        assert_eq!(visits, refused, "nothing is visited after an error");
    }
}

pub(crate) async fn durable_returns_at_once_when_nothing_is_outstanding<T: Storage>(storage: T) {
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    assert_eq!(tokio::time::timeout(AT_ONCE, writer.sink.durable()).await, Ok(Ok(0)));
    writer.append(&[put_text("k", 1)]).await;
    writer.make_durable().await;
    assert_eq!(tokio::time::timeout(AT_ONCE, writer.sink.durable()).await, Ok(Ok(1)));
}

pub(crate) async fn durable_can_be_dropped_and_called_again<T: Storage>(storage: T) {
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    let mut appended = Vec::new();
    for _ in 0..5 {
        appended.push(writer.append(&[put_text("k", 100)]).await);
        for _ in 0..2 {
            let polled = poll_once(writer.sink.durable());
            assert!(matches!(polled, Poll::Pending | Poll::Ready(Ok(_))), "{polled:?}");
        }
    }
    writer.make_durable().await;
    assert_same::<T>(&writer.read(1).await, &appended);
}

pub(crate) async fn a_repeat_is_acknowledged_and_not_stored<T: Storage>(storage: T) {
    let mut content = Content::new(seed());
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    let mut appended = Vec::new();
    for records in [1, 20] {
        let batch = writer.append(&content.ops(records)).await;
        writer.sink.append(&batch).await.expect("a repeat of what is not durable yet");
        writer.make_durable().await;
        writer.sink.append(&batch).await.expect("a repeat of what is durable");
        writer.sink.append(&batch).await.expect("another one");
        writer.make_durable().await;
        appended.push(batch);
    }
    assert_same::<T>(&writer.read(1).await, &appended);
    writer.sink.close().await.unwrap();
    let mut next = Writer::begin(storage.sink()).await.unwrap();
    assert_same::<T>(&next.read(1).await, &appended);
}

pub(crate) async fn everything_in_flight_can_be_sent_again<T: Storage>(storage: T) {
    let mut content = Content::new(seed());
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    let mut appended = Vec::new();
    for round in 0..3 {
        let mut in_flight = Vec::new();
        for _ in 0..MAX_IN_FLIGHT {
            in_flight.push(writer.append(&content.ops(1 + round)).await);
        }
        for batch in &in_flight {
            writer.sink.append(batch).await.expect("a repeat of what is not durable yet");
        }
        writer.make_durable().await;
        for batch in &in_flight {
            writer.sink.append(batch).await.expect("a repeat of what is durable");
        }
        appended.append(&mut in_flight);
    }
    writer.make_durable().await;
    assert_same::<T>(&writer.read(1).await, &appended);
}

pub(crate) async fn a_writer_may_seal_long_before_it_appends<T: Storage>(storage: T) {
    let mut content = Content::new(seed());
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    // None of these batches knows that anything is durable.
    let sealed: Vec<Batch> = (0..MAX_IN_FLIGHT).map(|_| writer.seal(&content.ops(3))).collect();
    for (index, batch) in sealed.iter().enumerate() {
        writer.sink.append(batch).await.unwrap();
        if index % 3 != 0 {
            wait_for(&mut writer.sink, batch.last_lsn()).await.unwrap();
            assert_same::<T>(&writer.read(1).await, &sealed[..=index]);
        }
    }
    drop(writer);
    let mut next = Writer::begin(storage.sink()).await.unwrap();
    assert_same::<T>(&next.read(1).await, &sealed[..next.opened.chain.lsn as usize / 3]);
    assert!(next.opened.chain.lsn >= sealed[MAX_IN_FLIGHT - 2].last_lsn());
}

pub(crate) async fn a_gap_is_refused<T: Storage>(storage: T) {
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    let mut appended = Vec::new();
    for round in 0..3 {
        let expected = writer.chain.lsn + 1;
        let missing = writer.seal(&[put_text("missing", 1)]);
        let beyond = writer.seal(&[put_text("beyond", 1)]);
        let refused = writer.sink.append(&beyond).await;
        assert_eq!(refused, Err(SinkError::Gap { expected, found: expected + 1 }), "round {round}");

        writer.sink.append(&missing).await.expect("the sink is usable after it has refused a batch");
        writer.sink.append(&beyond).await.expect("now it comes next");
        appended.extend([missing, beyond]);
        writer.make_durable().await;
    }
    assert_same::<T>(&writer.read(1).await, &appended);
}

pub(crate) async fn a_batch_that_contradicts_the_log_is_refused<T: Storage>(storage: T) {
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    let epoch = writer.opened.epoch;
    let one = [put_text("one", 1)];
    let two = [put_text("one", 1), put_text("two", 1)];
    let mut appended = Vec::new();
    for _ in 0..2 {
        let before = writer.chain;
        appended.push(writer.append(&one).await);
        let between = writer.chain;
        appended.push(writer.append(&one).await);
        let end = writer.chain;

        let contradictions = [
            ("other content under a stored lsn", seal(&[put_text("other", 1)], &before, epoch, 0)),
            ("other content under the last lsn", seal(&[put_text("other", 1)], &between, epoch, 0)),
            ("two stored batches in one", seal(&two, &before, epoch, 0)),
            ("a stored record and a new one", seal(&two, &between, epoch, 0)),
            ("another previous batch", seal(&one, &Chain { checksum: !end.checksum, ..end }, epoch, 0)),
            ("the batch of another log", seal(&one, &Chain { log_id: !end.log_id, ..end }, epoch, 0)),
            ("no records", seal(&[], &end, epoch, 0)),
            ("a mark", Batch::mark(&end, epoch, 0, false)),
            ("a mark that ends the log", Batch::mark(&end, epoch, 0, true)),
        ];
        for (what, batch) in contradictions {
            match writer.sink.append(&batch).await {
                Err(SinkError::Conflict { lsn, .. }) => assert_eq!(lsn, batch.first_lsn(), "{what}"),
                other => panic!("{what}: {other:?}"),
            }
        }
        appended.push(writer.append(&two).await);
        writer.make_durable().await;
    }
    assert_same::<T>(&writer.read(1).await, &appended);
    writer.sink.close().await.unwrap();
    let mut next = Writer::begin(storage.sink()).await.unwrap();
    assert_same::<T>(&next.read(1).await, &appended);
}

pub(crate) async fn values_of_every_type_and_size_come_back<T: Storage>(storage: T) {
    let map = |items: usize| {
        Value::Map(packed((0..items).flat_map(|item| [format!("field {item}"), format!("value of {item}")])))
    };
    let set = |items: usize| Value::Set(packed((0..items).map(|item| format!("member {item}"))));
    let values = [
        vec![Value::Int(i32::MIN), Value::Int(0), Value::Int(i32::MAX), Value::Uint(0), Value::Uint(u32::MAX)],
        vec![Value::Float(-0.0), Value::Float(f32::MIN_POSITIVE), Value::Float(f32::MAX), Value::Float(1e-45)],
        vec![Value::Str("".into()), Value::Map(packed([""; 0])), Value::Set(packed([""; 0]))],
        vec![Value::Map(packed(["", ""])), Value::Set(packed([""])), Value::Str("ß\u{1F600}\u{10FFFF}\n\"\\".into())],
        vec![map(10_000), set(10_000)],
        vec![Value::Str("x".repeat(1 << 20).as_str().into())],
        vec![Value::Str("é".repeat(8 << 20).as_str().into()), Value::Int(1)],
        vec![Value::Int(2)],
    ];
    let longest_key = "k".repeat(proto::limits::MAX_KEY_BYTES);
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    let mut appended = Vec::new();
    for (index, values) in values.into_iter().enumerate() {
        let key = if index % 2 == 0 { "k" } else { &longest_key };
        let puts: Vec<OwnedOp> = values.into_iter().map(|value| OwnedOp::Put(key.into(), value)).collect();
        appended.push(writer.append(&puts).await);
    }
    writer.make_durable().await;
    assert_same::<T>(&writer.read(1).await, &appended);
    writer.sink.close().await.unwrap();
    let mut next = Writer::begin(storage.sink()).await.unwrap();
    assert_same::<T>(&next.read(1).await, &appended);
}

pub(crate) async fn a_batch_holds_one_record_or_thousands<T: Storage>(storage: T) {
    let mut content = Content::new(seed());
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    let mut appended = Vec::new();
    for records in [5_000, 1, 1, 3_000] {
        let batch = writer.append(&content.ops(records)).await;
        assert_eq!(batch.count() as usize, records);
        appended.push(batch);
    }
    writer.make_durable().await;
    assert_same::<T>(&writer.read(1).await, &appended);
    assert_same::<T>(&writer.read(5_001).await, &appended[1..]);
}
