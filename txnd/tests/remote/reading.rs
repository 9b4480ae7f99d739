//! A log that comes back cut or wrong is refused; a reader that stalls holds nobody up.

use std::error::Error;
use std::net::Ipv4Addr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proto::{Batch, BatchError, Chain, Lsn};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::timeout;
use tokio_stream::Stream as Messages;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};
use txnd::limits::{MAX_READS, READ_START_TIMEOUT};
use txnd::remote::Connect;
use txnd::wire::v1::read_transactions_response::Message;
use txnd::wire::v1::transaction_service_server::{TransactionService, TransactionServiceServer};
use txnd::wire::v1::{
    End, KeepCheckpointRequest, KeepCheckpointResponse, ListCheckpointsRequest, ListCheckpointsResponse, OpenRequest,
    OpenResponse, ReadCheckpointRequest, ReadCheckpointResponse, ReadTransactionsRequest, ReadTransactionsResponse,
    WriteCheckpointRequest, WriteCheckpointResponse, WriteTransactionsRequest, WriteTransactionsResponse,
    write_transactions_response,
};
use txnd::{
    Checkpoint, CheckpointWriter, LogReader, LogWriter, MIN_SEGMENT_BYTES, RemoteReader, RemoteSink, SegmentSink,
    SinkError, Term,
};

use crate::conformance::assert_same;
use crate::hosted::{Hosted, PlainTcp, Service};
use crate::proxy::Proxy;
use crate::raw;
use crate::writer::{Content, Writer, checkpoint_of, put_text, read, seal, seed};

#[tokio::test]
async fn a_read_that_is_cut_is_never_a_short_log() {
    let mut rng = StdRng::seed_from_u64(seed());
    let hosted = Hosted::segments();
    let proxy = Proxy::to(hosted.service.address);
    let mut writer = Writer::begin(RemoteSink::new(PlainTcp(proxy.address))).await.unwrap();
    let mut appended = Vec::new();
    for _ in 0..20 {
        appended.push(writer.append(&[put_text("large", 20_000)]).await);
        writer.make_durable().await;
    }
    let mut cut = 0;
    for _ in 0..60 {
        proxy.cut_after(rng.random_range(0..450_000));
        match read(&mut writer.sink, 1).await {
            Ok((batches, _)) => assert_same::<Hosted>(&batches, &appended),
            Err(e) => {
                assert!(matches!(e, SinkError::Unavailable(_)), "{e}");
                cut += 1;
            }
        }
        proxy.heal();
        writer.resume().await.unwrap();
    }
    assert!(cut > 20, "{cut} reads were cut");
}

/// Connects, and counts how often.
#[derive(Clone)]
struct Counted(PlainTcp, Arc<AtomicUsize>);

impl Connect for Counted {
    async fn connect(&self) -> Result<Channel, Box<dyn Error + Send + Sync>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.connect().await
    }
}

#[tokio::test]
async fn a_thread_that_reads_again_and_again_keeps_its_connection() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(SegmentSink::new(folder.path(), MIN_SEGMENT_BYTES));
    let address = service.address;
    let mut writer = Writer::begin(service.sink()).await.unwrap();
    for _ in 0..3 {
        writer.append(&[put_text("k", 100)]).await;
    }
    writer.make_durable().await;
    drop(writer);
    let made = Arc::<AtomicUsize>::default();
    let reader = RemoteReader::new(Counted(PlainTcp(address), Arc::clone(&made)));
    let (done, ended) = tokio::sync::oneshot::channel();
    let reads = async move || {
        let read = async |most: usize| {
            let mut batches = 0;
            let mut visit = async |_: &Batch| {
                batches += 1;
                if batches > most { Err(SinkError::Stopped.into()) } else { Ok(()) }
            };
            let ended = reader.read(1..=Lsn::MAX, &mut visit).await;
            (ended.is_ok(), batches)
        };
        for _ in 0..10 {
            assert_eq!(read(3).await, (true, 3));
            assert_eq!(made.load(Ordering::Relaxed), 1);
        }
        // What is still under way on a connection would not end.
        assert_eq!(read(1).await, (false, 2));
        assert_eq!(made.load(Ordering::Relaxed), 1);
        assert_eq!(read(3).await, (true, 3));
        assert_eq!(made.load(Ordering::Relaxed), 2);
        // One that was lost meanwhile is made again.
        drop(service);
        let _service = Service::start_at(address, SegmentSink::new(folder.path(), MIN_SEGMENT_BYTES));
        assert_eq!(read(3).await, (true, 3));
    };
    txnd::thread::run_giving_way("reads", reads, move |()| done.send(()).expect("the test waits")).expect("a thread");
    ended.await.expect("the work does not panic");
}

