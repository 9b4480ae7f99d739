//! What a writer may not send: nothing of it is stored, and the writer is told. And which of two streams writes.

use bytes::Bytes;
use proto::limits::BATCH_HEADER_BYTES as HEADER_BYTES;
use proto::{Batch, Chain};
use testkit::memory::MemoryLog;
use tonic::{Code, Status};
use txnd::wire::v1::write_transactions_request::Message as Request;
use txnd::wire::v1::write_transactions_response::Message as Response;
use txnd::wire::v1::{Close, ReadTransactionsRequest};
use txnd::{LogWriter, SinkError, Term};

use crate::conformance::assert_same;
use crate::hosted::Hosted;
use crate::raw::{self, Client, Stream};
use crate::writer::{Writer, put_text, read, seal};

/// A service, a term, and one batch that is durable.
struct Fixture {
    hosted: Hosted,
    client: Client,
    term: Term,
    stored: Batch,
    chain: Chain,
}

impl Fixture {
    async fn new() -> Self {
        let hosted = Hosted::segments();
        let mut client = raw::client(&hosted.service).await;
        let term = raw::open(&mut client).await;
        let (mut stream, chain) = Stream::resume(&mut client, term).await.unwrap();
        assert_eq!(chain, term.chain);
        let stored = seal(&[put_text("stored", 100)], &chain, term.epoch, 0);
        stream.send_batch(&stored).await;
        stream.durable(1).await;
        Self { hosted, client, term, chain: chain.after(&stored), stored }
    }

    async fn resume(&mut self) -> Stream {
        let (stream, chain) = Stream::resume(&mut self.client, self.term).await.unwrap();
        assert_eq!(chain, self.chain);
        stream
    }

    /// A batch that comes next.
    fn next(&self) -> Batch {
        seal(&[put_text("next", 100)], &self.chain, self.term.epoch, 1)
    }

    /// Sends `bytes` as a batch; returns how the stream ends.
    async fn ending_of(&mut self, bytes: impl Into<Bytes>) -> Status {
        let mut stream = self.resume().await;
        stream.send_bytes(bytes.into()).await;
        stream.ending().await
    }

    /// The log holds what it did, and takes what comes next.
    async fn assert_intact(mut self) {
        let mut stream = self.resume().await;
        let next = self.next();
        stream.send_batch(&next).await;
        stream.durable(2).await;
        let mut sink = self.hosted.service.sink();
        sink.resume(&self.term).await.unwrap();
        let (batches, _) = read(&mut sink, 1).await.unwrap();
        assert_same::<Hosted>(&batches, &[self.stored, next]);
    }
}

