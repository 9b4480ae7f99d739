//! What the thread that owns the sink tells everybody else.

use tokio::sync::watch;

use crate::cli::operator::{Check, State};
use crate::{SinkError, Term};

/// The state of the log.
#[derive(Clone, Debug)]
pub(super) struct LogState {
    /// The term that the sink is open for. `None` before the first term, after its end, and after an error that
    /// requires a resume.
    pub(super) term: Option<Term>,
    /// Whether the sink is usable, according to its last call.
    pub(super) usable: bool,
    /// Why the sink must not be used any more.
    pub(super) failed: Option<SinkError>,
}

impl LogState {
    pub(super) fn new() -> Self {
        Self { term: None, usable: true, failed: None }
    }

    /// Checks that `term` is the one that the sink is open for.
    pub(super) fn check_term(&self, term: &Term) -> Result<(), SinkError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        match &self.term {
            None => Err(SinkError::Unavailable("the service holds no term; resume it first".into())),
            Some(current) if term.epoch < current.epoch => {
                Err(SinkError::Fenced { own: term.epoch, newer: current.epoch })
            }
            Some(current) if (term.epoch, term.chain.log_id) == (current.epoch, current.chain.log_id) => Ok(()),
            Some(_) => Err(SinkError::Failed("the term is not one of this log".into())),
        }
    }
}

/// Tells the operator how the log is.
#[derive(Clone, Debug)]
pub struct LogCheck(watch::Receiver<LogState>);

impl LogCheck {
    pub(super) fn new(state: watch::Receiver<LogState>) -> Self {
        Self(state)
    }

    /// Whether the log is usable, as far as its last call tells.
    pub(crate) fn is_up(&self) -> bool {
        let log = self.0.borrow();
        log.usable && log.failed.is_none()
    }

    /// The result of the check.
    pub fn check(&self) -> Check {
        let log = self.0.borrow();
        let (state, detail) = match (&log.failed, log.usable, &log.term) {
            (Some(why), _, _) => (State::Bad, format!("failed: {why}")),
            (None, false, _) => (State::Bad, "its last call has failed; a writer tries again".into()),
            (None, true, Some(term)) => (State::Good, format!("open for the writer of epoch {}", term.epoch)),
            (None, true, None) => (State::Good, "no writer is connected".into()),
        };
        Check { name: "log", state, detail }
    }
}
