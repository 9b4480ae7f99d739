//! The one thread that owns the sink: terms, and group commit.
//!
//! Everything that was received is appended, up to [`MAX_IN_FLIGHT`](crate::MAX_IN_FLIGHT) batches beyond what is durable.
//! Then it becomes durable as one group, while the next group is received. What was appended becomes durable even if its
//! stream has ended.
//!
//! One stream is attached at a time. It is detached by a newer term (its writer is fenced), by a newer stream of its own
//! term (its connection may be half-open), by an error, or when its writer disconnects.

use std::future::pending;
use std::time::{Duration, Instant};

use proto::{Chain, Lsn};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tonic::Status;
use tracing::{error, info, warn};

use super::checkpointing::{self, Receiving, Running};
use super::state::{LogCheck, LogState};
use super::stream::{Attached, Item, Received};
use crate::limits::{QUEUED_CALLS, STOP_TIMEOUT};
use crate::meters::{self, Waiting};
use crate::{Checkpoint, InFlight, LogWriter, SinkError, TERM_CHECK_INTERVAL, Term, Terms, status, thread};

/// A call that the log's thread carries out, one at a time.
#[derive(Debug)]
pub(super) enum Command {
    Open { caller: String, reply: oneshot::Sender<Result<(Term, Terms), SinkError>> },
    Resume { stream: Attached, reply: oneshot::Sender<Result<Chain, SinkError>> },
    BeginCheckpoint { term: Term, base: Lsn, reply: oneshot::Sender<Result<Receiving, SinkError>> },
    KeepCheckpoint { term: Term, base: Lsn, begins_log: bool, reply: oneshot::Sender<Result<Checkpoint, SinkError>> },
    Stop { within: Duration, done: oneshot::Sender<bool> },
}

/// The thread that owns a sink, and a reader of the same log.
#[derive(Debug)]
pub struct LogThread<R> {
    calls: mpsc::Sender<Command>,
    state: watch::Receiver<LogState>,
    reader: R,
}

impl<R: Clone> LogThread<R> {
    /// Starts the thread. The sink is opened on the first writer's request.
    pub fn start<S: LogWriter<Reader = R> + Send + 'static>(sink: S) -> std::io::Result<Self> {
        let (calls, commands) = mpsc::channel(QUEUED_CALLS);
        let (tell, state) = watch::channel(LogState::new());
        let reader = sink.reader();
        let work = move || SinkActor::new(sink, commands, tell).run();
        // Called when the sink has been dropped: its storage is free for another process.
        let tell_stopped = |stopped: Option<(oneshot::Sender<bool>, bool)>| {
            if let Some((done, complete)) = stopped {
                // The caller may have stopped waiting.
                let _ = done.send(complete);
            }
        };
        thread::run("txnd-log", work, tell_stopped)?;
        Ok(Self { calls, state, reader })
    }

    /// Ends all streams. First, what was received becomes durable and is acknowledged, if that can be done `within`
    /// this time. The term continues: its writer can resume it from the next owner of the log. Returns when the sink
    /// has been dropped, or when its last call has not finished after the same time again. Returns whether everything
    /// received is durable.
    pub async fn stop(&self, within: Duration) -> bool {
        let (done, stopped) = oneshot::channel();
        let stop = async {
            // An error means that the thread has ended in another way.
            self.calls.send(Command::Stop { within, done }).await.is_ok() && stopped.await.unwrap_or(false)
        };
        tokio::time::timeout(2 * within, stop).await.unwrap_or(false)
    }

    /// Waits until the log has failed permanently. It then rejects every call with this error.
    pub async fn failed(&self) -> SinkError {
        let mut state = self.state.clone();
        let failed = state.wait_for(|state| state.failed.is_some()).await.ok().and_then(|state| state.failed.clone());
        failed.unwrap_or_else(|| SinkError::Failed("the log's thread has ended".into()))
    }

    /// Returns when the thread accepts no more calls, because it was stopped or has panicked.
    pub async fn ended(&self) {
        self.calls.closed().await;
    }

    pub(super) fn calls(&self) -> mpsc::Sender<Command> {
        self.calls.clone()
    }

    /// For the operator.
    pub fn check(&self) -> LogCheck {
        LogCheck::new(self.state())
    }

    pub(super) fn state(&self) -> watch::Receiver<LogState> {
        self.state.clone()
    }

    pub(super) fn reader(&self) -> R {
        self.reader.clone()
    }
}

/// A sink in use.
struct SinkActor<S: LogWriter> {
    sink: S,
    commands: mpsc::Receiver<Command>,
    state: watch::Sender<LogState>,
    stream: Option<Attached>,
    /// What was appended and is not durable.
    in_flight: InFlight<Appended>,
    /// The checkpoint that is being received, or was received and is not in use yet.
    checkpoint: Option<Running<S::Checkpoint>>,
    term_check: Interval,
}

