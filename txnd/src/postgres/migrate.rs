//! Migrates the tables to the version that this program knows.
//!
//! The library's own runner keeps a lock in the session and prepares named statements; a pooler supports neither. So its
//! migrations and its table of applied migrations are used, but all in one transaction: a second process waits, and a failed
//! migration leaves nothing behind.

use std::sync::LazyLock;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType};
use sqlx::{Executor, Row};
use tracing::info;

use super::address::Address;
use super::errors::{INSUFFICIENT_PRIVILEGE, LOCK_NOT_AVAILABLE, code_of, error, step};
use super::session::Session;
use crate::SinkError;

/// Version, description and SQL of every file of `migrations`, in order.
const FILES: &[(i64, &str, &str)] = &include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// Creates the tables, and changes them when a newer program starts.
static MIGRATIONS: LazyLock<Vec<Migration>> = LazyLock::new(|| {
    let migration = |(version, description, sql): &(i64, &'static str, &'static str)| {
        Migration::new(*version, (*description).into(), MigrationType::Simple, (*sql).into(), false)
    };
    FILES.iter().map(migration).collect()
});

/// Timeout for the locks of a migration, in seconds; another program may be doing it, or hold the tables.
const LOCK_TIMEOUT_S: u64 = 120;

/// Timeout for finding out what is to be migrated. It waits for one lock.
const LOOK_TIMEOUT: Duration = Duration::from_secs(LOCK_TIMEOUT_S + 10);

/// Timeout for one migration, which may read all of a long log.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(12 * 3600);

/// The holder of this lock may change the tables of this database. Any number that no other program uses.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7165921364087346803)";

/// SQLSTATE of an exception that a migration raises.
const RAISED: &str = "P0001";

/// The library's table, exactly as the library creates it.
const APPLIED: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
    installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, \
    execution_time BIGINT NOT NULL)";

/// Migrates the tables in the session's schema.
pub(super) async fn migrate(address: &Address, session: &mut Session) -> Result<(), SinkError> {
    let pending = within(address, LOOK_TIMEOUT, pending(address, session)).await?;
    let sql = |e: sqlx::Error| explain(address, &e);
    for migration in pending {
        let apply = async { session.connection.execute(&*migration.sql).await.map_err(sql) };
        within(address, MIGRATION_TIMEOUT, apply).await?;
        let note = format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES ({}, '{}', true, decode('{}', 'hex'), 0)",
            migration.version,
            migration.description.replace('\'', "''"),
            hex(&migration.checksum)
        );
        step(session.connection.execute(note.as_str())).await?;
    }
    step(session.connection.execute("COMMIT")).await?;
    Ok(())
}

async fn within<T>(
    address: &Address,
    timeout: Duration,
    action: impl Future<Output = Result<T, SinkError>>,
) -> Result<T, SinkError> {
    let late = |_| SinkError::Unavailable(format!("the tables in {address} were not ready within {timeout:?}"));
    tokio::time::timeout(timeout, action).await.map_err(late)?
}

/// Begins a transaction that holds the migrations' lock, and returns what is to be migrated in it.
async fn pending(address: &Address, session: &mut Session) -> Result<Vec<&'static Migration>, SinkError> {
    let failed = |what: String| Err(SinkError::Failed(what));
    let sql = |e: sqlx::Error| explain(address, &e);
    let lock = format!(
        "{}SET LOCAL client_min_messages = warning; SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'; {LOCK}",
        session.begin()
    );
    let connection = &mut session.connection;
    connection.execute(lock.as_str()).await.map_err(sql)?;
    connection.execute(APPLIED).await.map_err(sql)?;
    let select = "SELECT version, success, encode(checksum, 'hex') FROM _sqlx_migrations ORDER BY version";
    let applied = connection.fetch_all(select).await.map_err(sql)?;
    for row in &applied {
        let (version, success, checksum): (i64, bool, String) = (row.get(0), row.get(1), row.get(2));
        if !success {
            return failed(format!(
                "migration {version} of the tables in {address} did not complete; see the table _sqlx_migrations"
            ));
        }
        match MIGRATIONS.iter().find(|migration| migration.version == version) {
            None => {
                let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
                return failed(format!(
                    "the tables in {address} have version {version}, this program knows versions up to {known}; use a newer program"
                ));
            }
            Some(migration) if hex(&migration.checksum) != checksum => {
                return failed(format!(
                    "the tables in {address} were made by another version {version} of the migrations; use the program that \
                     made them, or another database"
                ));
            }
            Some(_) => {}
        }
    }
    let is_new = |migration: &&Migration| applied.iter().all(|row| row.get::<i64, _>(0) != migration.version);
    let pending: Vec<&Migration> = MIGRATIONS.iter().filter(is_new).collect();
    if !applied.is_empty() && !pending.is_empty() {
        info!(migrations = pending.len(), "migrating the tables in {address}; this may read all of the log");
    }
    Ok(pending)
}

fn explain(address: &Address, e: &sqlx::Error) -> SinkError {
    let user = address.user();
    match code_of(e).as_deref() {
        Some(INSUFFICIENT_PRIVILEGE) => SinkError::Failed(format!(
            "{user} may not create tables in {address}: {e}; GRANT CREATE ON SCHEMA public, or make it the database's owner"
        )),
        Some("42P07" | "42710" | "42723") => SinkError::Failed(format!(
            "{address} has tables of the same names already ({e}); use a database or schema of its own"
        )),
        Some(LOCK_NOT_AVAILABLE) => SinkError::Unavailable(format!(
            "the tables in {address} were not ready within {LOCK_TIMEOUT_S} s; does another program hold them?"
        )),
        Some(RAISED) => SinkError::Failed(format!("the tables in {address} cannot be migrated: {e}")),
        _ => error(e),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sqlx::migrate::Migrator;

    use super::MIGRATIONS;

    #[tokio::test]
    async fn every_file_is_in_the_program() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
        let files = Migrator::new(folder).await.expect("the folder is read");
        let of = |it: &sqlx::migrate::Migration| (it.version, it.description.to_string(), it.checksum.to_vec());
        assert_eq!(files.iter().map(of).collect::<Vec<_>>(), MIGRATIONS.iter().map(of).collect::<Vec<_>>());
    }
}
