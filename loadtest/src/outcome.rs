//! How a run ends, and the exit code that says so.

use std::process::ExitCode;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything ran, and every response was as it should be.
    Good,
    /// Something did not work.
    Failed,
    /// There were errors among the responses.
    WithErrors,
    /// Ended by a signal.
    Interrupted,
}

/// Exit code of a program that a signal ended, as shells report it for SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Good => 0,
            Outcome::Failed => 1,
            Outcome::WithErrors => 3,
            Outcome::Interrupted => INTERRUPTED,
        })
    }
}
