//! Reads of the log. Each has its own thread, because files are read there, and blocks neither the writer nor the server.
//! The number of reads is limited. Their memory is limited by how fast their readers read, and their time by a timeout for
//! slow readers.

use std::future::pending;
use std::ops::RangeInclusive;
use std::pin::pin;
use std::sync::Arc;

use proto::{Batch, BatchError, Lsn};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::timeout;
use tonic::Status;
use tracing::{error, info, warn};

use crate::limits::{MAX_READS, READ_AHEAD_BATCHES, READ_START_TIMEOUT, READER_TIMEOUT};
use crate::wire::StreamDigest;
use crate::wire::v1::{End, ReadTransactionsResponse, read_transactions_response::Message};
use crate::{LogReader, SinkError, status, thread};

/// The messages of a read.
pub(super) type Messages = mpsc::Receiver<Result<ReadTransactionsResponse, Status>>;

/// All reads of the log.
#[derive(Clone, Debug)]
pub(super) struct Reads<R> {
    reader: R,
    running: Arc<Semaphore>,
}

/// Why a read did not reach its end.
#[derive(Debug)]
enum Interrupted {
    Log(SinkError),
    /// The reader disconnected, or stopped reading, or the service is stopping.
    Reader(Status),
}

impl From<End> for ReadTransactionsResponse {
    fn from(end: End) -> Self {
        Self { message: Some(Message::End(end)) }
    }
}

impl<R: LogReader> Reads<R> {
    pub(super) fn of(reader: R) -> Self {
        Self { reader, running: Arc::new(Semaphore::new(MAX_READS)) }
    }

    /// Begins to read `lsns`. The read ends early when `stopping` completes.
    pub(super) async fn begin(
        &self,
        caller: String,
        lsns: RangeInclusive<Lsn>,
        stopping: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Messages, Status> {
        let permit = timeout(READ_START_TIMEOUT, Arc::clone(&self.running).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            let what = format!("{MAX_READS} reads are running, and none ended within {READ_START_TIMEOUT:?}");
            return Err(Status::resource_exhausted(what));
        };
        // The last slot is kept for the message that ends the stream.
        let (batches, messages) = mpsc::channel(READ_AHEAD_BATCHES + 1);
        let reader = self.reader.clone();
        let work = move || async move {
            let Ok(last) = batches.clone().try_reserve_owned() else { return };
            info!(caller, from = lsns.start(), upto = lsns.end(), "a read begins");
            let ended = read(&reader, lsns, &batches, stopping).await;
            report(&caller, &ended);
            last.send(ended.map(Into::into).map_err(|interrupted| match interrupted {
                Interrupted::Log(e) => status::of(&e),
                Interrupted::Reader(status) => status,
            }));
        };
        let started = thread::run("txnd-read", work, move |()| drop(permit));
        started.map_err(|e| Status::resource_exhausted(format!("cannot start the thread of a read: {e}")))?;
        Ok(messages)
    }
}

fn report(caller: &str, ended: &Result<End, Interrupted>) {
    match ended {
        Ok(end) => info!(caller, batches = end.batches, records = end.records, "a read reached its end"),
        Err(Interrupted::Reader(status)) => warn!(caller, %status, "a read was aborted"),
        Err(Interrupted::Log(e)) if e.is_retryable() => warn!(caller, error = %e, "the log is temporarily unreadable"),
        // Damaged or rejected data does not affect what is appended.
        Err(Interrupted::Log(e)) => error!(caller, error = %e, "the log cannot be read"),
    }
}

/// Sends every durable batch that holds a record of `lsns` to `batches`. Returns the message that ends the stream.
async fn read(
    reader: &impl LogReader,
    lsns: RangeInclusive<Lsn>,
    batches: &mpsc::Sender<Result<ReadTransactionsResponse, Status>>,
    stopping: impl Future<Output = ()>,
) -> Result<End, Interrupted> {
    let mut digest = StreamDigest::default();
    let stalled = Notify::new();
    let mut visit = async |batch: &Batch| -> Result<(), BatchError> {
        digest.add(batch);
        let message = ReadTransactionsResponse { message: Some(Message::Batch(batch.to_bytes())) };
        match timeout(READER_TIMEOUT, batches.send(Ok(message))).await {
            Ok(Ok(())) => Ok(()),
            // The read is dropped here: an error would have to be explained by the log.
            Ok(Err(_gone)) => pending().await,
            Err(_elapsed) => {
                stalled.notify_one();
                pending().await
            }
        }
    };
    let ended = tokio::select! {
        biased;
        bounds = pin!(reader.read(lsns, &mut visit)) => bounds.map_err(Interrupted::Log),
        () = stalled.notified() => Err(Interrupted::Reader(Status::deadline_exceeded(format!(
            "the reader took nothing for {READER_TIMEOUT:?}; read again"
        )))),
        () = batches.closed() => Err(Interrupted::Reader(Status::cancelled("the reader disconnected"))),
        () = stopping => Err(Interrupted::Reader(status::stopping())),
    };
    ended.map(|bounds| digest.end(bounds))
}

#[cfg(test)]
mod tests {
    use proto::{BatchBuffer, Chain, Key, Op, ValueRef};
    use tonic::Code;

    use super::*;
    use crate::Bounds;

    /// A log of three batches.
    #[derive(Clone)]
    struct Three;

    impl LogReader for Three {
        async fn bounds(&self) -> Result<Bounds, SinkError> {
            Ok(Bounds { oldest: 1, durable: Chain::start(1) })
        }

        async fn read(
            &self,
            _: RangeInclusive<Lsn>,
            visit: &mut impl AsyncFnMut(&Batch) -> Result<(), BatchError>,
        ) -> Result<Bounds, SinkError> {
            let mut durable = Chain::start(1);
            for _ in 0..3 {
                let mut buffer = BatchBuffer::new(durable.lsn + 1, Vec::new());
                buffer.push(&Op::Put { key: Key::new(b"k").unwrap(), value: ValueRef::Int(1) }, proto::Effect::None, 0);
                let batch = buffer.seal(&durable, 1, 0);
                visit(&batch).await.unwrap();
                durable = durable.after(&batch);
            }
            Ok(Bounds { oldest: 1, durable })
        }
    }

    async fn ending(batches: mpsc::Sender<Result<ReadTransactionsResponse, Status>>) -> Code {
        match read(&Three, 1..=Lsn::MAX, &batches, pending()).await {
            Err(Interrupted::Reader(status)) => status.code(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_is_given_up() {
        let (batches, _taken_by_nobody) = mpsc::channel(1);
        let began = tokio::time::Instant::now();
        assert_eq!(ending(batches).await, Code::DeadlineExceeded);
        assert!(began.elapsed() >= READER_TIMEOUT);
    }

    #[tokio::test]
    async fn a_reader_that_goes_is_given_up() {
        let (batches, taken) = mpsc::channel(1);
        drop(taken);
        assert_eq!(ending(batches).await, Code::Cancelled);
    }
}
