//! Reads of the log and of its checkpoints. Each has its own thread, because files are read there, and blocks neither the
//! writer nor the server. It gives way to writers, unless it is the writer who reads. The number of reads is limited. Their memory
//! is limited by how fast their readers read, and their time by a timeout for slow readers.

use std::cell::Cell;
use std::future::pending;
use std::ops::RangeInclusive;
use std::pin::pin;
use std::sync::Arc;

use proto::{Batch, Lsn};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::timeout;
use tonic::Status;
use tracing::{error, info, warn};

use crate::limits::{MAX_READS, READ_AHEAD_BATCHES, READ_START_TIMEOUT, READER_TIMEOUT};
use crate::wire::StreamDigest;
use crate::wire::v1::{
    ListCheckpointsResponse, ReadCheckpointResponse, ReadTransactionsResponse, read_transactions_response::Message,
};
use crate::{LogReader, SinkError, VisitError, status, thread};

/// The messages of a read.
pub(super) type Messages<M> = mpsc::Receiver<Result<M, Status>>;

/// Who reads.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) caller: String,
    /// Whether it is the writer that recovers: nobody writes meanwhile.
    pub(super) is_writer: bool,
}

/// All reads of the log.
#[derive(Clone, Debug)]
pub(super) struct Reads<R> {
    reader: R,
    running: Arc<Semaphore>,
}

/// Where a read sends its messages.
struct Outlet<M> {
    messages: mpsc::Sender<Result<M, Status>>,
    stalled: Notify,
    /// Number of messages that were sent.
    sent: Cell<u64>,
}

/// Why a read did not reach its end.
#[derive(Debug)]
enum Interrupted {
    Log(SinkError),
    /// The reader disconnected, or stopped reading, or the service is stopping.
    Reader(Status),
}

impl<M> Outlet<M> {
    /// Sends a message. If the reader has gone or takes nothing, this does not return: [`read`] is then dropped.
    async fn send(&self, message: M) {
        match timeout(READER_TIMEOUT, self.messages.send(Ok(message))).await {
            Ok(Ok(())) => self.sent.set(self.sent.get() + 1),
            Ok(Err(_gone)) => pending().await,
            Err(_elapsed) => {
                self.stalled.notify_one();
                pending().await
            }
        }
    }
}

impl<R: LogReader> Reads<R> {
    pub(super) fn of(reader: R) -> Self {
        Self { reader, running: Arc::new(Semaphore::new(MAX_READS)) }
    }