/// A batch that was appended.
#[derive(Debug)]
struct Appended {
    received: Instant,
    bytes: usize,
}

/// The next event.
enum Event {
    Command(Option<Command>),
    Item(Option<Item>),
    Durable(Result<Lsn, SinkError>),
    /// A writer has been idle for a while.
    Idle,
}

impl<S: LogWriter> SinkActor<S> {
    fn new(sink: S, commands: mpsc::Receiver<Command>, state: watch::Sender<LogState>) -> Self {
        let mut term_check = interval(TERM_CHECK_INTERVAL);
        term_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { sink, commands, state, stream: None, in_flight: InFlight::beyond(0), checkpoint: None, term_check }
    }

    fn term(&self) -> Option<Term> {
        self.state.borrow().term
    }

    fn set_term(&self, term: Option<Term>) {
        self.state.send_modify(|state| state.term = term);
    }

    fn set_usable(&self, usable: bool) {
        self.state.send_if_modified(|state| std::mem::replace(&mut state.usable, usable) != usable);
    }

    /// Runs until it is told to stop, or until all handles are dropped. Returns where to report the stop, and whether
    /// everything that was received is durable.
    async fn run(mut self) -> Option<(oneshot::Sender<bool>, bool)> {
        loop {
            match self.next().await {
                Event::Item(item) => self.take(item).await,
                Event::Durable(Ok(durable)) => self.note_durable(durable),
                Event::Durable(Err(e)) => self.broke("making durable", e),
                Event::Command(Some(Command::Open { caller, reply })) => self.open(caller, reply).await,
                Event::Command(Some(Command::Resume { stream, reply })) => self.resume(stream, reply).await,
                Event::Command(Some(Command::BeginCheckpoint { term, base, reply })) => {
                    let _ = reply.send(self.begin_checkpoint(&term, base));
                }
                Event::Command(Some(Command::KeepCheckpoint { term, base, begins_log, reply })) => {
                    let _ = reply.send(self.keep_checkpoint(&term, base, begins_log).await);
                }
                Event::Idle => self.check_term().await,
                Event::Command(Some(Command::Stop { within, done })) => {
                    let complete = self.stop(within).await;
                    return Some((done, complete));
                }
                Event::Command(None) => {
                    self.stop(STOP_TIMEOUT).await;
                    return None;
                }
            }
        }
    }

    async fn next(&mut self) -> Event {
        let (room, idle) = (self.in_flight.has_room(), self.in_flight.is_empty() && self.term().is_some());
        if room && let Some(item) = self.stream.as_mut().and_then(|stream| stream.items.try_recv().ok()) {
            return Event::Item(Some(item));
        }
        let Self { sink, commands, stream, in_flight, term_check, .. } = self;
        tokio::select! {
            // In this order: `durable` of a sink that blocks is called only after everything available was appended.
            biased;
            command = commands.recv() => Event::Command(command),
            durable = sink.durable(), if !in_flight.is_empty() => Event::Durable(durable),
            item = next_item(stream), if room => Event::Item(item),
            _ = term_check.tick(), if idle => Event::Idle,
        }
    }

    async fn take(&mut self, item: Option<Item>) {
        match item {
            Some(Item::Batch(received)) => self.append(received).await,
            Some(Item::Close) => match self.sink.close().await {
                Ok(()) => {
                    self.note_durable(self.in_flight.end());
                    self.set_term(None);
                    self.end_stream(Ok(()), "the writer closed its term");
                }
                Err(e) => self.broke("closing", e),
            },
            Some(Item::Wrong(status)) => self.refuse(status),
            None => self.end_stream(Err(Status::cancelled("the writer closed the stream")), "the writer disconnected"),
        }
    }

    async fn append(&mut self, Received { batch, at, .. }: Received) {
        let claimed = batch.durable_lsn();
        let durable = self.in_flight.durable();
        if claimed > durable {
            // In the log it would claim that records are safe which may not be.
            let what =
                format!("a batch says that lsn {claimed} is durable; the writer cannot know of more than {durable}");
            return self.refuse(Status::failed_precondition(what));
        }
        match self.sink.append(&batch).await {
            Ok(()) => {
                self.in_flight.push(batch.last_lsn(), Appended { received: at, bytes: batch.as_bytes().len() });
                self.note_waiting();
            }
            Err(e @ (SinkError::Gap { .. } | SinkError::Conflict { .. })) => self.refuse(status::of(&e)),
            Err(e) => self.broke("appending", e),
        }
    }

