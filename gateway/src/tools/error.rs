//! Why a command failed.

use txnd::SinkError;

use crate::access::file::IdentitiesError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// A log cannot be read or written, or is damaged.
    #[error("{}", reason(.0))]
    Log(#[from] SinkError),
    /// The identities cannot be read or changed.
    #[error(transparent)]
    Identities(#[from] IdentitiesError),
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
}

/// A command that cannot do what it was asked for says so; the log has not failed.
fn reason(error: &SinkError) -> String {
    match error {
        SinkError::Failed(what) => what.clone(),
        other => other.to_string(),
    }
}
