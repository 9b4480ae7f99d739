//! The one thread that owns the sink: terms, and group commit.
//!
//! Everything that has been received is appended, up to [`MAX_IN_FLIGHT`] batches beyond what is durable; then it becomes durable
//! as one group, while the next one comes in. What was appended becomes durable also when its stream has gone.
//!
//! One stream is attached at a time. It is detached by a newer term (its writer is fenced), by a newer stream of its own
//! term (its connection may be half-open), by an error, or when its writer goes.

use std::collections::VecDeque;
use std::future::pending;
use std::time::{Duration, Instant};

use proto::{Chain, Lsn};
use tokio::sync::{mpsc, oneshot, watch};
use tonic::Status;
use tracing::{error, info, warn};

use super::reading::{Interrupted, read};
use super::stream::{Attached, Item, Received};
use super::{measures, stopping};
use crate::limits::{QUEUED_CALLS, STOP_WITHIN};
use crate::wire::v1::ReadTransactionsResponse;
use crate::{MAX_IN_FLIGHT, Opened, Sink, SinkError, status};

/// A call that the log's thread answers, one after the other.
#[derive(Debug)]
pub(super) enum Command {
    Open { caller: String, reply: oneshot::Sender<Result<Opened, SinkError>> },
    Resume { stream: Attached, reply: oneshot::Sender<Result<Chain, SinkError>> },
    Read { caller: String, term: Opened, from: Lsn, batches: mpsc::Sender<Result<ReadTransactionsResponse, Status>> },
    Stop { within: Duration, done: oneshot::Sender<bool> },
}

/// The thread that owns a sink.
#[derive(Debug)]
pub struct LogThread {
    calls: mpsc::Sender<Command>,
    usable: watch::Receiver<bool>,
    failure: watch::Receiver<Option<SinkError>>,
}

impl LogThread {
    /// Starts the thread. The sink is opened when the first writer asks for it.
    pub fn start<S: Sink + Send + 'static>(sink: S) -> std::io::Result<Self> {
        let (calls, commands) = mpsc::channel(QUEUED_CALLS);
        let (health, usable) = watch::channel(true);
        let (failed, failure) = watch::channel(None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("txnd-log".into()).spawn(move || {
            let done = runtime.block_on(Keeper::new(sink, commands, health, failed).run());
            // The sink, and whatever it left in the runtime, is gone by now: its storage is free for another process.
            drop(runtime);
            done.map(|(done, complete)| done.send(complete))
        })?;
        Ok(Self { calls, usable, failure })
    }

    /// Ends all streams after making durable, and acknowledging, what was received, if that can be done `within` this time. The
    /// term goes on: its writer can resume it from whoever has the log next. Returns when the sink is dropped, or
    /// when it has not come to an end of its last call for as long again; whether everything received is durable.
    pub async fn stop(&self, within: Duration) -> bool {
        let (done, stopped) = oneshot::channel();
        let stop = async {
            // An error means that the thread has ended in another way.
            self.calls.send(Command::Stop { within, done }).await.is_ok() && stopped.await.unwrap_or(false)
        };
        tokio::time::timeout(2 * within, stop).await.unwrap_or(false)
    }

    /// Waits until the log has failed for good. It then answers every call with this error.
    pub async fn failed(&self) -> SinkError {
        let mut failure = self.failure.clone();
        let failed = failure.wait_for(Option::is_some).await.ok().and_then(|error| error.clone());
        failed.unwrap_or_else(|| SinkError::Failed("the log's thread has ended".into()))
    }

    /// Returns when the thread takes no more calls: it was stopped, or has panicked.
    pub async fn ended(&self) {
        self.calls.closed().await;
    }

    pub(super) fn calls(&self) -> mpsc::Sender<Command> {
        self.calls.clone()
    }

    /// Whether the sink can be used, as far as its last call has shown.
    pub fn usable(&self) -> watch::Receiver<bool> {
        self.usable.clone()
    }
}

/// A sink in use.
struct Keeper<S> {
    sink: S,
    commands: mpsc::Receiver<Command>,
    /// The command that interrupted a read.
    postponed: Option<Command>,
    /// The term that the sink is open for. None before the first one, after its end, and after an error that it must be
    /// resumed from.
    term: Option<Opened>,
    stream: Option<Attached>,
    /// What was appended and is not durable, in order: last lsn, time of receipt.
    in_flight: VecDeque<(Lsn, Instant)>,
    durable: Lsn,
    /// Why the sink must not be used any more.
    failed: Option<SinkError>,
    health: watch::Sender<bool>,
    failure: watch::Sender<Option<SinkError>>,
}

