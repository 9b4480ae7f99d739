//! `kvs restore` and `kvs log copy`: a new log with the state or the history of another.

use std::io::Write;
use std::time::Instant;

use engine::Engine;
use proto::{Batch, Lsn};
use txnd::backup::BackupReader;
use txnd::config::SinkTarget;
use txnd::remote::MutualTls;
use txnd::{
    CheckpointSealer, LogReader, LogWriter, MAX_IN_FLIGHT, PostgresSink, RemoteSink, SegmentSink, SinkError, Term,
};

use super::error::ToolError;
use super::source::AnyReader;
use super::state::{resolve, state_at, up_to};
use crate::config::{Config, Copy, LogTarget, Restore, Until};
use crate::log::state_writer::write_state;

/// What is copied.
struct Job<'c, R> {
    config: &'c Config,
    from: R,
    /// The last lsn.
    until: Lsn,
    /// All records instead of the state.
    history: bool,
}

pub(super) async fn run(config: &Config, wanted: &Copy, out: &mut impl Write) -> Result<(), ToolError> {
    let from = AnyReader::open(&wanted.from, config.tls())?;
    let until = resolve(&from, wanted.until).await?;
    let job = Job { config, from, until, history: wanted.history };
    job.copy_to(&wanted.to, out).await
}

pub(super) async fn restore(config: &Config, wanted: &Restore, out: &mut impl Write) -> Result<(), ToolError> {
    let (from, until) = set_for(wanted).await?;
    Job { config, from, until, history: false }.copy_to(&wanted.to, out).await
}

/// The latest set of the backup that reaches back to the wanted point.
async fn set_for(wanted: &Restore) -> Result<(BackupReader, Lsn), SinkError> {
    let mut unusable = SinkError::Failed(format!("the backup in {} is empty", wanted.dir.display()));
    for set in BackupReader::sets(&wanted.dir)?.into_iter().rev() {
        let oldest = set.checkpoints().await?.first().map_or(0, |checkpoint| checkpoint.end);
        match resolve(&set, wanted.until).await {
            Ok(until) if until >= oldest => return Ok((set, until)),
            Ok(until) => {
                unusable =
                    SinkError::Failed(format!("lsn {until} is before lsn {oldest}, the first that can be restored"))
            }
            // An earlier set does not reach further.
            Err(e) if matches!(wanted.until, Some(Until::Lsn(_)) | None) => return Err(e),
            Err(e) => unusable = e,
        }
    }
    Err(unusable)
}

impl<R: LogReader> Job<'_, R> {
    async fn copy_to(self, target: &LogTarget, out: &mut impl Write) -> Result<(), ToolError> {
        let config = self.config;
        match target {
            LogTarget::LogWriter(SinkTarget::File(folder)) => {
                self.copy(SegmentSink::new(folder, config.segment_size.as_u64()), target, out).await
            }
            LogTarget::LogWriter(SinkTarget::Postgres(url)) => {
                self.copy(url.parse::<PostgresSink>().map_err(SinkError::Failed)?, target, out).await
            }
            LogTarget::Remote(url) => {
                let connector = MutualTls::new(url, config.tls()).map_err(SinkError::Failed)?;
                self.copy(RemoteSink::new(connector), target, out).await
            }
            LogTarget::Off => Err(SinkError::Failed("there is no log to write to: `off`".into()).into()),
            LogTarget::Backup(_) => {
                Err(SinkError::Failed("`kvs backup` writes a backup; expected another log here".into()).into())
            }
        }
    }

    async fn copy(&self, mut to: impl LogWriter, target: &LogTarget, out: &mut impl Write) -> Result<(), ToolError> {
        let began = Instant::now();
        self.check().await?;
        let term = to.open().await?;
        if term.chain.lsn > 0 {
            to.close().await?;
            let what = format!("{target} has a log with records up to lsn {}; a copy needs a new log", term.chain.lsn);
            return Err(SinkError::Failed(what).into());
        }
        let what = match self.history {
            true => self.copy_history(&mut to, term).await?,
            false => self.copy_state(&mut to, term).await?,
        };
        writeln!(out, "{target} has {what}; it took {:.1} s", began.elapsed().as_secs_f64())?;
        Ok(())
    }

    /// Fails if there is nothing to copy, before the new log is created.
    async fn check(&self) -> Result<(), SinkError> {
        if self.until == 0 {
            return Err(SinkError::Failed("there is nothing to copy: the log has no records up to that point".into()));
        }
        match self.from.bounds().await?.oldest {
            oldest if self.history && oldest > 1 => Err(SinkError::Failed(format!(
                "the log begins at lsn {oldest}: its history is not whole. Without --history its state is copied"
            ))),
            _ => Ok(()),
        }
    }

    /// Begins the new log with the state.
    async fn copy_state(&self, to: &mut impl LogWriter, term: Term) -> Result<String, SinkError> {
        let Self { config, from, until, .. } = self;
        let options = engine::Options { max_memory: None, ..config.engine() };
        let engine = state_at(from, *until, || Engine::new(options.clone()), config.trace_format).await?;
        let not_kept = || SinkError::Failed("this kind of log keeps no checkpoints".into());
        let mut writer = to.begin_checkpoint(*until)?.ok_or_else(not_kept)?;
        let rate = config.checkpoint_rate.as_u64();
        write_state(&engine, &mut writer, CheckpointSealer::new(term.epoch, *until), rate, 0).await?;
        let begun = to.begin_with(writer).await?;
        Ok(format!("{} entries, the state at lsn {until}", begun.entries))
    }

    /// Writes all records.
    async fn copy_history(&self, to: &mut impl LogWriter, term: Term) -> Result<String, SinkError> {
        let (mut chain, mut durable, mut pending) = (term.chain, 0, 0);
        let mut write = async |batch: &Batch| {
            let batch = up_to(batch, self.until)?.seal(&chain, term.epoch, durable);
            chain = chain.after(&batch);
            pending += 1;
            to.append(&batch).await?;
            while pending == MAX_IN_FLIGHT {
                durable = to.durable().await?;
                pending = if durable == chain.lsn { 0 } else { pending };
            }
            Ok(())
        };
        self.from.read(1..=self.until, &mut write).await?;
        if chain.lsn != self.until {
            let (reached, until) = (chain.lsn, self.until);
            return Err(SinkError::Failed(format!(
                "the log was read up to lsn {reached}, and should go on to lsn {until}"
            )));
        }
        to.close().await?;
        Ok(format!("{} records, the whole history", chain.lsn))
    }
}
