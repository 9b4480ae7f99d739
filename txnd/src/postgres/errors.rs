//! Errors of a connection to PostgreSQL, and the timeout for one step of a session.

use std::time::Duration;

use crate::SinkError;

/// Timeout for one step of a session: a statement, or a piece of COPY data. A peer that takes longer counts as gone. It
/// is this long because the end of a COPY of a full group, with foreign keys checked, takes 3 s on an otherwise idle
/// server; a group that never completes in time would be retried for ever.
pub(super) const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// SQLSTATE of insufficient privilege.
pub(super) const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// SQLSTATE of a lock that was not available within `lock_timeout`.
pub(super) const LOCK_NOT_AVAILABLE: &str = "55P03";

/// SQLSTATE with which poolers reject what they cannot pass on.
pub(super) const PROTOCOL_VIOLATION: &str = "08P01";

/// Awaits one step of a session.
pub(super) async fn step<T>(action: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, SinkError> {
    within_step(action).await?.map_err(|e| error(&e))
}

/// Awaits one step whose error the caller handles.
pub(super) async fn within_step<T>(step: impl Future<Output = T>) -> Result<T, SinkError> {
    let late = |_| SinkError::Unavailable(format!("PostgreSQL did not answer within {STEP_TIMEOUT:?}"));
    tokio::time::timeout(STEP_TIMEOUT, step).await.map_err(late)
}

/// The SQLSTATE, if the error came from the server.
pub(super) fn code_of(e: &sqlx::Error) -> Option<String> {
    e.as_database_error().and_then(|e| e.code()).map(std::borrow::Cow::into_owned)
}

/// Classifies an error of an established connection. Errors that the same rows would cause again are permanent.
pub(super) fn error(e: &sqlx::Error) -> SinkError {
    match code_of(e).as_deref() {
        Some(code) if code.starts_with("23") => SinkError::Failed(format!(
            "PostgreSQL refuses the rows: {e}; has another program written to the tables? A restart shows where the log ends"
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

/// Turns a permanent error into a temporary one: it ends the start of a program, but not a running one.
pub(super) fn retryable(e: SinkError) -> SinkError {
    match e {
        SinkError::Failed(why) => SinkError::Unavailable(why),
        e => e,
    }
}
