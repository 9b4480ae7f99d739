//! Makes one group of rows durable, in one database transaction.

use proto::{Chain, Epoch, Lsn};
use sqlx::Executor;

use super::binary::{copy_input, split_after};
use super::errors::step;
use super::key_tables;
use super::partitions::Partitions;
use super::producer::{self, Producer};
use super::rows::Group;
use super::session::Session;
use super::tables::{ATOMIC_BATCHES, KEYS, TABLES};
use crate::SinkError;

/// Bytes sent to COPY at a time; each piece is copied once and flushed.
const PIECE_BYTES: usize = 256 << 10;

/// Stores `group` after `before`. Deletes the ends of earlier groups from `cleaned` on, which are no longer needed. If
/// it fails, neither the session nor `partitions` may be used again, and only the producer row tells whether the group was
/// stored.
pub(super) async fn commit(
    session: &mut Session,
    group: &mut Group,
    before: &Chain,
    end: &Chain,
    epoch: Epoch,
    cleaned: Option<Lsn>,
    partitions: &mut Partitions,
) -> Result<(), SinkError> {
    if !producer::begin_group(session, epoch, before).await? {
        step(session.connection.execute("ROLLBACK")).await?;
        let now = Producer::look(session).await?;
        now.check_term(epoch)?;
        now.check_end(before)?;
        return Err(SinkError::Unavailable("another program changed the table producer for a moment".into()));
    }
    // Keys first: rows refer to them.
    for (ty, table) in KEYS.into_iter().enumerate() {
        copy(session, table, "id, key", &group.keys[ty].bytes).await?;
        let unresolved = group.unresolved_keys(ty);
        if !unresolved.is_empty() {
            // After the copy, so that keys of this group are found too.
            let ids = key_tables::ids_of(session, ty, &unresolved).await?;
            group.resolve(ty, ids);
            copy(session, table, "id, key", &group.keys[ty].bytes).await?;
        }
    }
    copy(session, ATOMIC_BATCHES, "first, last", &group.atomic_batches.bytes).await?;
    let mut rest = group.transactions.each_ref().map(|rows| &rows.bytes[..]);
    let mut next = before.lsn + 1;
    // Most groups are within one range.
    while next <= end.lsn {
        let last = partitions.enter(session, next).await?.last.min(end.lsn);
        for (index, table) in TABLES.iter().enumerate() {
            let (rows, later) = if last == end.lsn { (rest[index], &[][..]) } else { split_after(rest[index], last) };
            if !rows.is_empty() {
                let partition = partitions.of(session, index).await?;
                copy(session, &partition, table.columns, rows).await?;
            }
            rest[index] = later;
        }
        next = last + 1;
    }
    producer::end_group(session, before.lsn, end, cleaned).await
}

/// Adds rows to a table, within the current transaction.
pub(super) async fn copy(session: &mut Session, table: &str, columns: &str, rows: &[u8]) -> Result<(), SinkError> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement = format!("COPY {table} ({columns}) FROM STDIN (FORMAT binary)");
    let mut copy = step(session.connection.copy_in_raw(&statement)).await?;
    for piece in copy_input(rows).into_iter().flat_map(|part| part.chunks(PIECE_BYTES)) {
        step(copy.send(piece)).await?;
    }
    step(copy.finish()).await?;
    Ok(())
}
