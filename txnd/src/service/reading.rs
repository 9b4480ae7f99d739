//! A read of the log on the log's thread. It is bounded in memory by what its reader takes, and in time by the reader taking it:
//! until it ends nothing is stored.

use std::future::pending;
use std::pin::pin;

use proto::{Batch, BatchError, Lsn};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;
use tonic::Status;

use super::keeper::Command;
use crate::limits::READER_TAKES_WITHIN;
use crate::wire::Tally;
use crate::wire::v1::{End, ReadTransactionsResponse, read_transactions_response::Message};
use crate::{Sink, SinkError};

/// Why a read has not reached the end of the log.
#[derive(Debug)]
pub(super) enum Interrupted {
    Sink(SinkError),
    /// The reader has gone, or takes nothing.
    Reader(Status),
    /// Another call has come; None if there will be no more.
    Command(Option<Command>),
}

impl From<End> for ReadTransactionsResponse {
    fn from(end: End) -> Self {
        Self { message: Some(Message::End(end)) }
    }
}

/// Sends every durable batch that holds a record of `from` or later to `batches`. Returns the message that ends the stream.
pub(super) async fn read<S: Sink>(
    sink: &mut S,
    from: Lsn,
    batches: &mpsc::Sender<Result<ReadTransactionsResponse, Status>>,
    next_command: impl Future<Output = Option<Command>>,
) -> Result<End, Interrupted> {
    let mut tally = Tally::default();
    let stalled = Notify::new();
    let mut visit = async |batch: &Batch| -> Result<(), BatchError> {
        tally.add(batch);
        let message = ReadTransactionsResponse { message: Some(Message::Batch(batch.to_bytes())) };
        match timeout(READER_TAKES_WITHIN, batches.send(Ok(message))).await {
            Ok(Ok(())) => Ok(()),
            // The read is dropped here: an error would be the sink's to explain.
            Ok(Err(_gone)) => pending().await,
            Err(_elapsed) => {
                stalled.notify_one();
                pending().await
            }
        }
    };
    let ended = tokio::select! {
        biased;
        end = pin!(sink.read(from, &mut visit)) => end.map_err(Interrupted::Sink),
        () = stalled.notified() => Err(Interrupted::Reader(Status::deadline_exceeded(format!(
            "the reader has taken nothing for {READER_TAKES_WITHIN:?}; read again"
        )))),
        () = batches.closed() => Err(Interrupted::Reader(Status::cancelled("the reader has gone"))),
        command = next_command => Err(Interrupted::Command(command)),
    };
    ended.map(|chain| tally.end(chain))
}

#[cfg(test)]
mod tests {
    use proto::{BatchBuffer, Key, Op, ValueRef};
    use tonic::Code;

    use super::*;
    use crate::memory::MemoryLog;

    async fn log_of_batches(count: usize) -> impl Sink {
        let mut sink = MemoryLog::default().sink();
        let opened = sink.open().await.unwrap();
        let mut chain = opened.chain;
        for _ in 0..count {
            let mut buffer = BatchBuffer::new(chain.lsn + 1, Vec::new());
            buffer.push(&Op::Put { key: Key::new(b"k").unwrap(), value: ValueRef::Int(1) }, proto::Effect::None, 0);
            let batch = buffer.seal(&chain, opened.epoch, 0);
            sink.append(&batch).await.unwrap();
            chain = chain.after(&batch);
        }
        sink.durable().await.unwrap();
        sink
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_is_given_up() {
        let mut sink = log_of_batches(3).await;
        let (batches, _taken_by_nobody) = mpsc::channel(1);
        let began = tokio::time::Instant::now();
        match read(&mut sink, 1, &batches, pending()).await {
            Err(Interrupted::Reader(status)) => assert_eq!(status.code(), Code::DeadlineExceeded),
            other => panic!("{other:?}"),
        }
        assert!(began.elapsed() >= READER_TAKES_WITHIN);
    }

    #[tokio::test]
    async fn a_reader_that_goes_is_given_up() {
        let mut sink = log_of_batches(3).await;
        let (batches, taken) = mpsc::channel(1);
        drop(taken);
        match read(&mut sink, 1, &batches, pending()).await {
            Err(Interrupted::Reader(status)) => assert_eq!(status.code(), Code::Cancelled),
            other => panic!("{other:?}"),
        }
    }
}