/// What comes next.
enum Event {
    Command(Option<Command>),
    Item(Option<Item>),
    Durable(Result<Lsn, SinkError>),
}

impl<S: Sink> Keeper<S> {
    fn new(
        sink: S,
        commands: mpsc::Receiver<Command>,
        health: watch::Sender<bool>,
        failure: watch::Sender<Option<SinkError>>,
    ) -> Self {
        Self {
            sink,
            commands,
            postponed: None,
            term: None,
            stream: None,
            in_flight: VecDeque::with_capacity(MAX_IN_FLIGHT),
            durable: 0,
            failed: None,
            health,
            failure,
        }
    }

    /// Runs until it is told to stop, or nobody can tell it anything any more. Returns whom to tell, and
    /// whether everything that was received is durable.
    async fn run(mut self) -> Option<(oneshot::Sender<bool>, bool)> {
        loop {
            match self.next().await {
                Event::Item(item) => self.take(item).await,
                Event::Durable(Ok(durable)) => self.note_durable(durable),
                Event::Durable(Err(e)) => self.broke("making durable", e),
                Event::Command(Some(Command::Open { caller, reply })) => self.open(caller, reply).await,
                Event::Command(Some(Command::Resume { stream, reply })) => self.resume(stream, reply).await,
                Event::Command(Some(Command::Read { caller, term, from, batches })) => {
                    self.read(&caller, term, from, batches).await;
                }
                Event::Command(Some(Command::Stop { within, done })) => {
                    let complete = self.stop(within).await;
                    return Some((done, complete));
                }
                Event::Command(None) => {
                    self.stop(STOP_WITHIN).await;
                    return None;
                }
            }
        }
    }

    async fn next(&mut self) -> Event {
        if let Some(command) = self.postponed.take() {
            return Event::Command(Some(command));
        }
        let room = self.in_flight.len() < MAX_IN_FLIGHT;
        if room && let Some(item) = self.stream.as_mut().and_then(|stream| stream.items.try_recv().ok()) {
            return Event::Item(Some(item));
        }
        let Self { sink, commands, stream, in_flight, .. } = self;
        tokio::select! {
            // In this order: a sink that blocks in `durable` is asked after everything that is there was appended.
            biased;
            command = commands.recv() => Event::Command(command),
            durable = sink.durable(), if !in_flight.is_empty() => Event::Durable(durable),
            item = next_item(stream), if room => Event::Item(item),
        }
    }

    async fn take(&mut self, item: Option<Item>) {
        match item {
            Some(Item::Batch(received)) => self.append(received).await,
            Some(Item::Close) => match self.sink.close().await {
                Ok(()) => {
                    self.note_durable(self.in_flight.back().map_or(self.durable, |(last, _)| *last));
                    self.term = None;
                    self.end_stream(Ok(()), "the writer has closed its term");
                }
                Err(e) => self.broke("closing", e),
            },
            Some(Item::Wrong(status)) => self.refuse(status),
            None => self.end_stream(Err(Status::cancelled("the writer gave up the stream")), "the writer has gone"),
        }
    }

    async fn append(&mut self, Received { batch, at, .. }: Received) {
        let claimed = batch.durable_lsn();
        if claimed > self.durable {
            // In the log it would testify that records are safe which may not be.
            let durable = self.durable;
            let what =
                format!("a batch says that lsn {claimed} is durable; the writer cannot know of more than {durable}");
            return self.refuse(Status::failed_precondition(what));
        }
        match self.sink.append(&batch).await {
            Ok(()) => {
                let (last, back) = (batch.last_lsn(), self.in_flight.back());
                if last > back.map_or(self.durable, |(last, _)| *last) {
                    self.in_flight.push_back((last, at));
                }
            }
            Err(e @ (SinkError::Gap { .. } | SinkError::Conflict { .. })) => self.refuse(status::of(&e)),
            Err(e) => self.broke("appending", e),
        }
    }

    fn note_durable(&mut self, durable: Lsn) {
        let before = self.in_flight.len();
        while let Some((_, received)) = self.in_flight.pop_front_if(|(last, _)| *last <= durable) {
            measures::became_durable(received);
        }
        measures::durable(durable, before - self.in_flight.len());
        self.durable = durable;
        self.health.send_if_modified(|usable| !std::mem::replace(usable, true));
        if let Some(stream) = &self.stream {
            stream.note_durable(durable);
        }
    }

