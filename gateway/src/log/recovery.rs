//! Rebuilds the engine's state from the log before the server accepts clients.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use engine::Engine;
use indicatif::{ProgressBar, ProgressStyle};
use proto::{Batch, Lsn};
use tracing::info;
use txnd::cli::start_retry::StartRetry;
use txnd::cli::tracing::TraceFormat;
use txnd::{LogReader, LogWriter, SinkError, Term};

/// Time between two progress messages if standard error is not a terminal.
const REPORT_INTERVAL: Duration = Duration::from_secs(2);

/// Opens the log for writing and applies all of it to `engine`. Retries temporary errors for up to `wait_for_log`; any
/// progress restarts that time.
pub(crate) async fn recover<S: LogWriter>(
    sink: &mut S,
    engine: &Engine,
    wait_for_log: Duration,
    format: TraceFormat,
) -> Result<Term, SinkError> {
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
        return Ok(term);
    }
    let mut progress = Progress::new(total, format);
    let reader = sink.reader();
    let mut applied = 0;
    let durable = loop {
        let before = applied;
        let mut apply = async |batch: &Batch| {
            engine.replay_batch(batch)?;
            applied = batch.last_lsn();
            progress.reached(applied);
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
    let seconds = progress.finish();
    info!(
        records = total,
        entries = engine.len(),
        memory_bytes = engine.meter().used(),
        epoch = term.epoch,
        seconds = (seconds * 1000.0).round() / 1000.0,
        records_per_second = (total as f64 / seconds) as u64,
        "recovered the state from the log"
    );
    Ok(term)
}

/// Reports progress: a bar on a terminal, otherwise log messages.
struct Progress {
    total: Lsn,
    began: Instant,
    reported: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    fn new(total: Lsn, format: TraceFormat) -> Self {
        let style = "recovering {bar:40} {pos}/{len} records, {eta} left";
        let bar = (format == TraceFormat::Auto && std::io::stderr().is_terminal()).then(|| {
            ProgressBar::new(total).with_style(ProgressStyle::with_template(style).expect("the template is valid"))
        });
        Self { total, began: Instant::now(), reported: Instant::now(), bar }
    }

    fn reached(&mut self, lsn: Lsn) {
        match &self.bar {
            Some(bar) => bar.set_position(lsn),
            None if self.reported.elapsed() >= REPORT_INTERVAL => {
                self.reported = Instant::now();
                info!(lsn, total = self.total, percent = lsn * 100 / self.total, "recovering");
            }
            None => {}
        }
    }

    fn finish(self) -> f64 {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
        self.began.elapsed().as_secs_f64()
    }
}
