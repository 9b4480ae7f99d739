//! One group of rows becomes durable: one database transaction.

use proto::{Chain, Epoch};
use sqlx::Executor;
use sqlx::postgres::PgConnection;

use super::database::step;
use super::producer::{self, Producer};
use super::rows::{Group, Rows};
use super::tables::{KEYS, TABLES};
use crate::SinkError;

/// Bytes that COPY is sent at a time; each piece is copied once and flushed.
const PIECE_BYTES: usize = 256 << 10;

/// Stores `group` behind `before`. If it fails, the connection must not be used again, and whether the group is stored is
/// for the producer row to say.
pub(super) async fn commit(
    connection: &mut PgConnection,
    group: &Group,
    before: &Chain,
    end: &Chain,
    epoch: Epoch,
) -> Result<(), SinkError> {
    let advanced = step(connection.execute(producer::advance(epoch, before.lsn, end).as_str())).await?;
    if advanced.rows_affected() != 1 {
        let now = Producer::read(connection).await?;
        now.check_term(epoch)?;
        let (found, expected) = (now.chain.lsn, before.lsn);
        return Err(SinkError::Unavailable(format!("the tables end at lsn {found}, the writer expected {expected}")));
    }
    // Keys first: rows refer to them.
    for (table, rows) in KEYS.iter().zip(&group.keys) {
        copy(connection, table, "id, key", rows).await?;
    }
    for (table, rows) in TABLES.iter().zip(&group.transactions) {
        copy(connection, table.name, table.columns, rows).await?;
    }
    step(connection.execute("COMMIT")).await?;
    Ok(())
}

async fn copy(connection: &mut PgConnection, table: &str, columns: &str, rows: &Rows) -> Result<(), SinkError> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement = format!("COPY {table} ({columns}) FROM STDIN (FORMAT binary)");
    let mut copy = step(connection.copy_in_raw(&statement)).await?;
    for piece in rows.parts().into_iter().flat_map(|part| part.chunks(PIECE_BYTES)) {
        step(copy.send(piece)).await?;
    }
    step(copy.finish()).await?;
    Ok(())
}
