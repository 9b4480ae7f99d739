//! Connections to PostgreSQL: settings that must hold, migrations, and errors that say what to do.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Executor, Row};
use tracing::info;

use crate::SinkError;

/// Creates the tables; changes them when a newer program comes.
static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// Longest time for a connection to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest time for one step of a conversation: a statement, a piece of COPY data. A peer that takes longer counts as gone. It is
/// that long because the end of a COPY of [`super::MAX_FILLING_BYTES`] with foreign keys checked takes 3 s where nothing
/// else is going on; a group that never comes through in time would be tried for ever.
pub(super) const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest time for the tables to be made; another program may be at it.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(120);

/// What every session sets.
const SESSION: &str = "SET synchronous_commit = on; SET client_min_messages = warning; SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; \
                       SET tcp_keepalives_count = 3; SET lock_timeout = 0; SET statement_timeout = 0";

/// What a writer's session sets besides: the server notices within 25 s that the writer is cut off, and ends its transaction.
/// Not for readers: of the tables that are merged one may be read no further for long, which looks the same to the kernel.
const WRITER_SESSION: &str = "SET tcp_user_timeout = 25000; SET enable_sort = off";

/// SQLSTATE of "you may not".
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// Where the database is and who asks.
#[derive(Clone, Debug)]
pub(super) struct Database {
    options: PgConnectOptions,
}

impl FromStr for Database {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err("expected postgres://USER:PASSWORD@HOST:PORT/DATABASE".into());
        }
        let options = PgConnectOptions::from_str(url)
            .map_err(|e| format!("{e}; expected postgres://USER:PASSWORD@HOST:PORT/DATABASE"))?;
        Ok(Self { options: options.application_name("kvs").disable_statement_logging() })
    }
}

impl std::fmt::Display for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let options = &self.options;
        let database = options.get_database().unwrap_or(options.get_username());
        write!(f, "postgres://{}@{}:{}/{database}", options.get_username(), options.get_host(), options.get_port())
    }
}

