//! One conversation with PostgreSQL. What must hold, holds within each transaction, and nowhere else.
//!
//! Between kvs and the server there may be a pooler, which gives every transaction another server's session and passes that
//! session on to other programs. So:
//!
//! - every statement is in a transaction that begins with [`Session::begin`]. The schema, and that the server believes that keys
//!   are there, hold until the transaction's end; nothing is left in the session for the next one who gets it;
//! - outside of a transaction nothing is prepared, and within one under no name;
//! - settings that harm nobody else are those of the session where it is known to be our own, and of each transaction elsewhere.
//!   A token in the start-up packet tells: a server takes it as a setting, a pooler refuses it, drops it, or shows
//!   somebody else's. What only a session can have (how long it may be idle) a pooled one goes without: what is cut off
//!   while it is idle is the pooler's affair, and a writer asks about its term once a second.

use sqlx::postgres::PgConnection;
use sqlx::{Executor, Row};

use super::connect::{ConnectError, Connector};
use super::errors::{INSUFFICIENT_PRIVILEGE, PROTOCOL_VIOLATION, code_of, error, step, within_step};
use super::schema;
use crate::SinkError;

/// What a transaction begins with.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; ";

/// What must hold in each transaction: a COMMIT that returns is on disk, and no default of a role or a database cuts off a
/// transaction that waits for the next piece of a group. An own session gets them in the start-up packet with the token, which
/// saves each group the parsing; other sessions in each transaction.
const SETTINGS: [(&str, &str); 4] = [
    ("synchronous_commit", "on"),
    ("lock_timeout", "0"),
    ("statement_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
];

/// What holds besides in each transaction of a reader: rows are read in the order of their keys, by index. Sorting a table that
/// is in order would take the server a copy of it.
const READING: &str = "SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off; SET LOCAL jit = off; ";

/// Has a transaction look rows up by index, whatever the server knows of the tables' sizes.
pub(super) const BY_INDEX: &str = "SET LOCAL enable_seqscan = off";

/// First version with `idle_session_timeout`.
const IDLE_SESSION_TIMEOUT_SINCE: u32 = 140_000;

/// First version with `transaction_timeout`.
const TRANSACTION_TIMEOUT_SINCE: u32 = 170_000;

/// What an own session sets. The server then notices that a peer is cut off.
const OWN_SESSION: &str = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";

/// What a writer's own session sets besides: the server notices within 25 s that the writer is cut off, and ends its transaction.
/// Not for readers: of the streams that are merged one may be read no further for long, which looks the same to the kernel.
const OWN_WRITER_SESSION: &str = "SET tcp_user_timeout = 25000";

/// The setting that tells an own session from a pooled one.
const TOKEN: &str = "kvs.session";

/// A connection, and what its transactions begin with.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) connection: PgConnection,
    begin: String,
    /// Whether the server's session is this connection's alone.
    pub(super) is_own: bool,
}

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Write,
    Read,
}

impl Session {
    /// Connects. Names of tables mean nothing until [`Self::set_schema`].
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

    /// Takes unqualified names for those of `schema`, whatever the role's search_path. Temporary tables of the same names come last.
    pub(super) fn set_schema(&mut self, schema: &str) {
        self.begin += &format!("SET LOCAL search_path TO {}, pg_temp; ", schema::quoted(schema));
    }

    /// Has the server believe that keys are there, if the role may say so. They are written before the rows that refer to them,
    /// in the same transaction, and checking that again for each row costs several times as much as storing it. Returns whether
    /// it does.
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

    /// What every transaction begins with; its first statement goes into the same message.
    pub(super) fn begin(&self) -> &str {
        &self.begin
    }

    /// Begins a transaction of which nothing else is sent yet.
    pub(super) async fn begin_transaction(&mut self) -> Result<(), SinkError> {
        step(self.connection.execute(self.begin.as_str())).await?;
        Ok(())
    }
}
