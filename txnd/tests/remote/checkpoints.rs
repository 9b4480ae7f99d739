//! A checkpoint on its way: cut off, replaced by another one, sent by whom it should not, or what it should not be.

use proto::{Batch, Lsn};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use txnd::wire::v1::{
    BeginCheckpoint, KeepCheckpointRequest, ListCheckpointsRequest, ReadCheckpointRequest, WriteCheckpointRequest,
    write_checkpoint_request::Message,
};
use txnd::{CheckpointWriter, LogReader, LogWriter, RemoteReader, RemoteSink, SinkError, Term};

use crate::hosted::{Hosted, PlainTcp};
use crate::proxy::Proxy;
use crate::raw;
use crate::writer::{Writer, checkpoint_of, checkpoint_with, put_text, seal, seed};

async fn begin(hosted: &Hosted) -> Writer<RemoteSink<PlainTcp>> {
    let mut writer = Writer::begin(hosted.service.sink()).await.unwrap();
    writer.append(&[put_text("k", 1)]).await;
    writer.make_durable().await;
    writer
}

async fn send<C: CheckpointWriter>(checkpoint: &mut C, batches: &[Batch]) -> Result<(), SinkError> {
    for batch in batches {
        checkpoint.append(batch).await?;
    }
    checkpoint.finish().await
}

async fn bases(hosted: &Hosted) -> Vec<Lsn> {
    hosted.service.reader().checkpoints().await.unwrap().iter().map(|checkpoint| checkpoint.base).collect()
}

#[tokio::test]
async fn one_that_is_cut_off_is_not_used() {
    let mut rng = StdRng::seed_from_u64(seed());
    let hosted = Hosted::segments();
    let mut writer = begin(&hosted).await;
    let batches = checkpoint_with(1, (0..20).map(|number| put_text(&format!("{number}"), 20_000)), 1);
    let proxy = Proxy::to(hosted.service.address);
    let mut through = RemoteSink::new(PlainTcp(proxy.address));
    let mut cuts = 0;
    for _ in 0..40 {
        proxy.heal();
        through.resume(&writer.opened).await.unwrap();
        let mut checkpoint = through.begin_checkpoint(1).unwrap().unwrap();
        proxy.cut_after(rng.random_range(0..450_000));
        match send(&mut checkpoint, &batches).await {
            Ok(()) => {}
            Err(e) => {
                assert!(matches!(e, SinkError::Unavailable(_)), "{e}");
                cuts += 1;
            }
        }
        assert!(bases(&hosted).await.is_empty(), "nobody has put it in use");
    }
    assert!(cuts > 20, "{cuts} were cut");

    // As one is read.
    writer.resume().await.unwrap();
    let mut checkpoint = writer.sink.begin_checkpoint(1).unwrap().unwrap();
    send(&mut checkpoint, &batches).await.unwrap();
    let kept = writer.sink.keep_checkpoint(checkpoint).await.unwrap();
    let reader = RemoteReader::new(PlainTcp(proxy.address));
    let mut cuts = 0;
    for _ in 0..40 {
        proxy.cut_after(rng.random_range(0..450_000));
        let mut read = Vec::new();
        let mut visit = async |batch: &Batch| {
            read.push(batch.clone());
            Ok(())
        };
        match reader.read_checkpoint(&kept, &mut visit).await {
            Ok(()) => assert!(read == batches, "each byte of it"),
            Err(e) => {
                assert!(matches!(e, SinkError::Unavailable(_)), "{e}");
                cuts += 1;
            }
        }
        proxy.heal();
    }
    assert!(cuts > 20, "{cuts} were cut");
}

#[tokio::test]
async fn a_later_one_ends_the_one_before() {
    let hosted = Hosted::segments();
    let mut writer = begin(&hosted).await;
    let batches = checkpoint_of(1, 4, 1);
    let mut first = writer.sink.begin_checkpoint(1).unwrap().unwrap();
    first.append(&batches[0]).await.unwrap();
    let mut second = writer.sink.begin_checkpoint(1).unwrap().unwrap();
    send(&mut second, &batches).await.unwrap();
    let ended = send(&mut first, &batches[1..]).await;
    assert!(matches!(ended, Err(SinkError::Unavailable(_))), "{ended:?}");
    writer.sink.keep_checkpoint(second).await.unwrap();
    assert_eq!(bases(&hosted).await, [1]);

    // A term that begins ends one, too, whether it was finished or not.
    for complete in [false, true] {
        let mut late = writer.sink.begin_checkpoint(1).unwrap().unwrap();
        let (some, rest) = batches.split_at(if complete { batches.len() } else { 1 });
        for batch in some {
            late.append(batch).await.unwrap();
        }
        if complete {
            late.finish().await.unwrap();
        }
        let next = Writer::begin(hosted.service.sink()).await.unwrap();
        assert!(complete || send(&mut late, rest).await.is_err());
        let fenced = writer.sink.keep_checkpoint(late).await;
        let expected = SinkError::Fenced { own: writer.opened.epoch, newer: next.opened.epoch };
        assert_eq!(fenced, Err(expected));
        writer = next;
        let missing = writer.sink.reader().checkpoints().await.unwrap();
        assert_eq!(missing.len(), 1);
    }
}

