//! Checkpoints in two tables of their own: `checkpoints` names those that may be used, `checkpoint_batches` has what is in them.
//!
//! Batches are stored one by one, each in its own transaction, over a connection of their own. The row in `checkpoints` comes
//! last, in a transaction that holds the producer row, so that only the writer of the latest term puts one in use. Batches
//! without such a row are removed before the next checkpoint is written.

use proto::{Batch, Chain, Epoch, Lsn};
use sqlx::{Executor, Row};

use super::binary::{Fields, Rows, micros, timestamp};
use super::commit::copy;
use super::copy_out::{CopyOut, corrupt};
use super::database::Database;
use super::errors::step;
use super::producer::Producer;
use super::session::Session;
use crate::checkpoint::{Checkpoint, CheckpointVerifier, GENERATIONS};
use crate::sink::{CheckpointWriter, SinkError, VisitError};
use crate::wire::whole_batch;

pub(super) const CHECKPOINTS: &str = "checkpoints";
const BATCHES: &str = "checkpoint_batches";

/// A checkpoint that is being written, or has been written and is not in use yet.
pub struct PostgresCheckpoint {
    database: Database,
    /// `None` before the first batch and after the last one.
    session: Option<Session>,
    id: i64,
    batches: i64,
    info: Checkpoint,
    verifier: CheckpointVerifier,
}

/// Without the password.
impl std::fmt::Debug for PostgresCheckpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PostgresCheckpoint").field(&self.info).finish()
    }
}

impl PostgresCheckpoint {
    /// Begins a checkpoint. Connects when the first batch comes.
    pub(super) fn begin(database: Database, base: Lsn) -> Self {
        let (id, info) = (rand::random(), Checkpoint::begun(base));
        Self { database, session: None, id, batches: 0, info, verifier: CheckpointVerifier::new(base) }
    }

    pub(super) fn info(&self) -> Checkpoint {
        self.info
    }

    /// Fails unless a log can begin with it.
    pub(super) fn can_begin(&self, log_is_empty: bool) -> Result<(), SinkError> {
        self.verifier.can_begin(log_is_empty).map_err(SinkError::Failed)
    }

    /// Identifies its batches.
    pub(super) fn id(&self) -> i64 {
        self.id
    }

    async fn session(&mut self) -> Result<&mut Session, SinkError> {
        match &mut self.session {
            Some(session) => Ok(session),
            none => {
                let mut session = self.database.connect().await?;
                remove_unused(&mut session).await?;
                Ok(none.insert(session))
            }
        }
    }
}

impl CheckpointWriter for PostgresCheckpoint {
    async fn append(&mut self, batch: &Batch) -> Result<(), SinkError> {
        self.verifier.add(batch).map_err(SinkError::Failed)?;
        let mut rows = Rows::default();
        rows.begin(3);
        rows.bigint(self.id);
        rows.bigint(self.batches);
        rows.field(batch.as_bytes());
        let session = self.session().await?;
        // The commit of the row in `checkpoints`, which comes later, makes these durable too.
        let begin = format!("{}SET LOCAL synchronous_commit = off", session.begin());
        step(session.connection.execute(begin.as_str())).await?;
        copy(session, BATCHES, "checkpoint_id, number, batch", &rows.bytes).await?;
        step(session.connection.execute("COMMIT")).await?;
        self.batches += 1;
        self.info.bytes += batch.as_bytes().len() as u64;
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), SinkError> {
        self.verifier.complete(&mut self.info).map_err(SinkError::Failed)?;
        if let Some(session) = self.session.take() {
            session.close().await;
        }
        Ok(())
    }
}

/// Removes the batches of checkpoints that are not in use.
async fn remove_unused(session: &mut Session) -> Result<(), SinkError> {
    let delete = format!(
        "{}DELETE FROM {BATCHES} WHERE checkpoint_id NOT IN (SELECT id FROM {CHECKPOINTS}); COMMIT",
        session.begin()
    );
    step(session.connection.execute(delete.as_str())).await.map(drop)
}

/// Puts a finished checkpoint in use, and takes the ones before the last two out of use. The log must end at `durable`: what
/// another process has written the checkpoint does not show. After an error that can be retried, the session must not be used
/// again.
pub(super) async fn keep(
    session: &mut Session,
    epoch: Epoch,
    durable: &Chain,
    finished: &PostgresCheckpoint,
) -> Result<Checkpoint, SinkError> {
    let producer = Producer::locked(session).await?;
    let kept = match producer.check_term(epoch).and_then(|()| producer.check_end(durable)) {
        Ok(()) => insert(session, durable.lsn, finished).await,
        Err(e) => Err(e),
    };
    let end = if kept.is_ok() { "COMMIT" } else { "ROLLBACK" };
    step(session.connection.execute(end)).await?;
    kept.map(|()| finished.info)
}