    async fn open(&mut self, caller: String, reply: oneshot::Sender<Result<Opened, SinkError>>) {
        // A caller that has gone would fence a writer that works.
        if reply.is_closed() {
            return;
        }
        if let Some(failed) = self.failed.clone() {
            let _ = reply.send(Err(failed));
            return;
        }
        let opened = self.sink.open().await;
        match &opened {
            Ok(opened) => {
                info!(caller, epoch = opened.epoch, lsn = opened.chain.lsn, "a term begins");
                measures::term(opened.epoch);
                if let Some(stream) = &self.stream {
                    let fenced = SinkError::Fenced { own: stream.term.epoch, newer: opened.epoch };
                    self.end_stream(Err(status::of(&fenced)), "a newer term has begun");
                }
                self.in_flight.clear();
                self.term = Some(*opened);
                self.note_durable(opened.chain.lsn);
            }
            // Not for good: what it fails for may be put right, and opening tried again.
            Err(e) => self.lose("opening", e),
        }
        let _ = reply.send(opened);
    }

    async fn resume(&mut self, stream: Attached, reply: oneshot::Sender<Result<Chain, SinkError>>) {
        if reply.is_closed() {
            return;
        }
        let refused = self.failed.clone().or_else(|| self.term.and_then(|current| fenced(&stream, &current)));
        if let Some(refused) = refused {
            let _ = reply.send(Err(refused));
            return;
        }
        let taken_over = Status::aborted("another stream of this writer has taken over");
        self.end_stream(Err(taken_over), "another stream takes over");
        self.in_flight.clear();
        let (term, caller) = (stream.term, stream.caller.clone());
        let resumed = self.sink.resume(&term).await;
        match &resumed {
            Ok(chain) => {
                info!(caller, epoch = term.epoch, lsn = chain.lsn, "a writer's stream begins");
                measures::term(term.epoch);
                self.term = Some(term);
                self.stream = Some(stream);
                self.note_durable(chain.lsn);
            }
            Err(e) => {
                warn!(caller, epoch = term.epoch, error = %e, "the term cannot be resumed");
                measures::sink_error();
                self.term = None;
                if e.is_retryable() {
                    self.health.send_replace(false);
                }
            }
        }
        let _ = reply.send(resumed);
    }

    async fn read(
        &mut self,
        caller: &str,
        term: Opened,
        from: Lsn,
        batches: mpsc::Sender<Result<ReadTransactionsResponse, Status>>,
    ) {
        let Ok(last) = batches.clone().try_reserve_owned() else { return };
        if let Err(status) = self.check_reader(&term) {
            last.send(Err(status));
            return;
        }
        info!(caller, epoch = term.epoch, from, "a read begins");
        let next = next_command(&mut self.commands, &term);
        let end = match read(&mut self.sink, from, &batches, next).await {
            Ok(end) => {
                info!(caller, batches = end.batches, records = end.records, "a read has reached the end of the log");
                Ok(end.into())
            }
            Err(Interrupted::Command(command)) => {
                warn!(caller, "a read is given up for another call");
                // None says that there will be no more commands; it is said again.
                self.postponed = command;
                Err(Status::unavailable("another call has interrupted the reading"))
            }
            Err(Interrupted::Reader(status)) => {
                warn!(caller, %status, "a read is given up");
                Err(status)
            }
            Err(Interrupted::Sink(e)) => {
                let status = status::of(&e);
                match e {
                    // The term goes on; what is damaged or refused does not concern what is appended.
                    SinkError::Corrupt { .. } | SinkError::Failed(_) => {
                        error!(caller, error = %e, "the log cannot be read")
                    }
                    e => self.broke("reading", e),
                }
                Err(status)
            }
        };
        last.send(end);
    }

    fn check_reader(&self, term: &Opened) -> Result<(), Status> {
        if let Some(failed) = &self.failed {
            return Err(status::of(failed));
        }
        match &self.term {
            None => Err(Status::unavailable("the service holds no term; resume it, then read")),
            Some(current) if term.epoch < current.epoch => {
                Err(status::of(&SinkError::Fenced { own: term.epoch, newer: current.epoch }))
            }
            Some(current) if (term.epoch, term.chain.log_id) == (current.epoch, current.chain.log_id) => Ok(()),
            Some(_) => Err(Status::failed_precondition("the term is not one of this log")),
        }
    }

