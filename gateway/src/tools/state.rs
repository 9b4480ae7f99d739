//! The state at a point of a log.

use std::sync::Arc;

use engine::Engine;
use proto::{Batch, BatchBuffer, BatchError, Chain, Lsn, Micros};
use tracing::info;
use txnd::cli::tracing::TraceFormat;
use txnd::{Bounds, LogReader, SinkError};

use crate::clock;
use crate::config::Until;
use crate::log::loader::{Loader, Unusable};
use crate::log::recovery::{Progress, Reporting, load_checkpoint};

/// The last lsn of `log` that `until` allows.
pub(super) async fn resolve(log: &impl LogReader, until: Option<Until>) -> Result<Lsn, SinkError> {
    let Bounds { oldest, durable } = log.bounds().await?;
    match until {
        None => Ok(durable.lsn),
        Some(Until::Lsn(lsn)) if lsn > durable.lsn => {
            Err(SinkError::Failed(format!("the log ends at lsn {}, before lsn {lsn}", durable.lsn)))
        }
        Some(Until::Lsn(lsn)) => Ok(lsn),
        Some(Until::Time(time)) => match first_younger(log, time).await? {
            Some(lsn) if lsn == oldest && oldest > 1 => {
                let time = clock::shown(time);
                Err(SinkError::Failed(format!("everything that is kept, from lsn {oldest} on, is younger than {time}")))
            }
            Some(lsn) => Ok(lsn - 1),
            None => match log.checkpoints().await?.first() {
                // No record tells whether the latest one in it is younger.
                Some(latest) if oldest > durable.lsn && latest.at > time => Err(SinkError::Failed(format!(
                    "nothing is kept but a checkpoint of {}, which is younger than {} and may have later changes; \
                     restore it with --until {}",
                    clock::shown(latest.at),
                    clock::shown(time),
                    durable.lsn
                ))),
                _ => Ok(durable.lsn),
            },
        },
    }
}

/// The first record that is kept and younger than `time`.
pub(super) async fn first_younger(log: &impl LogReader, time: Micros) -> Result<Option<Lsn>, SinkError> {
    let oldest = log.bounds().await?.oldest;
    let mut younger = None;
    let mut look = async |batch: &Batch| {
        for record in batch.records() {
            let record = record?;
            // The first batch may begin with records that are not kept.
            if record.lsn >= oldest && record.at > time {
                younger = Some(record.lsn);
                return Err(SinkError::Stopped.into());
            }
        }
        Ok(())
    };
    match log.read(oldest..=Lsn::MAX, &mut look).await {
        Ok(_) | Err(SinkError::Stopped) => Ok(younger),
        Err(e) => Err(e),
    }
}

/// An engine with the state after the record `at`.
pub(super) async fn state_at(
    log: &impl LogReader,
    at: Lsn,
    new_engine: impl Fn() -> Engine,
    format: TraceFormat,
) -> Result<Engine, SinkError> {
    let reporting = Reporting { format, lifecycle: Arc::default() };
    let (engine, checkpoint, _) = load_checkpoint(log, |checkpoint| checkpoint.end <= at, new_engine, &reporting)
        .await
        .map_err(|e| SinkError::Failed(format!("the state at lsn {at} cannot be built: {e}")))?;
    let base = checkpoint.map_or(0, |checkpoint| checkpoint.base);
    let mut progress = Progress::new("records", at - base, &reporting);
    let mut loader = Loader::new(engine);
    let mut reached = base;
    let mut apply = async |batch: &Batch| {
        let loaded = match batch.last_lsn() <= at {
            true => loader.load(batch),
            false => {
                let before = Chain { log_id: batch.log_id(), lsn: batch.first_lsn() - 1, checksum: batch.previous() };
                loader.load(&up_to(batch, at)?.seal(&before, batch.epoch(), 0))
            }
        };
        loaded.map_err(Unusable::in_log)?;
        reached = batch.last_lsn().min(at);
        progress.reached(reached - base);
        Ok(())
    };
    if base < at {
        log.read(base + 1..=at, &mut apply).await?;
    }
    if reached != at {
        return Err(SinkError::Failed(format!("the log was read up to lsn {reached}, and should go on to lsn {at}")));
    }
    let engine = loader.finish().map_err(Unusable::in_log)?;
    let seconds = progress.finish().as_secs_f64();
    info!(lsn = at, entries = engine.len(), records = at - base, seconds, "read the state");
    Ok(engine)
}

/// The records of a batch up to the lsn `last`, to be sealed anew.
pub(super) fn up_to(batch: &Batch, last: Lsn) -> Result<BatchBuffer, BatchError> {
    let mut buffer = BatchBuffer::new(batch.first_lsn(), Vec::with_capacity(batch.as_bytes().len()));
    for record in batch.records() {
        let record = record?;
        if record.lsn <= last {
            let pushed = buffer.push_with(&record.op, record.effect, &record.options, record.at);
            pushed.expect("they were in one batch before");
        }
    }
    Ok(buffer)
}
