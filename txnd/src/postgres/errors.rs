//! Errors of a connection to PostgreSQL, and how long one step of a conversation may take.

use std::time::Duration;

use crate::SinkError;

/// Longest time for one step of a conversation: a statement, a piece of COPY data. A peer that takes longer counts as gone. It is
/// that long because the end of a COPY of a full group with foreign keys checked takes 3 s where nothing else is going on; a
/// group that never comes through in time would be tried for ever.
pub(super) const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// SQLSTATE of "you may not".
pub(super) const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// SQLSTATE of a lock that was not free within `lock_timeout`.
pub(super) const LOCK_NOT_AVAILABLE: &str = "55P03";

/// SQLSTATE with which poolers refuse what they cannot pass on.
pub(super) const PROTOCOL_VIOLATION: &str = "08P01";

/// Awaits one step of a conversation with the server.
pub(super) async fn step<T>(conversation: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, SinkError> {
    within_step(conversation).await?.map_err(|e| error(&e))
}

/// Awaits one step whose failure the caller looks at.
pub(super) async fn within_step<T>(step: impl Future<Output = T>) -> Result<T, SinkError> {
    let late = |_| SinkError::Unavailable(format!("PostgreSQL did not answer within {STEP_TIMEOUT:?}"));
    tokio::time::timeout(STEP_TIMEOUT, step).await.map_err(late)
}

/// The SQLSTATE, if the error is one of the server.
pub(super) fn code_of(e: &sqlx::Error) -> Option<String> {
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
        Some(PROTOCOL_VIOLATION) if e.to_string().contains("statement pooling") => SinkError::Failed(format!(
            "the connection goes through a pooler that allows no transactions: {e}; set pool_mode = transaction or session \
             there, or connect to PostgreSQL itself"
        )),
        _ => SinkError::Unavailable(format!("PostgreSQL: {e}")),
    }
}

/// An error that ends the start of a server, but not a running one.
pub(super) fn retryable(e: SinkError) -> SinkError {
    match e {
        SinkError::Failed(why) => SinkError::Unavailable(why),
        e => e,
    }
}
