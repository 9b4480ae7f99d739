//! One session with PostgreSQL. Every required setting holds within each transaction, and nowhere else.
//!
//! Between kvs and the server there may be a pooler, which may give every transaction another server session and pass that
//! session on to other programs. So:
//!
//! - every statement is in a transaction that begins with [`Session::begin`]. The schema, and that the server takes
//!   foreign keys as valid, hold until the end of the transaction; nothing is left in the session for its next user;
//! - nothing is prepared outside of a transaction, and within one only unnamed statements are;
//! - settings that cannot harm another client are set once if the session is known to be our own, and else in each
//!   transaction. A token in the start-up packet shows that it is: a server accepts it as a setting; a pooler rejects it,
//!   drops it, or shows another client's. Settings that only a session can have (what happens while it is idle) are not
//!   set in a pooled one: a connection cut while idle is for the pooler to handle, and the writer checks its term once a
//!   second.

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor, Row};

use super::connect::{ConnectError, Connector};
use super::errors::{INSUFFICIENT_PRIVILEGE, PROTOCOL_VIOLATION, code_of, error, step, within_step};
use super::schema;
use crate::SinkError;

/// The beginning of every transaction.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; ";

/// Settings of each transaction. A COMMIT that returns is on disk, and no default of a role or a database aborts a
/// transaction that waits for the next piece of a group. Our own session gets them in the start-up packet, with the
/// token, which saves the server their parsing in each group.
const SETTINGS: [(&str, &str); 4] = [
    ("synchronous_commit", "on"),
    ("lock_timeout", "0"),
    ("statement_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
];

/// More settings of each transaction of a reader. Rows are read in key order, by index: to sort a table that is already in
/// order, the server would have to copy it.
const READING: &str = "SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off; SET LOCAL jit = off; ";

/// Makes a transaction look up rows by index, whatever the server knows of the sizes of the tables.
pub(super) const BY_INDEX: &str = "SET LOCAL enable_seqscan = off";

/// First version with `idle_session_timeout`.
const IDLE_SESSION_TIMEOUT_SINCE: u32 = 140_000;

/// First version with `transaction_timeout`.
const TRANSACTION_TIMEOUT_SINCE: u32 = 170_000;

/// Settings of an own session. They let the server notice that a peer was cut off.
const OWN_SESSION: &str = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";

/// Additional settings of a writer's own session: within 25 s the server notices that the writer was cut off, and ends
/// its transaction. Not for readers: one of the streams that are merged may be left unread for a long time, which looks
/// the same to the kernel.
const OWN_WRITER_SESSION: &str = "SET tcp_user_timeout = 25000";

/// The setting that distinguishes an own session from a pooled one.
const TOKEN: &str = "kvs.session";

/// A connection, and the statements that begin its transactions.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) connection: PgConnection,
    begin: String,
    /// Whether the server's session belongs to this connection alone.
    pub(super) is_own: bool,
}

/// The purpose of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Write,
    Read,
}

impl Session {
    /// Connects. Table names are unresolved until [`Self::set_schema`].
    pub(super) async fn start(connector: &Connector, purpose: Purpose) -> Result<Self, SinkError> {
        let options = connector.address.options().map_err(SinkError::Failed)?;
        let token = format!("{:032x}", rand::random::<u128>());
        let with_token = options.clone().options(SETTINGS).options([(TOKEN, &token)]);
        let mut connection = match connector.connect(&with_token).await {
            Ok(connection) => connection,
            Err(ConnectError::Sqlx(e)) if code_of(&e).as_deref() == Some(PROTOCOL_VIOLATION) => {
                connector.connect(&options).await.map_err(|e| connector.explain(&e))?
            }
            Err(e) => return Err(connector.explain(&e)),
        };
        let about = format!("SELECT current_setting('server_version_num')::int, current_setting('{TOKEN}', true)");
        let about = step(connection.fetch_one(about.as_str())).await?;
        let version = about.get::<i32, _>(0).cast_unsigned();
        let is_own = about.get::<Option<String>, _>(1).as_deref() == Some(&token);
        let mut begin = BEGIN.to_string();
        if is_own {
            let mut settings = OWN_SESSION.to_string();
            if version >= IDLE_SESSION_TIMEOUT_SINCE {
                settings.push_str("; SET idle_session_timeout = 0");
            }
            if version >= TRANSACTION_TIMEOUT_SINCE {
                settings.push_str("; SET transaction_timeout = 0");
            }
            if purpose == Purpose::Write {
                settings.push_str("; ");
                settings.push_str(OWN_WRITER_SESSION);
            }
            step(connection.execute(settings.as_str())).await?;
        } else {
            SETTINGS.iter().for_each(|(name, value)| begin += &format!("SET LOCAL {name} = {value}; "));
            if version >= TRANSACTION_TIMEOUT_SINCE {
                begin.push_str("SET LOCAL transaction_timeout = 0; ");
            }
        }
        if purpose == Purpose::Read {
            begin.push_str(READING);
        }
        Ok(Self { connection, begin, is_own })
    }

    /// Resolves unqualified names in `schema`, regardless of the role's search_path. Temporary tables of the same names
    /// come last.
    pub(super) fn set_schema(&mut self, schema: &str) {
        self.begin += &format!("SET LOCAL search_path TO {}, pg_temp; ", schema::quoted(schema));
    }

    /// Makes the server trust that referenced keys exist, if the role is allowed to. Keys are written before the rows
    /// that refer to them, in the same transaction, and checking each row again costs several times as much as storing
    /// it. Returns whether the server trusts them.
    pub(super) async fn trust_keys(&mut self) -> Result<bool, SinkError> {
        const SETTING: &str = "SET LOCAL session_replication_role = replica";
        let tried = format!("BEGIN; {SETTING}");
        let trusts = match within_step(self.connection.execute(tried.as_str())).await? {
            Ok(_) => true,
            Err(e) if code_of(&e).as_deref() == Some(INSUFFICIENT_PRIVILEGE) => false,
            Err(e) => return Err(error(&e)),
        };
        step(self.connection.execute("ROLLBACK")).await?;
        if trusts {
            self.begin += &format!("{SETTING}; ");
        }
        Ok(trusts)
    }

    /// The statements that begin every transaction; its first statement goes into the same message.
    pub(super) fn begin(&self) -> &str {
        &self.begin
    }

    /// Ends the session, whose transactions have ended: it does not matter how the connection ends.
    pub(super) async fn close(self) {
        let _ = self.connection.close().await;
    }

    /// Begins a transaction in a message of its own.
    pub(super) async fn begin_transaction(&mut self) -> Result<(), SinkError> {
        step(self.connection.execute(self.begin.as_str())).await?;
        Ok(())
    }
}
