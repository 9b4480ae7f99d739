//! `kvs backup` and `kvs backup verify`.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use bytesize::ByteSize;
use txnd::backup::{self, Checked, Options, Taken};
use txnd::{LogReader, SinkError};

use super::error::ToolError;
use crate::clock;
use crate::config::Backup;

pub(super) async fn take(log: &impl LogReader, wanted: &Backup, out: &mut impl Write) -> Result<(), ToolError> {
    let began = Instant::now();
    let dir = wanted.dir.as_deref().ok_or_else(|| SinkError::Failed("the backup's folder is missing".into()))?;
    let options = Options { full: wanted.full, rate: wanted.rate.as_u64() };
    let Taken { log_id, checkpoint, records, bytes, hole } = backup::take(log, dir, options).await?;
    writeln!(out, "backup of log {log_id:016x} in {}", dir.display())?;
    if let Some((last, oldest)) = hole {
        writeln!(
            out,
            "the log no longer keeps what follows lsn {last}, where this backup ended: a new full backup was begun. The states \
             from lsn {} to {} cannot be restored",
            last + 1,
            checkpoint.map_or(oldest, |checkpoint| checkpoint.end) - 1
        )?;
    }
    if let Some(checkpoint) = checkpoint {
        let (base, entries, at) = (checkpoint.base, checkpoint.entries, clock::shown(checkpoint.at));
        writeln!(out, "checkpoint of lsn {base}: {entries} entries, begun {at}")?;
    }
    match records.is_empty() {
        true => writeln!(out, "no new records")?,
        false => writeln!(out, "records of lsn {} to {}", records.start(), records.end())?,
    }
    writeln!(out, "added {} in {:.1} s", ByteSize::b(bytes), began.elapsed().as_secs_f64())?;
    Ok(())
}

pub(super) async fn verify(dir: &Path, out: &mut impl Write) -> Result<(), ToolError> {
    let sets = backup::verify(dir).await?;
    for Checked { from, to, entries, records, bytes } in &sets {
        writeln!(out, "lsn {from} to {to}: {entries} entries, {records} records, {}, all right", ByteSize::b(*bytes))?;
    }
    if sets.is_empty() {
        writeln!(out, "the backup is empty: its log had no records")?;
    }
    Ok(())
}
