//! Rebuilds the engine's state from the log before the server accepts clients.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::Engine;
use indicatif::{ProgressBar, ProgressStyle};
use proto::{Batch, Micros};
use tracing::{info, warn};
use txnd::cli::start_retry::StartRetry;
use txnd::cli::tracing::TraceFormat;
use txnd::{Checkpoint, LogReader, LogWriter, SinkError, Term};

use super::loader::{Loader, Unusable};
use super::meters::LogMeters;
use crate::clock;
use crate::lifecycle::Lifecycle;

/// Time between two progress messages if standard error is not a terminal.
const REPORT_INTERVAL: Duration = Duration::from_secs(2);

/// What was recovered.
pub(crate) struct State {
    pub(crate) term: Term,
    pub(crate) engine: Engine,
    /// The checkpoint that the state was built on.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// Bytes of log that were replayed after it.
    pub(crate) replayed_bytes: u64,
    /// The time of the last record, or of the checkpoint if there is none after it.
    pub(crate) latest: Micros,
}

/// Where progress is reported.
#[derive(Clone, Debug)]
pub(crate) struct Reporting {
    pub(crate) format: TraceFormat,
    pub(crate) lifecycle: Arc<Lifecycle>,
}

/// Opens the log for writing, and builds the state from its latest checkpoint and the records after it. Retries temporary
/// errors for up to `wait_for_log`; any progress restarts that time.
pub(crate) async fn recover<S: LogWriter>(
    sink: &mut S,
    new_engine: impl Fn() -> Engine,
    wait_for_log: Duration,
    reporting: &Reporting,
    meters: &LogMeters,
) -> Result<State, SinkError> {
    let began = Instant::now();
    let mut retry = StartRetry::new(wait_for_log);
    let term = loop {
        match sink.open().await {
            Ok(term) => break term,
            Err(e) => retry.pause(e).await?,
        }
    };
    let total = term.chain.lsn;
    if total == 0 {
        info!(epoch = term.epoch, "the log is empty");
        meters.recovered(&term, 0, began.elapsed(), None);
        return Ok(State { term, engine: new_engine(), checkpoint: None, replayed_bytes: 0, latest: 0 });
    }
    let reader = sink.reader();
    let usable = |&Checkpoint { base, end, .. }: &Checkpoint| {
        if end > total {
            warn!(
                base,
                end, total, "a checkpoint shows more than the log has: was the log restored from an earlier copy?"
            );
        }
        end <= total
    };
    let (engine, checkpoint, written) = loop {
        match load_checkpoint(&reader, usable, &new_engine, reporting).await {
            Ok(loaded) => break loaded,
            Err(e) => retry.pause(e).await?,
        }
    };
    let base = checkpoint.map_or(0, |checkpoint| checkpoint.base);
    let mut progress = Progress::new("records", total - base, reporting);
    let mut loader = Loader::new(engine);
    let (mut applied, mut replayed_bytes, mut last) = (base, 0, None);
    let durable = loop {
        let before = applied;
        let mut apply = async |batch: &Batch| {
            loader.load(batch).map_err(Unusable::in_log)?;
            applied = batch.last_lsn();
            replayed_bytes += batch.as_bytes().len() as u64;
            last = Some(batch.clone());
            progress.reached(applied - base);
            Ok(())
        };
        // Replaying a batch twice leaves the same state.
        let mut failed = match reader.read(before + 1..=total, &mut apply).await {
            Ok(bounds) => break bounds.durable,
            Err(e) => e,
        };
        if applied > before {
            retry = StartRetry::new(wait_for_log);
        }
        loop {
            retry.pause(failed).await?;
            match sink.resume(&term).await {
                Ok(_) => break,
                Err(e) => failed = e,
            }
        }
    };
    // Records beyond `total` belong to another writer, which has fenced this one in the meantime.
    let is_other_log = durable.log_id != term.chain.log_id || (durable.lsn == total && durable != term.chain);
    if applied != total || is_other_log {
        return Err(SinkError::Failed(format!(
            "the log was read up to lsn {applied} and ends at lsn {}; expected it to end at lsn {total}",
            durable.lsn
        )));
    }
    let engine = loader.finish().map_err(Unusable::in_log)?;
    let replayed = progress.finish().as_secs_f64();
    meters.recovered(&term, total - base, began.elapsed(), checkpoint.as_ref());
    info!(
        records = total - base,
        lsn = total,
        entries = engine.len(),
        memory_bytes = engine.meter().used(),
        epoch = term.epoch,
        seconds = rounded(began.elapsed()),
        records_per_second = ((total - base) as f64 / replayed) as u64,
        "recovered the state from the log"
    );
    let last = last.and_then(|batch| batch.records().last()?.ok().map(|record| record.at));
    let latest = last.unwrap_or(written);
    Ok(State { term, engine, checkpoint, replayed_bytes, latest })
}