    fn note_durable(&mut self, durable: Lsn) {
        let settled = self.in_flight.settle(durable).map(|batch| meters::became_durable(batch.received)).count();
        meters::durable(durable, settled);
        self.note_waiting();
        self.set_usable(true);
        if let Some(stream) = &self.stream {
            stream.note_durable(durable);
        }
    }

    fn note_waiting(&self) {
        meters::waiting(Waiting {
            last: self.in_flight.end(),
            bytes: self.in_flight.iter().map(|batch| batch.bytes).sum(),
            since: self.in_flight.iter().next().map(|batch| batch.received),
        });
    }

    /// The log ends at `durable`, and nothing is in flight: a term begins here, or is resumed.
    fn begin(&mut self, term: Term, durable: Lsn) {
        meters::term(term.epoch);
        self.set_term(Some(term));
        self.in_flight = InFlight::beyond(durable);
        self.note_durable(durable);
    }

    /// Checks whether another writer has taken over, or has continued the term through another service. An idle writer
    /// would not find out in any other way.
    async fn check_term(&mut self) {
        let Some(term) = self.term() else { return };
        let mut checked = self.sink.check_term().await;
        if checked.as_ref().is_err_and(SinkError::is_retryable) {
            // Nothing is in flight that could be lost, so the writer need not be told.
            let durable = self.in_flight.durable();
            checked = match self.sink.resume(&term).await {
                Ok(chain) if chain.lsn > durable => {
                    let what =
                        format!("the log ended at lsn {durable} and now ends at {}: the term was continued", chain.lsn);
                    return self.disconnect("checking the term", &SinkError::Unavailable(what));
                }
                Ok(chain) if chain.lsn < durable => {
                    Err(SinkError::Failed(format!("the log ended at lsn {durable} and now ends at {}", chain.lsn)))
                }
                resumed => resumed.map(drop),
            };
        }
        match checked {
            Ok(()) => self.set_usable(true),
            Err(e) if e.is_retryable() => {
                if self.state.borrow().usable {
                    warn!(error = %e, "the log is temporarily unavailable");
                    meters::sink_error();
                }
                self.set_usable(false);
            }
            Err(e) => self.broke("checking the term", e),
        }
    }

    async fn open(&mut self, caller: String, reply: oneshot::Sender<Result<(Term, Terms), SinkError>>) {
        // A caller that has disconnected would fence a working writer.
        if reply.is_closed() {
            return;
        }
        let failed = self.state.borrow().failed.clone();
        if let Some(failed) = failed {
            let _ = reply.send(Err(failed));
            return;
        }
        self.checkpoint = None;
        let opened = self.sink.open().await;
        match &opened {
            Ok(term) => {
                info!(caller, epoch = term.epoch, lsn = term.chain.lsn, "a term begins");
                if let Some(stream) = &self.stream {
                    let fenced = SinkError::Fenced { own: stream.term.epoch, newer: term.epoch };
                    self.end_stream(Err(status::of(&fenced)), "a newer term has begun");
                }
                self.begin(*term, term.chain.lsn);
            }
            // Not permanent: the cause may be fixed, and opening retried.
            Err(e) => self.disconnect("opening", e),
        }
        let _ = reply.send(opened.map(|term| (term, self.sink.terms())));
    }

    async fn resume(&mut self, stream: Attached, reply: oneshot::Sender<Result<Chain, SinkError>>) {
        if reply.is_closed() {
            return;
        }
        let failed = self.state.borrow().failed.clone();
        let refused = failed.or_else(|| self.term().and_then(|current| fenced(&stream, &current)));
        if let Some(refused) = refused {
            let _ = reply.send(Err(refused));
            return;
        }
        let taken_over = Status::aborted("another stream of this writer has taken over");
        self.end_stream(Err(taken_over), "another stream takes over");
        let (term, caller) = (stream.term, stream.caller.clone());
        let resumed = self.sink.resume(&term).await;
        match &resumed {
            Ok(chain) => {
                info!(caller, epoch = term.epoch, lsn = chain.lsn, "a writer's stream begins");
                self.stream = Some(stream);
                self.begin(term, chain.lsn);
            }
            Err(e) => {
                warn!(caller, epoch = term.epoch, error = %e, "the term cannot be resumed");
                meters::sink_error();
                self.forget_term();
                if e.is_retryable() {
                    self.set_usable(false);
                }
            }
        }
        let _ = reply.send(resumed);
    }