/// A read that takes the first batch and no more: what is beyond the windows stays in the service.
async fn stalled_read(hosted: &Hosted, term: Term) -> Streaming<ReadTransactionsResponse> {
    let mut client = raw::client(&hosted.service).await.max_decoding_message_size(usize::MAX);
    let request = ReadTransactionsRequest { term: Some(term.into()), from_lsn: 1, ..Default::default() };
    let mut stalled = client.read_transactions(request).await.unwrap().into_inner();
    stalled.message().await.unwrap().unwrap();
    stalled
}

#[tokio::test]
async fn a_reader_that_stalls_holds_nobody_up_and_is_not_interrupted() {
    let hosted = Hosted::segments();
    let mut content = Content::new(seed());
    let mut writer = Writer::begin(hosted.service.sink()).await.unwrap();
    let mut appended = Vec::new();
    for _ in 0..8 {
        appended.push(writer.append(&[put_text("large", 3 << 20)]).await);
    }
    writer.make_durable().await;
    let mut stalled = stalled_read(&hosted, writer.opened).await;

    // Its writer goes on, resumes, and is fenced.
    appended.push(writer.append(&content.ops(3)).await);
    writer.make_durable().await;
    writer.resume().await.unwrap();
    assert_same::<Hosted>(&writer.read(1).await, &appended);
    let mut next = Writer::begin(hosted.service.sink()).await.unwrap();
    next.append(&content.ops(3)).await;
    next.make_durable().await;

    let mut batches = 1;
    let end = loop {
        match stalled.message().await.unwrap().and_then(|message| message.message) {
            Some(Message::Batch(_)) => batches += 1,
            Some(Message::End(end)) => break end,
            None => panic!("a read that is not interrupted comes to its end"),
        }
    };
    assert_eq!(
        (batches, end.batches, end.chain.map(|chain| chain.lsn)),
        (8, 8, Some(8)),
        "as the log was when it began"
    );
}

#[tokio::test]
async fn reads_are_bounded_in_number_and_a_further_one_waits() {
    let hosted = Hosted::segments();
    let mut writer = Writer::begin(hosted.service.sink()).await.unwrap();
    for _ in 0..8 {
        writer.append(&[put_text("large", 3 << 20)]).await;
    }
    writer.make_durable().await;
    let mut stalled = Vec::new();
    for _ in 0..MAX_READS {
        stalled.push(stalled_read(&hosted, writer.opened).await);
    }
    let mut further = pin!(writer.read(1));
    assert!(timeout(Duration::from_millis(300), &mut further).await.is_err(), "a read too many waits");
    stalled.pop();
    assert_eq!(timeout(READ_START_TIMEOUT, further).await.expect("there is room").len(), 8);
}

#[tokio::test]
async fn a_read_ends_where_it_was_told_to() {
    let hosted = Hosted::segments();
    let mut content = Content::new(seed());
    let mut writer = Writer::begin(hosted.service.sink()).await.unwrap();
    let mut appended = Vec::new();
    for _ in 0..5 {
        appended.push(writer.append(&content.ops(2)).await);
    }
    writer.make_durable().await;
    // On the wire: what a client of another language sees.
    let mut client = raw::client(&hosted.service).await;
    for (upto_lsn, expected) in [(0, 1..5), (1, 0..0), (3, 1..2), (4, 1..2), (5, 1..3), (100, 1..5)] {
        let request = ReadTransactionsRequest { term: None, from_lsn: 3, upto_lsn, without_term: true };
        let mut messages = client.read_transactions(request).await.unwrap().into_inner();
        let mut batches = Vec::new();
        let end = loop {
            match messages.message().await.unwrap().and_then(|message| message.message) {
                Some(Message::Batch(bytes)) => batches.push(Batch::decode(&bytes).unwrap()),
                Some(Message::End(end)) => break end,
                None => panic!("a read has an end"),
            }
        };
        assert_same::<Hosted>(&batches, &appended[expected]);
        assert_eq!((end.oldest_lsn, end.chain), (1, Some(writer.chain.into())), "up to {upto_lsn}");
    }
    let both = ReadTransactionsRequest { term: Some(writer.opened.into()), without_term: true, ..Default::default() };
    assert_eq!(client.read_transactions(both).await.unwrap_err().code(), tonic::Code::InvalidArgument);
}

/// A service that answers a read with what it is given. It does not know any calls for checkpoints but one.
#[derive(Clone)]
struct Forger {
    term: Term,
    answers: Arc<Mutex<Vec<Message>>>,
}