    /// Ends the stream because of what its writer has sent; the sink is as it was.
    fn refuse(&mut self, status: Status) {
        if let Some(stream) = &self.stream {
            warn!(caller = stream.caller, epoch = stream.term.epoch, %status, "a stream's message is refused");
        }
        self.end_stream(Err(status), "of what was sent");
    }

    /// Notes an error of the current term. One that is for good stays so: what the sink holds then is not certain.
    fn broke(&mut self, doing: &str, error: SinkError) {
        self.lose(doing, &error);
        if let SinkError::Failed(_) = error {
            self.failed = Some(error.clone());
            self.failure.send_replace(Some(error));
        }
    }

    /// Ends the term here; the sink must be resumed, or opened.
    fn lose(&mut self, doing: &str, error: &SinkError) {
        measures::sink_error();
        let ending = match error {
            SinkError::Failed(_) => {
                error!(doing, %error, "the log has failed");
                status::of(error)
            }
            SinkError::Fenced { .. } => {
                warn!(doing, %error, "the writer is fenced");
                status::of(error)
            }
            _ => {
                warn!(doing, %error, "the log cannot be used for now");
                // Whatever another one's call ran into, the stream's writer may try again.
                Status::unavailable(error.to_string())
            }
        };
        if !matches!(error, SinkError::Fenced { .. }) {
            self.health.send_replace(false);
        }
        self.in_flight.clear();
        self.term = None;
        self.end_stream(Err(ending), "of an error");
    }

    fn end_stream(&mut self, ending: Result<(), Status>, why: &str) {
        if let Some(stream) = self.stream.take() {
            info!(
                caller = stream.caller,
                epoch = stream.term.epoch,
                durable = self.durable,
                why,
                "a writer's stream ends"
            );
            stream.end(ending);
        }
    }

    /// Makes durable what was received, and ends the stream. The sink is not closed: that would end the writer's term.
    async fn stop(&mut self, within: Duration) -> bool {
        self.commands.close();
        if let Some(stream) = &mut self.stream {
            stream.items.close();
        }
        let was_open = self.term.is_some();
        let finished = tokio::time::timeout(within, self.finish()).await.is_ok();
        // An error on the way closes the term here.
        let complete = finished && self.term.is_some() == was_open;
        if !complete {
            warn!(batches = self.in_flight.len(), "stopping before everything that was received is durable");
        }
        self.end_stream(Err(stopping()), "the service stops");
        complete
    }

    async fn finish(&mut self) {
        loop {
            while self.in_flight.len() < MAX_IN_FLIGHT
                && let Some(item) = self.stream.as_mut().and_then(|stream| stream.items.try_recv().ok())
            {
                self.take(Some(item)).await;
            }
            if self.in_flight.is_empty() {
                return;
            }
            match self.sink.durable().await {
                Ok(durable) => self.note_durable(durable),
                Err(e) => self.broke("making durable", e),
            }
        }
    }
}

/// The next message of the stream, if one is attached; `None` when its writer has gone.
async fn next_item(stream: &mut Option<Attached>) -> Option<Item> {
    match stream {
        Some(stream) => stream.items.recv().await,
        None => pending().await,
    }
}

/// The next command that concerns the writer of `current`. One that it has fenced is told so: it must not
/// interrupt a read.
async fn next_command(commands: &mut mpsc::Receiver<Command>, current: &Opened) -> Option<Command> {
    loop {
        match commands.recv().await {
            Some(Command::Resume { stream, reply }) => match fenced(&stream, current) {
                Some(fenced) => drop(reply.send(Err(fenced))),
                None => return Some(Command::Resume { stream, reply }),
            },
            Some(Command::Read { term, batches, .. }) if term.epoch < current.epoch => {
                let fenced = SinkError::Fenced { own: term.epoch, newer: current.epoch };
                // Its place for the last message is free: nothing was sent.
                let _ = batches.try_send(Err(status::of(&fenced)));
            }
            command => return command,
        }
    }
}

/// Why `stream` cannot take the place of `current`, if it is of an earlier term.
fn fenced(stream: &Attached, current: &Opened) -> Option<SinkError> {
    let (own, newer) = (stream.term.epoch, current.epoch);
    (own < newer).then_some(SinkError::Fenced { own, newer })
}