#[tokio::test]
async fn what_a_client_may_not_send_is_refused_and_the_log_goes_on() {
    let hosted = Hosted::segments();
    let mut writer = begin(&hosted).await;
    let term: txnd::wire::v1::Term = writer.opened.into();
    let batches = checkpoint_of(1, 4, 1);
    let begin = |term: Option<txnd::wire::v1::Term>| Message::Begin(BeginCheckpoint { term, base_lsn: 1 });
    let batch = |batch: &Batch| Message::Batch(batch.to_bytes());
    let of_other_epoch = Term { epoch: 99, ..writer.opened };
    let of_log = seal(&[put_text("k", 1)], &writer.chain, writer.opened.epoch, 0);
    let cases: Vec<(&str, Vec<Option<Message>>, Code)> = vec![
        ("a batch first", vec![Some(batch(&batches[0]))], Code::FailedPrecondition),
        ("nothing", vec![], Code::FailedPrecondition),
        ("an empty message first", vec![None], Code::FailedPrecondition),
        ("no term", vec![Some(begin(None))], Code::InvalidArgument),
        ("another term", vec![Some(begin(Some(of_other_epoch.into())))], Code::FailedPrecondition),
        ("begin twice", vec![Some(begin(Some(term))), Some(begin(Some(term)))], Code::FailedPrecondition),
        ("an empty message", vec![Some(begin(Some(term))), None], Code::InvalidArgument),
        ("not a batch", vec![Some(begin(Some(term))), Some(Message::Batch(vec![1, 2].into()))], Code::InvalidArgument),
        ("a batch of the log", vec![Some(begin(Some(term))), Some(batch(&of_log))], Code::FailedPrecondition),
        ("no batches", vec![Some(begin(Some(term)))], Code::FailedPrecondition),
    ];
    let mut client = raw::client(&hosted.service).await;
    for (what, messages, expected) in cases {
        let (requests, stream) = mpsc::channel(8);
        for message in messages {
            requests.try_send(WriteCheckpointRequest { message }).unwrap();
        }
        drop(requests);
        let ended = match client.write_checkpoint(ReceiverStream::new(stream)).await {
            Err(status) => status,
            Ok(response) => {
                let mut responses = response.into_inner();
                loop {
                    match responses.message().await {
                        Ok(Some(_)) => {}
                        Ok(None) => panic!("{what} was taken"),
                        Err(status) => break status,
                    }
                }
            }
        };
        assert_eq!(ended.code(), expected, "{what}: {ended}");
    }
    for (base, epoch, code) in [(1, writer.opened.epoch, Code::FailedPrecondition), (1, 0, Code::Aborted)] {
        let term = Some(Term { epoch, ..writer.opened }.into());
        let refused = client
            .keep_checkpoint(KeepCheckpointRequest { term, base_lsn: base, begins_log: false })
            .await
            .unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
    }
    let nobody = ListCheckpointsRequest { term: None, without_term: false };
    assert_eq!(client.list_checkpoints(nobody).await.unwrap_err().code(), Code::InvalidArgument);
    let missing = ReadCheckpointRequest { term: None, without_term: true, base_lsn: 7 };
    let mut missing = client.read_checkpoint(missing).await.unwrap().into_inner();
    assert_eq!(missing.message().await.unwrap_err().code(), Code::FailedPrecondition);

    assert!(bases(&hosted).await.is_empty());
    writer.append(&[put_text("k", 2)]).await;
    writer.make_durable().await;
    let base = writer.durable;
    let mut checkpoint = writer.sink.begin_checkpoint(base).unwrap().unwrap();
    send(&mut checkpoint, &checkpoint_of(base, 3, base)).await.unwrap();
    writer.sink.keep_checkpoint(checkpoint).await.unwrap();
    assert_eq!(bases(&hosted).await, [base]);
}