impl Database {
    /// A connection with the session's settings.
    pub(super) async fn connect(&self) -> Result<PgConnection, SinkError> {
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, self.options.connect());
        let mut connection = match connecting.await {
            Ok(Ok(connection)) => connection,
            Ok(Err(e)) => return Err(self.cannot_connect(&e)),
            Err(_) => {
                return Err(SinkError::Unavailable(format!("no connection to {self} within {CONNECT_TIMEOUT:?}")));
            }
        };
        step(connection.execute(SESSION)).await?;
        Ok(connection)
    }

    /// A connection to write through. Refuses a server that does not keep what it has acknowledged.
    pub(super) async fn connect_writer(&self) -> Result<PgConnection, SinkError> {
        let mut connection = self.connect().await?;
        step(connection.execute(WRITER_SESSION)).await?;
        self.check_settings(&mut connection).await?;
        // Keys are written before the rows that refer to them, in the same transaction. Where the role may, the server is
        // told not to check that again for each row, which costs several times as much as storing it.
        let trusted =
            tokio::time::timeout(STEP_TIMEOUT, connection.execute("SET session_replication_role = replica")).await;
        match trusted.map_err(|_| late())? {
            Ok(_) => info!(database = %self, foreign_keys = "trusted", "connected to PostgreSQL"),
            Err(e) if code_of(&e).as_deref() != Some(INSUFFICIENT_PRIVILEGE) => return Err(error(&e)),
            Err(_) => {
                let user = self.options.get_username();
                info!(database = %self, foreign_keys = "checked",
                    "connected to PostgreSQL; GRANT SET ON PARAMETER session_replication_role TO {user} makes it store faster");
            }
        }
        Ok(connection)
    }

    async fn check_settings(&self, connection: &mut PgConnection) -> Result<(), SinkError> {
        const WANTED: [(&str, &str, &str); 3] = [
            ("fsync", "on", "a power cut would lose or damage what was acknowledged; set it on in postgresql.conf"),
            ("full_page_writes", "on", "a power cut would damage pages; set it on in postgresql.conf"),
            ("server_encoding", "UTF8", "texts are UTF-8; create the database with ENCODING 'UTF8' TEMPLATE template0"),
        ];
        for (setting, wanted, why) in WANTED {
            let row = step(sqlx::query("SELECT current_setting($1)").bind(setting).fetch_one(&mut *connection)).await?;
            let found: String = row.get(0);
            if found != wanted {
                return Err(SinkError::Failed(format!("{self} has {setting} = {found}, {wanted} is expected: {why}")));
            }
        }
        Ok(())
    }

    /// Brings the tables to the form that this program knows.
    pub(super) async fn migrate(&self, connection: &mut PgConnection) -> Result<(), SinkError> {
        let failed = |what: String| Err(SinkError::Failed(what));
        let run = tokio::time::timeout(MIGRATION_TIMEOUT, MIGRATIONS.run(connection)).await;
        let run = run.map_err(|_| {
            SinkError::Unavailable(format!(
                "the tables in {self} were not ready within {MIGRATION_TIMEOUT:?}; does another program hold them?"
            ))
        })?;
        match run {
            Ok(()) => Ok(()),
            Err(MigrateError::VersionMissing(version)) => {
                let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
                failed(format!(
                    "the tables in {self} have version {version}, this program knows versions up to {known}; use a newer program"
                ))
            }
            Err(MigrateError::VersionMismatch(version)) => failed(format!(
                "the tables in {self} were made by another version {version} of the migrations; use the program that made them, \
                 or another database"
            )),
            Err(MigrateError::Dirty(version)) => failed(format!(
                "migration {version} of the tables in {self} did not come to its end; see the table _sqlx_migrations"
            )),
            Err(MigrateError::ExecuteMigration(e, _) | MigrateError::Execute(e)) => match code_of(&e).as_deref() {
                Some(INSUFFICIENT_PRIVILEGE) => failed(format!(
                    "{} may not create tables in {self}: {e}; GRANT CREATE ON SCHEMA public, or make it the database's owner",
                    self.options.get_username()
                )),
                Some("42P07" | "42710" | "42723") => failed(format!(
                    "{self} has tables of the same names already ({e}); use a database or schema of its own"
                )),
                _ => Err(error(&e)),
            },
            Err(e) => failed(format!("the tables in {self} cannot be made: {e}")),
        }
    }

    fn cannot_connect(&self, e: &sqlx::Error) -> SinkError {
        let options = &self.options;
        let user = options.get_username();
        match code_of(e).as_deref() {
            Some("28P01" | "28000") => SinkError::Failed(format!(
                "{self} does not let user {user} in: {e}; check the password in the URL, PGPASSWORD or PGPASSFILE, and pg_hba.conf"
            )),
            Some("3D000") => SinkError::Failed(format!("{self}: {e}; create it: createdb -O {user} {}", {
                options.get_database().unwrap_or(user)
            })),
            Some("42501") => SinkError::Failed(format!("{self}: {e}; GRANT CONNECT to {user}")),
            _ => match e {
                sqlx::Error::Tls(e) => {
                    SinkError::Failed(format!("{self}: TLS: {e}; see sslmode and sslrootcert in the URL"))
                }
                sqlx::Error::Configuration(e) => SinkError::Failed(format!("{self}: {e}")),
                e => SinkError::Unavailable(format!("cannot connect to {self}: {e}; is PostgreSQL running there?")),
            },
        }
    }
}

/// Awaits one step of a conversation with the server.
pub(super) async fn step<T>(conversation: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, SinkError> {
    match tokio::time::timeout(STEP_TIMEOUT, conversation).await {
        Ok(result) => result.map_err(|e| error(&e)),
        Err(_) => Err(late()),
    }
}

fn late() -> SinkError {
    SinkError::Unavailable(format!("PostgreSQL did not answer within {STEP_TIMEOUT:?}"))
}

/// The SQLSTATE, if the error is one of the server.
fn code_of(e: &sqlx::Error) -> Option<String> {
    e.as_database_error().and_then(|e| e.code()).map(std::borrow::Cow::into_owned)
}

/// What an error of a connection that was made means. Those that would come again with the same rows are final.
pub(super) fn error(e: &sqlx::Error) -> SinkError {
    match code_of(e).as_deref() {
        Some(code) if code.starts_with("23") => SinkError::Failed(format!(
            "PostgreSQL refuses the rows: {e}; has another program written into the tables? A restart tells where the log stands"
        )),
        Some(code) if code.starts_with("22") || code.starts_with("54") => {
            SinkError::Failed(format!("PostgreSQL cannot hold the rows: {e}"))
        }
        _ => SinkError::Unavailable(format!("PostgreSQL: {e}")),
    }
}