/// Changes the bytes of a batch and makes its checksum right again.
fn forged(batch: &Batch, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = batch.as_bytes().to_vec();
    change(&mut bytes);
    let head = crc32c::crc32c(&bytes[..HEADER_BYTES - 4]);
    let checksum = crc32c::crc32c_append(head, &bytes[HEADER_BYTES..]);
    bytes[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

#[tokio::test]
async fn bytes_that_are_no_batch() {
    let mut fixture = Fixture::new().await;
    let next = fixture.next();
    let bytes = next.as_bytes();
    let mut trailing = bytes.to_vec();
    trailing.push(0);
    let mut flipped = bytes.to_vec();
    flipped[HEADER_BYTES + 20] ^= 1;
    let mark = Batch::mark(&fixture.chain, fixture.term.epoch, 0, false);
    let sealed = Batch::mark(&fixture.chain, fixture.term.epoch, 0, true);
    let cases = [
        ("nothing", vec![]),
        ("noise", vec![0xA5; 1000]),
        ("half a header", bytes[..HEADER_BYTES / 2].to_vec()),
        ("half a batch", bytes[..bytes.len() - 1].to_vec()),
        ("a byte too many", trailing),
        ("two batches", [bytes, bytes].concat()),
        ("a wrong checksum", flipped),
        ("a newer version", forged(&next, |bytes| bytes[4] = proto::BATCH_VERSION as u8 + 1)),
        ("an unknown operation", forged(&next, |bytes| bytes[HEADER_BYTES + 4] = 99)),
        ("a record that is too long", forged(&next, |bytes| bytes[HEADER_BYTES] = 0xFF)),
        ("a record that is not counted", forged(&next, |bytes| bytes[12] = 2)),
        ("a mark", mark.as_bytes().to_vec()),
        ("a mark that ends the log", sealed.as_bytes().to_vec()),
        ("a batch that says that the log ends", forged(&next, |bytes| bytes[6] = 1)),
    ];
    for (what, bytes) in cases {
        let status = fixture.ending_of(bytes).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{what}: {status:?}");
        assert!(!status.message().is_empty());
    }
    fixture.assert_intact().await;
}

#[tokio::test]
async fn batches_that_do_not_come_next() {
    let mut fixture = Fixture::new().await;
    let (chain, epoch) = (fixture.chain, fixture.term.epoch);
    let ops = [put_text("wrong", 1)];
    let cases = [
        ("another epoch", seal(&ops, &chain, epoch + 1, 0)),
        ("an earlier epoch", seal(&ops, &chain, epoch - 1, 0)),
        ("another log", seal(&ops, &Chain { log_id: !chain.log_id, ..chain }, epoch, 0)),
        ("a gap", seal(&ops, &Chain { lsn: chain.lsn + 1, ..chain }, epoch, 0)),
        ("another batch before it", seal(&ops, &Chain { checksum: !chain.checksum, ..chain }, epoch, 0)),
        ("other content under a stored lsn", seal(&ops, &fixture.term.chain, epoch, 0)),
        ("a durable lsn that nobody has told it", seal(&ops, &chain, epoch, 2)),
    ];
    for (what, batch) in cases {
        let status = fixture.ending_of(batch.to_bytes()).await;
        assert_eq!(status.code(), Code::FailedPrecondition, "{what}: {status:?}");
    }
    fixture.assert_intact().await;
}

#[tokio::test]
async fn a_message_that_is_too_large() {
    let mut fixture = Fixture::new().await;
    let status = fixture.ending_of(vec![0; txnd::limits::MAX_MESSAGE_BYTES + 1]).await;
    assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
    fixture.assert_intact().await;
}

#[tokio::test]
async fn messages_in_the_wrong_order() {
    let mut fixture = Fixture::new().await;
    let next = fixture.next();
    let firsts = [
        (None, Code::InvalidArgument),
        (Some(Request::Batch(next.to_bytes())), Code::FailedPrecondition),
        (Some(Request::Close(Close {})), Code::FailedPrecondition),
        (Some(Request::Resume(Default::default())), Code::InvalidArgument),
    ];
    for (first, code) in firsts {
        let refused = Stream::begin(&mut fixture.client, first.clone()).await.err().expect("a refusal");
        assert_eq!(refused.code(), code, "{first:?}: {refused:?}");
    }
    let laters =
        [(None, Code::InvalidArgument), (Some(Request::Resume(fixture.term.into())), Code::FailedPrecondition)];
    for (later, code) in laters {
        let mut stream = fixture.resume().await;
        stream.send(later.clone()).await;
        let refused = stream.ending().await;
        assert_eq!(refused.code(), code, "{later:?}: {refused:?}");
    }
    fixture.assert_intact().await;
}

#[tokio::test]
async fn nothing_is_taken_after_close() {
    let mut fixture = Fixture::new().await;
    let mut stream = fixture.resume().await;
    stream.send(Some(Request::Close(Close {}))).await;
    stream.send_batch(&fixture.next()).await;
    assert!(matches!(stream.next().await, Ok(Response::Closed(_))));
    assert_eq!(stream.ending().await.code(), Code::Ok);
    fixture.assert_intact().await;
}

#[tokio::test]
async fn a_newer_stream_of_the_term_takes_over() {
    let mut fixture = Fixture::new().await;
    let mut half_open = fixture.resume().await;
    let mut stream = fixture.resume().await;
    let status = half_open.ending().await;
    assert_eq!(status.code(), Code::Aborted, "{status:?}");
    let next = fixture.next();
    half_open.send_batch(&next).await;
    stream.send_batch(&next).await;
    stream.durable(2).await;
}

#[tokio::test]
async fn a_term_that_the_log_does_not_know() {
    let mut fixture = Fixture::new().await;
    let term = fixture.term;
    let cases = [
        ("a term to come", Term { epoch: term.epoch + 1, ..term }),
        ("another log", Term { chain: Chain { log_id: !term.chain.log_id, ..term.chain }, ..term }),
        ("a longer log", Term { chain: Chain { lsn: 1000, ..term.chain }, ..term }),
    ];
    for (what, term) in cases {
        let status = Stream::resume(&mut fixture.client, term).await.err().expect("a refusal");
        assert_eq!(status.code(), Code::FailedPrecondition, "{what}: {status:?}");
    }
    fixture.assert_intact().await;
}

#[tokio::test]
async fn an_open_fences_the_attached_stream_at_once() {
    let mut fixture = Fixture::new().await;
    let mut stream = fixture.resume().await;
    let newer = raw::open(&mut fixture.client).await;
    let status = stream.ending().await;
    assert_eq!(status.code(), Code::Aborted, "{status:?}");
    assert!(status.metadata().get_bin("txn-failure-bin").is_some(), "{status:?}");

    let (own, newer) = (fixture.term.epoch, newer.epoch);
    let mut sink = fixture.hosted.service.sink();
    assert_eq!(sink.resume(&fixture.term).await, Err(SinkError::Fenced { own, newer }));
}

#[tokio::test]
async fn a_fenced_writer_does_not_disturb_the_present_one() {
    let hosted = Hosted::memory(&MemoryLog::default());
    let mut fenced = Writer::begin(hosted.service.sink()).await.unwrap();
    let mut writer = Writer::begin(hosted.service.sink()).await.unwrap();
    for _ in 0..3 {
        fenced.resume().await.unwrap_err();
        writer.append(&[put_text("k", 1)]).await;
        writer.make_durable().await;
    }
}

#[tokio::test]
async fn only_the_writer_of_the_term_reads() {
    let mut fixture = Fixture::new().await;
    let term = fixture.term;
    let newer = raw::open(&mut fixture.client).await;
    let cases = [
        (None, Code::InvalidArgument),
        (Some(term), Code::Aborted),
        (Some(Term { epoch: newer.epoch + 1, ..newer }), Code::FailedPrecondition),
        (Some(Term { chain: Chain { log_id: !term.chain.log_id, ..term.chain }, ..newer }), Code::FailedPrecondition),
    ];
    for (term, code) in cases {
        let request = ReadTransactionsRequest { term: term.map(Into::into), from_lsn: 1, ..Default::default() };
        let status = match fixture.client.read_transactions(request).await {
            Ok(stream) => stream.into_inner().message().await.unwrap_err(),
            Err(status) => status,
        };
        assert_eq!(status.code(), code, "{term:?}: {status:?}");
    }
}

/// The status reaches a writer that is in the middle of sending.
#[tokio::test]
async fn a_writer_that_sends_all_the_time_learns_that_it_is_fenced() {
    for _ in 0..20 {
        let hosted = Hosted::memory(&MemoryLog::default());
        let mut first = Writer::begin(hosted.service.sink()).await.unwrap();
        let mut second = hosted.service.sink();
        let large = [put_text("large", 1 << 20)];
        let sending = async {
            loop {
                let batch = first.seal(&large);
                if let Err(e) = first.sink.append(&batch).await {
                    return e;
                }
                if first.chain.lsn % 4 == 0
                    && let Err(e) = first.sink.durable().await
                {
                    return e;
                }
            }
        };
        let (error, opened) = tokio::join!(sending, second.open());
        let fenced = SinkError::Fenced { own: first.opened.epoch, newer: opened.unwrap().epoch };
        assert_eq!(error, fenced);
    }
}