    /// Begins a checkpoint, which ends the one before it.
    fn begin_checkpoint(&mut self, term: &Term, base: Lsn) -> Result<Receiving, SinkError> {
        self.state.borrow().check_term(term)?;
        self.checkpoint = None;
        let writer = self.sink.begin_checkpoint(base)?;
        let writer = writer.ok_or_else(|| SinkError::Failed("this kind of log keeps no checkpoints".into()))?;
        let started = checkpointing::start(writer, base);
        let (running, receiving) =
            started.map_err(|e| SinkError::Unavailable(format!("cannot start the thread of a checkpoint: {e}")))?;
        self.checkpoint = Some(running);
        Ok(receiving)
    }

    /// Puts the checkpoint that was received last in use. If it `begins_log`, that ends the term.
    async fn keep_checkpoint(&mut self, term: &Term, base: Lsn, begins_log: bool) -> Result<Checkpoint, SinkError> {
        self.state.borrow().check_term(term)?;
        let finished = match self.checkpoint.take() {
            Some(mut running) if running.base == base => running.finished.try_recv().ok(),
            other => {
                self.checkpoint = other;
                None
            }
        };
        let finished =
            finished.ok_or_else(|| SinkError::Failed(format!("no checkpoint of lsn {base} was received")))?;
        let kept = match begins_log {
            true => self.sink.begin_with(finished).await,
            false => self.sink.keep_checkpoint(finished).await,
        };
        match &kept {
            Ok(Checkpoint { base, entries, bytes, .. }) if begins_log => {
                info!(base, entries, bytes, "the log begins with a checkpoint");
                self.set_term(None);
                self.end_stream(Ok(()), "the log has been begun");
            }
            Ok(Checkpoint { base, entries, bytes, .. }) => info!(base, entries, bytes, "a checkpoint is in use"),
            Err(e) if begins_log => self.disconnect("beginning the log", e),
            Err(e) => warn!(base, error = %e, "a checkpoint cannot be used"),
        }
        kept
    }

    /// Ends the stream because of an invalid message; the sink is unchanged.
    fn refuse(&mut self, status: Status) {
        if let Some(stream) = &self.stream {
            warn!(caller = stream.caller, epoch = stream.term.epoch, %status, "message of a stream rejected");
        }
        self.end_stream(Err(status), "invalid message");
    }

    /// Records an error of the current term. A permanent error stays, because the content of the sink is then
    /// uncertain.
    fn broke(&mut self, doing: &str, error: SinkError) {
        self.disconnect(doing, &error);
        if let SinkError::Failed(_) = error {
            self.state.send_modify(|state| state.failed = Some(error));
        }
    }

    /// Ends the term here. The sink must be resumed or opened.
    fn disconnect(&mut self, doing: &str, error: &SinkError) {
        meters::sink_error();
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
                warn!(doing, %error, "the log is temporarily unavailable");
                // Whichever call failed, the stream's writer may retry.
                Status::unavailable(error.to_string())
            }
        };
        if !matches!(error, SinkError::Fenced { .. }) {
            self.set_usable(false);
        }
        self.forget_term();
        self.end_stream(Err(ending), "error");
    }

    /// The sink must be resumed or opened. What was in flight will be sent again.
    fn forget_term(&mut self) {
        self.in_flight = InFlight::beyond(self.in_flight.durable());
        self.note_waiting();
        self.set_term(None);
    }

    fn end_stream(&mut self, ending: Result<(), Status>, why: &str) {
        if let Some(stream) = self.stream.take() {
            info!(
                caller = stream.caller,
                epoch = stream.term.epoch,
                durable = self.in_flight.durable(),
                why,
                "a writer's stream ends"
            );
            stream.end(ending);
        }
    }

    /// Makes durable what was received, and ends the stream. The sink is not closed, because that would end the
    /// writer's term.
    async fn stop(&mut self, within: Duration) -> bool {
        self.commands.close();
        if let Some(stream) = &mut self.stream {
            stream.items.close();
        }
        let was_open = self.term().is_some();
        let finished = tokio::time::timeout(within, self.finish()).await.is_ok();
        // An error on the way ends the term here.
        let complete = finished && self.term().is_some() == was_open;
        if !complete {
            warn!(batches = self.in_flight.len(), "stopping before everything that was received is durable");
        }
        self.end_stream(Err(status::stopping()), "the service is stopping");
        complete
    }

    async fn finish(&mut self) {
        loop {
            while self.in_flight.has_room()
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

/// The next message of the stream, if one is attached; `None` when its writer has disconnected.
async fn next_item(stream: &mut Option<Attached>) -> Option<Item> {
    match stream {
        Some(stream) => stream.items.recv().await,
        None => pending().await,
    }
}

/// Why `stream` cannot replace `current`, if it is of an earlier term.
fn fenced(stream: &Attached, current: &Term) -> Option<SinkError> {
    let (own, newer) = (stream.term.epoch, current.epoch);
    (own < newer).then_some(SinkError::Fenced { own, newer })
}
