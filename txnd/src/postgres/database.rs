//! Sessions with the database of a log, each with its schema, and the server settings that a log needs.

use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use sqlx::{Connection, Executor, Row};
use tracing::info;

use super::address::Address;
use super::connect::Connector;
use super::errors::step;
use super::session::{Purpose, Session};
use super::{migrate, schema};
use crate::{SinkError, thread};

/// Minimum number of connections of a log: one to write; to read, one for rows and one for keys. Recovery uses more if
/// it gets them, see `read.rs`.
const MIN_CONNECTIONS: i32 = 3;

/// The database and schema of a log.
#[derive(Clone, Debug)]
pub(super) struct Database {
    connector: Connector,
    /// Determined once, so that objects created while the log is in use do not change its location.
    schema: Arc<OnceLock<String>>,
}

impl FromStr for Database {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        Ok(Self { connector: Connector::new(url.parse()?), schema: Arc::default() })
    }
}

/// A session that waits for the next read.
struct Kept {
    /// That of its database: clones share it.
    schema: Arc<OnceLock<String>>,
    session: Session,
}

/// Without the password.
impl std::fmt::Display for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.address().fmt(f)
    }
}

impl Database {
    fn address(&self) -> &Address {
        &self.connector.address
    }

    /// Number of records in each partition of the history.
    pub(super) fn partition_records(&self) -> u64 {
        self.address().partition_records()
    }

    /// A session for reading: one that was kept, or a new one.
    pub(super) async fn connect(&self) -> Result<Session, SinkError> {
        let is_of_this = |kept: &Kept| Arc::ptr_eq(&kept.schema, &self.schema);
        while let Some(Kept { mut session, .. }) = thread::take_kept(is_of_this) {
            // The server may have ended it meanwhile.
            if step(session.connection.ping()).await.is_ok() {
                return Ok(session);
            }
        }
        self.start(Purpose::Read).await
    }

    /// Ends the transaction of a session for reading, and keeps it for the next read of this thread. To connect takes the
    /// server and this program milliseconds of processor time, more than a short read.
    pub(super) async fn keep(&self, mut session: Session) {
        // A pooler has few, and others wait for them.
        if session.is_own && step(session.connection.execute("COMMIT")).await.is_ok() {
            thread::keep(Kept { schema: Arc::clone(&self.schema), session });
        }
    }

    /// A session for writing. Rejects a server that may lose what it has acknowledged.
    pub(super) async fn connect_writer(&self) -> Result<Session, SinkError> {
        let mut session = self.start(Purpose::Write).await?;
        self.check_settings(&mut session).await?;
        let pooled = !session.is_own;
        if session.trust_keys().await? {
            info!(database = %self, foreign_keys = "trusted", pooled, "connected to PostgreSQL");
        } else {
            let user = self.address().user();
            info!(database = %self, foreign_keys = "checked", pooled,
                "connected to PostgreSQL; GRANT SET ON PARAMETER session_replication_role TO {user} makes it store faster");
        }
        Ok(session)
    }

    async fn start(&self, purpose: Purpose) -> Result<Session, SinkError> {
        let mut session = Session::start(&self.connector, purpose).await?;
        let schema = match self.schema.get() {
            Some(schema) => schema,
            None => {
                let found = schema::find(self.address(), &mut session.connection).await?;
                self.schema.get_or_init(|| found)
            }
        };
        session.set_schema(schema);
        Ok(session)
    }

    async fn check_settings(&self, session: &mut Session) -> Result<(), SinkError> {
        const WANTED: [(&str, &str, &str); 3] = [
            ("fsync", "on", "a power cut would lose or damage what was acknowledged; set it on in postgresql.conf"),
            ("full_page_writes", "on", "a power cut would damage pages; set it on in postgresql.conf"),
            ("server_encoding", "UTF8", "texts are UTF-8; create the database with ENCODING 'UTF8' TEMPLATE template0"),
        ];
        let columns = WANTED.map(|(setting, ..)| format!("current_setting('{setting}')")).join(", ");
        let select = format!(
            "SELECT {columns}, (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user AND NOT rolsuper), \
             (SELECT datconnlimit FROM pg_database WHERE datname = current_database())"
        );
        let row = step(session.connection.fetch_one(select.as_str())).await?;
        for (column, (setting, wanted, why)) in WANTED.into_iter().enumerate() {
            let found: String = row.get(column);
            if found != wanted {
                return Err(SinkError::Failed(format!("{self} has {setting} = {found}, {wanted} is expected: {why}")));
            }
        }
        let of_role: Option<i32> = row.get(WANTED.len());
        let of_database: Option<i32> = of_role.and_then(|_| row.get(WANTED.len() + 1));
        for (whose, kind, limit) in
            [(self.address().user(), "ROLE", of_role), (self.address().database(), "DATABASE", of_database)]
        {
            if let Some(limit @ 0..MIN_CONNECTIONS) = limit {
                return Err(SinkError::Failed(format!(
                    "{self} allows {limit} connections to {whose}, at least {MIN_CONNECTIONS} are needed: one to write, two to \
                     recover; ALTER {kind} {whose} CONNECTION LIMIT {MIN_CONNECTIONS}"
                )));
            }
        }
        Ok(())
    }

    /// Migrates the tables to the version that this program knows.
    pub(super) async fn migrate(&self, session: &mut Session) -> Result<(), SinkError> {
        migrate::migrate(self.address(), session).await
    }
}