type Answers<T> = Pin<Box<dyn Messages<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl TransactionService for Forger {
    type WriteTransactionsStream = Answers<WriteTransactionsResponse>;
    type ReadTransactionsStream = Answers<ReadTransactionsResponse>;
    type ReadCheckpointStream = Answers<ReadCheckpointResponse>;
    type WriteCheckpointStream = Answers<WriteCheckpointResponse>;

    async fn open(&self, _: Request<OpenRequest>) -> Result<Response<OpenResponse>, Status> {
        Ok(Response::new(OpenResponse { term: Some(self.term.into()), terms: Vec::new() }))
    }

    async fn write_transactions(
        &self,
        _: Request<Streaming<WriteTransactionsRequest>>,
    ) -> Result<Response<Self::WriteTransactionsStream>, Status> {
        let resumed = write_transactions_response::Message::Resumed(self.term.chain.into());
        let first = tokio_stream::once(Ok(WriteTransactionsResponse { message: Some(resumed) }));
        Ok(Response::new(Box::pin(tokio_stream::StreamExt::chain(first, tokio_stream::pending()))))
    }

    async fn read_transactions(
        &self,
        _: Request<ReadTransactionsRequest>,
    ) -> Result<Response<Self::ReadTransactionsStream>, Status> {
        let answers = std::mem::take(&mut *self.answers.lock().unwrap());
        let answers = answers.into_iter().map(|message| Ok(ReadTransactionsResponse { message: Some(message) }));
        Ok(Response::new(Box::pin(tokio_stream::iter(answers))))
    }

    async fn list_checkpoints(
        &self,
        _: Request<ListCheckpointsRequest>,
    ) -> Result<Response<ListCheckpointsResponse>, Status> {
        Err(Status::unimplemented("unknown"))
    }

    async fn read_checkpoint(
        &self,
        _: Request<ReadCheckpointRequest>,
    ) -> Result<Response<Self::ReadCheckpointStream>, Status> {
        let answers = std::mem::take(&mut *self.answers.lock().unwrap());
        let answers = answers.into_iter().map(|message| match message {
            Message::Batch(batch) => Ok(ReadCheckpointResponse { batch }),
            Message::End(_) => Err(Status::unavailable("cut off")),
        });
        Ok(Response::new(Box::pin(tokio_stream::iter(answers))))
    }

    async fn write_checkpoint(
        &self,
        _: Request<Streaming<WriteCheckpointRequest>>,
    ) -> Result<Response<Self::WriteCheckpointStream>, Status> {
        Err(Status::unimplemented("unknown"))
    }

    async fn keep_checkpoint(
        &self,
        _: Request<KeepCheckpointRequest>,
    ) -> Result<Response<KeepCheckpointResponse>, Status> {
        Err(Status::unimplemented("unknown"))
    }
}

/// A writer of a forged service, and where to put the answers to its reads.
async fn forged(term: Term) -> (RemoteSink<PlainTcp>, Arc<Mutex<Vec<Message>>>) {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let forger = Forger { term, answers: Arc::default() };
    let answers = Arc::clone(&forger.answers);
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let server = tonic::transport::Server::builder().add_service(TransactionServiceServer::new(forger));
    tokio::spawn(server.serve_with_incoming(incoming));
    let mut sink = RemoteSink::new(PlainTcp(address));
    sink.open().await.unwrap();
    (sink, answers)
}

#[tokio::test]
async fn a_service_that_knows_no_checkpoints_has_none() {
    let (mut sink, _) = forged(Term { epoch: 3, chain: Chain::start(7) }).await;
    assert_eq!(sink.reader().checkpoints().await, Ok(Vec::new()));
    let mut checkpoint = sink.begin_checkpoint(0).unwrap().unwrap();
    assert!(checkpoint.append(&checkpoint_of(0, 0, 0)[0]).await.is_err());
}

#[tokio::test]
async fn a_wrong_checkpoint_is_refused() {
    let (sink, answers) = forged(Term { epoch: 3, chain: Chain::start(7) }).await;
    let checkpoint = Checkpoint { base: 9, end: 9, entries: 4, bytes: 0, at: 0 };
    let batches = checkpoint_of(9, 4, 9);
    let [first, second, last] = &batches[..] else { panic!("{batches:?}") };
    let other = &checkpoint_of(9, 4, 9)[1];
    let later = &checkpoint_of(10, 2, 10)[0];
    let of = |batches: &[&Batch]| batches.iter().map(|batch| Message::Batch(batch.to_bytes())).collect::<Vec<_>>();
    let read = async |messages: Vec<Message>| {
        *answers.lock().unwrap() = messages;
        sink.reader().read_checkpoint(&checkpoint, &mut async |_: &Batch| Ok(())).await
    };
    assert_eq!(read(of(&[first, second, last])).await, Ok(()));
    for wrong in [&[second, last][..], &[first, last], &[first, other, last], &[later], &[first, second, last, last]] {
        let refused = read(of(wrong)).await;
        assert!(matches!(refused, Err(SinkError::Failed(_))), "{wrong:?}: {refused:?}");
    }
    assert!(matches!(read(vec![Message::Batch(vec![1, 2, 3].into())]).await, Err(SinkError::Failed(_))));
    for cut in [of(&[]), of(&[first]), of(&[first, second])] {
        assert!(matches!(read(cut).await, Err(SinkError::Unavailable(_))), "a part of one");
    }
}