    /// Begins to read the records of `lsns`. The read ends early when `stopping` completes.
    pub(super) async fn log(
        &self,
        reader: Reader,
        lsns: RangeInclusive<Lsn>,
        stopping: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Messages<ReadTransactionsResponse>, Status> {
        let what = format!("lsn {} to {}", lsns.start(), lsns.end());
        self.begin(reader, what, stopping, async move |reader: R, outlet: &Outlet<_>| {
            let mut digest = StreamDigest::default();
            let mut visit = async |batch: &Batch| -> Result<(), VisitError> {
                digest.add(batch);
                let message = Message::Batch(batch.to_bytes());
                outlet.send(ReadTransactionsResponse { message: Some(message) }).await;
                Ok(())
            };
            let bounds = reader.read(lsns, &mut visit).await?;
            Ok(Some(ReadTransactionsResponse { message: Some(Message::End(digest.end(bounds))) }))
        })
        .await
    }

    /// Begins to read the checkpoint with this base.
    pub(super) async fn checkpoint(
        &self,
        reader: Reader,
        base: Lsn,
        stopping: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Messages<ReadCheckpointResponse>, Status> {
        let what = format!("the checkpoint of lsn {base}");
        self.begin(reader, what, stopping, async move |reader: R, outlet: &Outlet<_>| {
            let found = reader.checkpoints().await?.into_iter().find(|checkpoint| checkpoint.base == base);
            let Some(checkpoint) = found else {
                return Err(SinkError::Failed(format!("there is no checkpoint of lsn {base} any more")));
            };
            let mut visit = async |batch: &Batch| -> Result<(), VisitError> {
                outlet.send(ReadCheckpointResponse { batch: batch.to_bytes() }).await;
                Ok(())
            };
            reader.read_checkpoint(&checkpoint, &mut visit).await?;
            Ok(None)
        })
        .await
    }

    /// Begins to list the checkpoints; the list is the only message.
    pub(super) async fn checkpoints(
        &self,
        reader: Reader,
        stopping: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Messages<ListCheckpointsResponse>, Status> {
        self.begin(reader, "the list of checkpoints".into(), stopping, async move |reader: R, _: &Outlet<_>| {
            let checkpoints = reader.checkpoints().await?.into_iter().map(Into::into).collect();
            Ok(Some(ListCheckpointsResponse { checkpoints }))
        })
        .await
    }

    /// Begins a read in a thread of its own. What `work` returns is sent last.
    async fn begin<M: Send + 'static>(
        &self,
        Reader { caller, is_writer }: Reader,
        what: String,
        stopping: impl Future<Output = ()> + Send + 'static,
        work: impl AsyncFnOnce(R, &Outlet<M>) -> Result<Option<M>, SinkError> + Send + 'static,
    ) -> Result<Messages<M>, Status> {
        let permit = timeout(READ_START_TIMEOUT, Arc::clone(&self.running).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            let what = format!("{MAX_READS} reads are running, and none ended within {READ_START_TIMEOUT:?}");
            return Err(Status::resource_exhausted(what));
        };
        // The last slot is kept for the message that ends the stream.
        let (messages, taken) = mpsc::channel(READ_AHEAD_BATCHES + 1);
        let reader = self.reader.clone();
        let work = move || async move {
            let Ok(last) = messages.clone().try_reserve_owned() else { return };
            info!(caller, what, "a read begins");
            let outlet = Outlet { messages, stalled: Notify::new(), sent: Cell::new(0) };
            let ended = read(work(reader, &outlet), &outlet, stopping).await;
            report(&caller, &what, outlet.sent.get(), &ended);
            match ended {
                Ok(Some(message)) => drop(last.send(Ok(message))),
                Ok(None) => {}
                Err(Interrupted::Log(e)) => drop(last.send(Err(status::of(&e)))),
                Err(Interrupted::Reader(status)) => drop(last.send(Err(status))),
            }
        };
        let then = move |()| drop(permit);
        let started = if is_writer {
            thread::run("txnd-recovery", work, then)
        } else {
            thread::run_giving_way("txnd-read", work, then)
        };
        started.map_err(|e| Status::resource_exhausted(format!("cannot start the thread of a read: {e}")))?;
        Ok(taken)
    }
}

fn report<M>(caller: &str, what: &str, batches: u64, ended: &Result<M, Interrupted>) {
    match ended {
        Ok(_) => info!(caller, what, batches, "a read reached its end"),
        Err(Interrupted::Reader(status)) => warn!(caller, what, batches, %status, "a read was aborted"),
        Err(Interrupted::Log(e)) if e.is_retryable() => {
            warn!(caller, what, error = %e, "the log is temporarily unreadable");
        }
        // Damaged or rejected data does not affect what is appended.
        Err(Interrupted::Log(e)) => error!(caller, what, error = %e, "the log cannot be read"),
    }
}

/// Carries out a read, until its reader is gone or the service is `stopping`.
async fn read<M, T>(
    work: impl Future<Output = Result<T, SinkError>>,
    outlet: &Outlet<M>,
    stopping: impl Future<Output = ()>,
) -> Result<T, Interrupted> {
    tokio::select! {
        biased;
        done = pin!(work) => done.map_err(Interrupted::Log),
        () = outlet.stalled.notified() => Err(Interrupted::Reader(Status::deadline_exceeded(format!(
            "the reader took nothing for {READER_TIMEOUT:?}; read again"
        )))),
        () = outlet.messages.closed() => Err(Interrupted::Reader(Status::cancelled("the reader disconnected"))),
        () = stopping => Err(Interrupted::Reader(status::stopping())),
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    /// How a read of three messages ends.
    async fn ending(messages: mpsc::Sender<Result<u8, Status>>) -> Code {
        let outlet = Outlet { messages, stalled: Notify::new(), sent: Cell::new(0) };
        let work = async {
            for number in 0..3 {
                outlet.send(number).await;
            }
            Ok(())
        };
        match read(work, &outlet, pending()).await {
            Err(Interrupted::Reader(status)) => status.code(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_is_given_up() {
        let (messages, _taken_by_nobody) = mpsc::channel(1);
        let began = tokio::time::Instant::now();
        assert_eq!(ending(messages).await, Code::DeadlineExceeded);
        assert!(began.elapsed() >= READER_TIMEOUT);
    }

    #[tokio::test]
    async fn a_reader_that_goes_is_given_up() {
        let (messages, taken) = mpsc::channel(1);
        drop(taken);
        assert_eq!(ending(messages).await, Code::Cancelled);
    }
}
