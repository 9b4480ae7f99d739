//! `kvs log info` and `kvs log verify`: read a log beside whatever writes it, and change nothing.

use std::io::Write;

use proto::{Batch, Lsn};
use txnd::{Bounds, Checkpoint, LogReader, SinkError, VisitError};

use super::error::ToolError;
use crate::clock;

pub(super) async fn info(reader: &impl LogReader, out: &mut impl Write) -> Result<(), ToolError> {
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

pub(super) async fn verify(reader: &impl LogReader, out: &mut impl Write) -> Result<(), ToolError> {
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
fn check(batch: &Batch, count: &mut u64) -> Result<(), VisitError> {
    batch.check()?;
    *count += u64::from(batch.count());
    Ok(())
}