#[tokio::test]
async fn a_wrong_answer_to_a_read_is_refused() {
    let start = Chain::start(7);
    let batch = |chain: &Chain| seal(&[put_text("k", 1), put_text("k", 2)], chain, 1, 0);
    let first = batch(&start);
    let second = batch(&start.after(&first));
    let chain = start.after(&first).after(&second);
    let (mut sink, answers) = forged(Term { epoch: 3, chain }).await;

    let of = |batch: &Batch| Message::Batch(batch.to_bytes());
    let checksum = |batches: &[&Batch]| {
        batches.iter().fold(0, |sum, batch| crc32c::crc32c_append(sum, &batch.checksum().to_le_bytes()))
    };
    let whole = End {
        batches: 2,
        records: 4,
        checksum: checksum(&[&first, &second]),
        chain: Some(chain.into()),
        oldest_lsn: 0,
    };
    let end = |change: &dyn Fn(&mut End)| {
        let mut end = whole;
        change(&mut end);
        Message::End(end)
    };
    *answers.lock().unwrap() = vec![of(&first), of(&second), end(&|_| {})];
    assert_eq!(read(&mut sink, 1).await.unwrap(), (vec![first.clone(), second.clone()], chain));

    // A service that does not know `upto_lsn` sends everything.
    *answers.lock().unwrap() = vec![of(&first), of(&second), end(&|_| {})];
    let mut visited = Vec::new();
    let mut visit = async |batch: &Batch| {
        visited.push(batch.clone());
        Ok(())
    };
    let bounds = sink.reader().read(1..=2, &mut visit).await.unwrap();
    assert_eq!((bounds.oldest, bounds.durable, visited), (1, chain, vec![first.clone()]));

    let other = seal(&[put_text("k", 1)], &Chain { log_id: 8, ..start }, 1, 0);
    let mark = Batch::mark(&start, 1, 0, false);
    let wrong = [
        ("a batch is missing at the end", vec![of(&first), end(&|_| {})]),
        ("a batch is missing at the start", vec![of(&second), end(&|_| {})]),
        ("a batch comes twice", vec![of(&first), of(&first), of(&second), end(&|_| {})]),
        ("the batches are exchanged", vec![of(&second), of(&first), end(&|_| {})]),
        ("everything is missing", vec![end(&|_| {})]),
        ("nothing is there, it says", vec![end(&|end| *end = End { chain: end.chain, ..End::default() })]),
        ("the count of batches", vec![of(&first), of(&second), end(&|end| end.batches += 1)]),
        ("the count of records", vec![of(&first), of(&second), end(&|end| end.records -= 1)]),
        ("the checksum", vec![of(&first), of(&second), end(&|end| end.checksum ^= 1)]),
        ("no chain", vec![of(&first), of(&second), end(&|end| end.chain = None)]),
        ("a longer log", vec![of(&first), of(&second), end(&|end| end.chain.as_mut().unwrap().lsn += 1)]),
        ("another log's end", vec![of(&first), of(&second), end(&|end| end.chain.as_mut().unwrap().log_id = 8)]),
        ("another log's batch", vec![of(&other), end(&|_| {})]),
        ("a mark", vec![of(&mark), end(&|_| {})]),
        ("no batch", vec![Message::Batch(vec![1, 2, 3].into()), end(&|_| {})]),
    ];
    for (what, messages) in wrong {
        *answers.lock().unwrap() = messages;
        match read(&mut sink, 1).await {
            Err(SinkError::Failed(_)) => {}
            other => panic!("{what}: {other:?}"),
        }
    }
    *answers.lock().unwrap() = vec![of(&first), of(&second), end(&|_| {})];
    let refused = sink.reader().read(1..=Lsn::MAX, &mut async |_: &Batch| Err(BatchError::Count.into())).await;
    assert!(matches!(refused, Err(SinkError::Failed(_))), "{refused:?}");

    *answers.lock().unwrap() = vec![of(&first), of(&second)];
    match read(&mut sink, 1).await {
        Err(SinkError::Unavailable(_)) => {}
        other => panic!("a stream without its end was taken for {other:?}"),
    }
}
