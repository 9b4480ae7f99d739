//! The producer row: whose term it is and how far the log goes. It is what makes a group stored once, and by one writer.

use std::pin::pin;
use std::time::Duration;

use proto::{Chain, Epoch, Lsn};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Executor, Row};
use tracing::warn;

use super::database::{Database, error, step};
use super::tables::TABLES;
use crate::{Opened, Place, SinkError};

/// How long the transaction of an earlier writer may hold the row. Then its session is ended: its process may be stopped or
/// cut off, and the server would wait for it for a long time.
const PATIENCE: Duration = Duration::from_secs(3);

/// The row's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Producer {
    pub(super) epoch: Epoch,
    /// Where the log ends.
    pub(super) chain: Chain,
}

const COLUMNS: &str = "log_id, epoch, lsn, checksum";

impl Producer {
    /// Begins a term; makes the row if this is a new log.
    pub(super) async fn begin_term(database: &Database, connection: &mut PgConnection) -> Result<Opened, SinkError> {
        let new = Chain::start(rand::random());
        // A row that is there is not touched here: an earlier writer's transaction may hold its lock.
        let insert = format!(
            "INSERT INTO producer ({COLUMNS}) SELECT {}, 0, 0, {} WHERE NOT EXISTS (SELECT FROM producer) ON CONFLICT DO NOTHING",
            new.log_id.cast_signed(),
            new.checksum
        );
        step(connection.execute(insert.as_str())).await?;
        let update = format!("UPDATE producer SET epoch = epoch + 1, updated_at = now() RETURNING {COLUMNS}");
        let row = Self::locking(database, connection, &update).await?;
        row.check_tables(connection).await?;
        Ok(Opened { epoch: row.epoch, chain: row.chain })
    }

    /// Checks that no table goes beyond where the row says that the log ends: a log that lost its row must not pass for a new one.
    pub(super) async fn check_tables(&self, connection: &mut PgConnection) -> Result<(), SinkError> {
        for table in &TABLES {
            let beyond = format!("SELECT EXISTS (SELECT FROM {} WHERE id > {})", table.name, self.chain.lsn);
            if step(connection.fetch_one(beyond.as_str())).await?.get(0) {
                let what = format!("the row says that the log ends here, and table {} goes on", table.name);
                return Err(SinkError::Corrupt {
                    place: Place::Other("table producer".into()),
                    lsn: self.chain.lsn,
                    what,
                });
            }
        }
        Ok(())
    }

    /// The row after every transaction of an earlier session has ended, one way or the other.
    pub(super) async fn settled(database: &Database, connection: &mut PgConnection) -> Result<Self, SinkError> {
        Self::locking(database, connection, &format!("SELECT {COLUMNS} FROM producer FOR UPDATE")).await
    }

    /// The row as it was committed last.
    pub(super) async fn read(connection: &mut PgConnection) -> Result<Self, SinkError> {
        let select = format!("SELECT {COLUMNS} FROM producer");
        Self::from_row(step(connection.fetch_optional(select.as_str())).await?)
    }

    /// Runs a statement that needs the row's lock.
    async fn locking(database: &Database, connection: &mut PgConnection, statement: &str) -> Result<Self, SinkError> {
        let pid: i32 = step(sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *connection)).await?;
        let mut running = pin!(connection.fetch_optional(statement));
        let row = match tokio::time::timeout(PATIENCE, &mut running).await {
            Ok(row) => row.map_err(|e| error(&e))?,
            Err(_) => {
                end_sessions_before(database, pid).await?;
                step(running).await?
            }
        };
        Self::from_row(row)
    }

    fn from_row(row: Option<PgRow>) -> Result<Self, SinkError> {
        let Some(row) = row else {
            return Err(SinkError::Failed(
                "the producer row is gone: has another program written into the tables?".into(),
            ));
        };
        let [log_id, epoch, lsn, checksum] = [0, 1, 2, 3].map(|column| row.get::<i64, _>(column));
        let chain = Chain { log_id: log_id.cast_unsigned(), lsn: lsn.cast_unsigned(), checksum: checksum as u32 };
        Ok(Self { epoch: epoch.cast_unsigned(), chain })
    }

    /// Checks that the row is that of the term `own`.
    pub(super) fn check_term(&self, own: Epoch) -> Result<(), SinkError> {
        match self.epoch {
            epoch if epoch == own => Ok(()),
            newer if newer > own => Err(SinkError::Fenced { own, newer }),
            older => Err(SinkError::Failed(format!(
                "the database's latest term is epoch {older}, the writer's is {own}: was it restored from a copy?"
            ))),
        }
    }
}

/// The statement that begins a transaction and moves the row from `before` to `end`; it touches one row if that is where the
/// log stands and it is the writer's term.
pub(super) fn advance(epoch: Epoch, before: Lsn, end: &Chain) -> String {
    format!(
        "BEGIN; UPDATE producer SET lsn = {}, checksum = {}, updated_at = now() WHERE epoch = {epoch} AND lsn = {before} AND log_id = {}",
        end.lsn,
        end.checksum,
        end.log_id.cast_signed()
    )
}

/// Ends the writers' sessions that session `pid` waits for. Those of other programs are named and left alone.
async fn end_sessions_before(database: &Database, pid: i32) -> Result<(), SinkError> {
    let mut connection = database.connect().await?;
    let blocking = "SELECT pid, application_name, CASE WHEN application_name = 'kvs' THEN pg_terminate_backend(pid) END \
                    FROM pg_stat_activity WHERE pid = ANY (pg_blocking_pids($1))";
    for row in step(sqlx::query(blocking).bind(pid).fetch_all(&mut connection)).await? {
        let (session, program): (i32, String) = (row.get(0), row.get(1));
        match row.get::<Option<bool>, _>(2) {
            Some(true) => {
                warn!(session, "ended the session of an earlier writer, whose transaction did not come to its end")
            }
            _ => warn!(
                session,
                program, "this session holds the producer row; the log waits until it ends its transaction"
            ),
        }
    }
    Ok(())
}