/// An engine with the latest checkpoint that is `usable` and undamaged, and the time of its state; an empty one if there is none and the log has all of
/// its records.
pub(crate) async fn load_checkpoint<R: LogReader>(
    reader: &R,
    usable: impl Fn(&Checkpoint) -> bool,
    new_engine: impl Fn() -> Engine,
    reporting: &Reporting,
) -> Result<(Engine, Option<Checkpoint>, Micros), SinkError> {
    let mut damaged = None;
    for checkpoint in reader.checkpoints().await?.into_iter().filter(usable) {
        let Checkpoint { base, entries, bytes, .. } = checkpoint;
        let mut loader = Loader::new(new_engine());
        let mut progress = Progress::new("entries of the checkpoint", entries, reporting);
        let mut time = 0;
        let load = &mut async |batch: &Batch| {
            if let (0, Some(Ok(record))) = (time, batch.records().next()) {
                time = record.at;
            }
            loader.engine().expect(batch.first_lsn() - 1, entries);
            loader.load(batch).map_err(|e| e.in_checkpoint(base))?;
            progress.reached(batch.last_lsn());
            Ok(())
        };
        let read = reader.read_checkpoint(&checkpoint, load).await;
        match read.and_then(|()| loader.finish().map_err(|e| e.in_checkpoint(base))) {
            Ok(engine) => {
                engine.fit();
                let (written, seconds) = (clock::shown(checkpoint.at), rounded(progress.finish()));
                info!(base, %written, entries, bytes, seconds, "loaded a checkpoint");
                // One that was copied says only when it was stored.
                return Ok((engine, Some(checkpoint), if time > 0 { time } else { checkpoint.at }));
            }
            Err(e) if e.is_retryable() => return Err(e),
            Err(e) => {
                warn!(base, error = %e, "a checkpoint cannot be used");
                damaged.get_or_insert(e);
            }
        }
    }
    match (reader.bounds().await?.oldest, damaged) {
        (1, _) => Ok((new_engine(), None, 0)),
        (_, Some(e)) => Err(e),
        (oldest, None) => Err(SinkError::Failed(format!(
            "the log begins at lsn {oldest}, and there is no usable checkpoint of what was before it; restore it from a backup"
        ))),
    }
}

/// Seconds, with three decimals.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

/// Reports progress: a bar on a terminal, otherwise log messages.
pub(crate) struct Progress {
    what: &'static str,
    total: u64,
    began: Instant,
    reported: Instant,
    bar: Option<ProgressBar>,
    lifecycle: Arc<Lifecycle>,
}

impl Progress {
    pub(crate) fn new(what: &'static str, total: u64, reporting: &Reporting) -> Self {
        let style = "recovering {bar:40} {pos}/{len} {msg}, {eta} left";
        let bar = (reporting.format == TraceFormat::Auto && std::io::stderr().is_terminal()).then(|| {
            ProgressBar::new(total)
                .with_message(what)
                .with_style(ProgressStyle::with_template(style).expect("the template is valid"))
        });
        let lifecycle = Arc::clone(&reporting.lifecycle);
        lifecycle.recovering(0, total);
        Self { what, total, began: Instant::now(), reported: Instant::now(), bar, lifecycle }
    }

    pub(crate) fn reached(&mut self, done: u64) {
        self.lifecycle.recovering(done, self.total);
        match &self.bar {
            Some(bar) => bar.set_position(done),
            None if self.reported.elapsed() >= REPORT_INTERVAL => {
                self.reported = Instant::now();
                info!(what = self.what, done, total = self.total, percent = done * 100 / self.total, "recovering");
            }
            None => {}
        }
    }

    pub(crate) fn finish(self) -> Duration {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
        self.began.elapsed()
    }
}
