//! What the thread that owns the sink tells everybody else.

use tonic::Status;

use crate::{SinkError, Term, status};

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

    /// Whether the writer of `term` may read.
    pub(super) fn check_reader(&self, term: &Term) -> Result<(), Status> {
        if let Some(failed) = &self.failed {
            return Err(status::of(failed));
        }
        match &self.term {
            None => Err(Status::unavailable("the service holds no term; resume it, then read")),
            Some(current) if term.epoch < current.epoch => {
                Err(status::of(&SinkError::Fenced { own: term.epoch, newer: current.epoch }))
            }
            Some(current) if (term.epoch, term.chain.log_id) == (current.epoch, current.chain.log_id) => Ok(()),
            Some(_) => Err(Status::failed_precondition("the term is not one of this log")),
        }
    }
}
