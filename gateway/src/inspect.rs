//! `kvs log info` and `kvs log verify`: read a log beside whatever writes it, and change nothing.

use std::io::Write;

use proto::{Batch, BatchError, Lsn};
use txnd::config::SinkTarget;
use txnd::remote::MutualTls;
use txnd::{Bounds, Checkpoint, LogReader, PostgresReader, RemoteReader, SegmentReader, SinkError};

use crate::clock;
use crate::config::{Config, LogCommand, LogTarget};

/// Runs `command` on the log that the configuration names.
pub async fn run(config: &Config, command: LogCommand, out: &mut impl Write) -> Result<(), InspectError> {
    match &config.log {
        LogTarget::Off => Err(SinkError::Failed("there is no log to read: --log is off".into()).into()),
        LogTarget::LogWriter(SinkTarget::File(folder)) => inspect(&SegmentReader::new(folder), command, out).await,
        LogTarget::LogWriter(SinkTarget::Postgres(url)) => {
            let reader: PostgresReader = url.parse().map_err(SinkError::Failed)?;
            inspect(&reader, command, out).await
        }
        LogTarget::Remote(url) => {
            let connector = MutualTls::new(url, config.tls()).map_err(SinkError::Failed)?;
            inspect(&RemoteReader::new(connector), command, out).await
        }
    }
}

/// Why a log could not be inspected.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The log cannot be read, or is damaged.
    #[error(transparent)]
    Log(#[from] SinkError),
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
}

async fn inspect(reader: &impl LogReader, command: LogCommand, out: &mut impl Write) -> Result<(), InspectError> {
    match command {
        LogCommand::Info => info(reader, out).await,
        LogCommand::Verify => verify(reader, out).await,
    }
}

async fn info(reader: &impl LogReader, out: &mut impl Write) -> Result<(), InspectError> {
    let Bounds { oldest, durable } = reader.bounds().await?;
    writeln!(out, "log id      {:016x}", durable.log_id)?;
    match durable.lsn < oldest {
        true => writeln!(out, "records     none")?,
        false => writeln!(out, "records     lsn {oldest} to {}", durable.lsn)?,
    }
    for checkpoint in reader.checkpoints().await? {
        let Checkpoint { base, entries, bytes, at, .. } = checkpoint;
        writeln!(out, "checkpoint  lsn {base}, {entries} entries, {bytes} bytes, begun {}", clock::shown(at))?;
    }
    Ok(())
}

async fn verify(reader: &impl LogReader, out: &mut impl Write) -> Result<(), InspectError> {
    let checkpoints = reader.checkpoints().await?;
    let mut damaged = None;
    for checkpoint in &checkpoints {
        let mut entries = 0;
        let mut visit = async |batch: &Batch| check(batch, &mut entries);
        match reader.read_checkpoint(checkpoint, &mut visit).await {
            Ok(()) => writeln!(out, "checkpoint of lsn {}: {entries} entries, all right", checkpoint.base)?,
            Err(e) => {
                writeln!(out, "checkpoint of lsn {}: {e}", checkpoint.base)?;
                damaged = Some(e);
            }
        }
    }
    let oldest = reader.bounds().await?.oldest;
    let mut records = 0;
    let mut visit = async |batch: &Batch| check(batch, &mut records);
    let durable = reader.read(oldest..=Lsn::MAX, &mut visit).await?.durable;
    match records {
        0 => writeln!(out, "records: none")?,
        _ => writeln!(out, "records of lsn {oldest} to {}, all right", durable.lsn)?,
    }
    if let Some(e) = damaged {
        return Err(e.into());
    }
    let needed = checkpoints.last().map_or(1, |earliest| earliest.base + 1);
    match needed < oldest {
        false => Ok(()),
        true => Err(SinkError::Failed(format!(
            "no checkpoint covers the records from lsn {needed} to {}, which are not there",
            oldest - 1
        ))
        .into()),
    }
}

/// Decodes every record, and counts them.
fn check(batch: &Batch, count: &mut u64) -> Result<(), BatchError> {
    batch.records().try_for_each(|record| {
        *count += 1;
        record.map(drop)
    })
}
