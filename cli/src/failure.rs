//! What can go wrong, and the exit codes.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use client::Error;
use serde_json::json;

use crate::show::Format;

/// Why a command has not done what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// There is no such entry, field or member.
    #[error("{0}")]
    Missing(String),
    /// The server or the client has refused it; nothing has happened.
    #[error("{0}")]
    Refused(String),
    /// The command is wrong.
    #[error("{0}")]
    Usage(String),
    /// The server cannot be reached; nothing has happened.
    #[error("{0}")]
    Unreachable(String),
    /// It is not known what has happened.
    #[error("{0}")]
    Unknown(String),
    /// Nobody reads what is printed any more.
    #[error("cannot print: {0}")]
    Output(io::Error),
}

impl Failure {
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::Usage(what.into())
    }

    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self::Usage(format!("{}: {error}", path.display()))
    }

    pub(crate) fn output(error: io::Error) -> Self {
        Self::Output(error)
    }

    fn kind(&self) -> (&'static str, u8) {
        match self {
            // Whoever reads, `head` for example, has enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => ("done", 0),
            Self::Missing(_) => ("missing", 1),
            Self::Refused(_) | Self::Output(_) => ("refused", 1),
            Self::Usage(_) => ("usage", 2),
            Self::Unreachable(_) => ("unreachable", 3),
            Self::Unknown(_) => ("unknown", 4),
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        self.kind().1.into()
    }

    /// Whether the connection is of no more use.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Output(_))
    }

    /// Says it on standard error.
    pub(crate) fn tell(&self, format: Format) {
        let (kind, code) = self.kind();
        if code == 0 {
            return;
        }
        match format {
            Format::Json => eprintln!("{}", json!({"error": kind, "message": self.to_string()})),
            _ => eprintln!("kvs-cli: {self}"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let text = match &error {
            Error::ConditionFailed { etag: None, .. } => "the condition does not hold: there is no such entry".into(),
            Error::ConditionFailed { etag: Some(etag), .. } => {
                format!(
                    "the condition does not hold: the entry is there, in the state {}",
                    crate::value::shown_etag(*etag)
                )
            }
            Error::BeyondBounds { before, .. } => format!("beyond the bounds: the counter is {before}"),
            error => error.to_string(),
        };
        match &error {
            _ if error.is_outcome_unknown() => Self::Unknown(text),
            Error::InvalidInput(_) => Self::Usage(text),
            Error::NotSent { .. } | Error::Connect(_) | Error::Closed => Self::Unreachable(text),
            _ => Self::Refused(text),
        }
    }
}