/// Within a transaction that holds the producer row: puts a checkpoint in use whose end is at most `durable`.
pub(super) async fn insert(
    session: &mut Session,
    durable: Lsn,
    finished: &PostgresCheckpoint,
) -> Result<(), SinkError> {
    let PostgresCheckpoint { id, batches, verifier, .. } = finished;
    let Checkpoint { base, end, entries, bytes, at } = finished.info;
    if verifier.end().is_none_or(|end| end > durable) {
        return Err(SinkError::Failed(format!("the checkpoint shows records up to lsn {end}, which are not durable")));
    }
    let count = format!("SELECT count(*) FROM {BATCHES} WHERE checkpoint_id = {id}");
    let stored: i64 = step(session.connection.fetch_one(count.as_str())).await?.get(0);
    if stored != *batches {
        let what = format!("{stored} of its {batches} batches are left; another writer has begun a checkpoint");
        return Err(SinkError::Failed(what));
    }
    let statements = format!(
        "INSERT INTO {CHECKPOINTS} (id, base, log_end, entries, bytes, batches, begun_at) \
             VALUES ({id}, {base}, {end}, {entries}, {bytes}, {batches}, \
                 timestamptz '2000-01-01 00:00:00+00' + {} * interval '1 microsecond'); \
         DELETE FROM {CHECKPOINTS} WHERE id NOT IN (SELECT id FROM {CHECKPOINTS} ORDER BY base DESC, begun_at DESC LIMIT {GENERATIONS})",
        timestamp(at).map_err(|what| SinkError::Failed(what.into()))?
    );
    step(session.connection.execute(statements.as_str())).await.map(drop)
}

/// The checkpoints that may be used, the latest first.
pub(super) async fn list(session: &mut Session) -> Result<Vec<Checkpoint>, SinkError> {
    // A reader does not migrate.
    let exists = format!("{}SELECT to_regclass('{CHECKPOINTS}') IS NOT NULL", session.begin());
    if !step(session.connection.fetch_one(exists.as_str())).await?.get::<bool, _>(0) {
        step(session.connection.execute("COMMIT")).await?;
        return Ok(Vec::new());
    }
    let select =
        format!("SELECT base, log_end, entries, bytes, begun_at FROM {CHECKPOINTS} ORDER BY base DESC, begun_at DESC");
    let mut found = Vec::new();
    let mut rows = CopyOut::start(CHECKPOINTS, session, &select).await?;
    while let Some(row) = rows.next().await? {
        let mut fields = Fields::of(&row);
        let mut next = || fields.bigint().map_err(|e| corrupt(CHECKPOINTS, 0, &e));
        let [base, end, entries, bytes] = [next()?, next()?, next()?, next()?].map(i64::cast_unsigned);
        let at = micros(next()?).ok_or_else(|| corrupt(CHECKPOINTS, base, &"the time is out of range"))?;
        found.push(Checkpoint { base, end, entries, bytes, at });
    }
    drop(rows);
    step(session.connection.execute("COMMIT")).await?;
    Ok(found)
}

/// Passes the batches of a checkpoint to `visit`, and checks them.
pub(super) async fn read(
    session: &mut Session,
    checkpoint: &Checkpoint,
    visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
) -> Result<(), SinkError> {
    let base = checkpoint.base;
    let id = format!("(SELECT id FROM {CHECKPOINTS} WHERE base = {base} ORDER BY begun_at DESC LIMIT 1)");
    read_batches(session, &id, base, visit).await
}

/// The same for a checkpoint that is stored, and may not be in use yet.
pub(super) async fn read_stored(
    session: &mut Session,
    id: i64,
    base: Lsn,
    visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
) -> Result<(), SinkError> {
    read_batches(session, &id.to_string(), base, visit).await
}

async fn read_batches(
    session: &mut Session,
    id: &str,
    base: Lsn,
    visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
) -> Result<(), SinkError> {
    let damaged = |what: &dyn std::fmt::Display| corrupt(BATCHES, base, what);
    session.begin_transaction().await?;
    let select = format!("SELECT number, batch FROM {BATCHES} WHERE checkpoint_id = {id} ORDER BY number");
    let mut verifier = CheckpointVerifier::new(base);
    let mut rows = CopyOut::start(BATCHES, session, &select).await?;
    while let Some(row) = rows.next().await? {
        let mut fields = Fields::of(&row);
        let batch = fields.bigint().and_then(|_number| fields.some()).map_err(|e| damaged(&e))?;
        let batch = whole_batch(&row.slice_ref(batch)).map_err(|e| damaged(&e))?;
        verifier.add(&batch).map_err(|what| damaged(&what))?;
        visit(&batch).await.map_err(|e| e.into_sink_error(|e| damaged(&e)))?;
    }
    drop(rows);
    step(session.connection.execute("COMMIT")).await?;
    match verifier.end() {
        Some(_) => Ok(()),
        None => Err(damaged(&"the checkpoint ends too early")),
    }
}
