//! The one table that maps a log's error to a gRPC status and back.

use std::error::Error;

use prost::Message;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

use crate::limits::PONG_TIMEOUT;
use crate::wire::v1::{self, failure::Kind};
use crate::{Location, SinkError};

/// Trailing metadata that carries a [`v1::Failure`].
const FAILURE: &str = "txn-failure-bin";

/// The status for `error`.
pub(crate) fn of(error: &SinkError) -> Status {
    let (code, kind) = match error.clone() {
        SinkError::Unavailable(why) => return Status::unavailable(why),
        SinkError::Stopped => return Status::cancelled(error.to_string()),
        SinkError::Fenced { own, newer } => (Code::Aborted, Kind::Fenced(v1::Fenced { own, newer })),
        SinkError::InUse { path, holder } => {
            let path = path.to_string_lossy().into_owned();
            (Code::FailedPrecondition, Kind::InUse(v1::InUse { path, holder }))
        }
        SinkError::Gap { expected, found } => {
            (Code::FailedPrecondition, Kind::Gap(v1::Gap { expected_lsn: expected, found_lsn: found }))
        }
        SinkError::Conflict { lsn, what } => {
            (Code::FailedPrecondition, Kind::Conflict(v1::Conflict { lsn, what: what.into() }))
        }
        SinkError::Corrupt { place, lsn, what } => {
            (Code::DataLoss, Kind::Corrupt(v1::Corrupt { place: place.to_string(), lsn, what }))
        }
        SinkError::NoLongerKept { lsn, oldest } => {
            (Code::OutOfRange, Kind::NoLongerKept(v1::NoLongerKept { lsn, oldest_lsn: oldest }))
        }
        SinkError::Failed(what) => (Code::FailedPrecondition, Kind::Failed(v1::Failed { what })),
    };
    let failure = v1::Failure { kind: Some(kind) }.encode_to_vec();
    let mut metadata = MetadataMap::new();
    metadata.insert_bin(FAILURE, MetadataValue::from_bytes(&failure));
    Status::with_metadata(code, error.to_string(), metadata)
}

/// The status of every call that a stopping service no longer carries out.
pub(crate) fn stopping() -> Status {
    Status::unavailable("the service is stopping; resume when it is back")
}

/// The error for `status`. A status that does not say that a retry is useless is [`SinkError::Unavailable`]: the writer
/// keeps its records, which is never wrong.
pub(crate) fn to_error(status: &Status) -> SinkError {
    match failure(status) {
        Some(Kind::Fenced(v1::Fenced { own, newer })) => SinkError::Fenced { own, newer },
        Some(Kind::InUse(v1::InUse { path, holder })) => SinkError::InUse { path: path.into(), holder },
        Some(Kind::Corrupt(v1::Corrupt { place, lsn, what })) => {
            SinkError::Corrupt { place: Location::Other(place), lsn, what }
        }
        Some(Kind::Failed(v1::Failed { what })) => SinkError::Failed(what),
        Some(Kind::NoLongerKept(v1::NoLongerKept { lsn, oldest_lsn })) => {
            SinkError::NoLongerKept { lsn, oldest: oldest_lsn }
        }
        // The writer has already checked its batches: the service's log is not the one it knows.
        Some(Kind::Gap(_) | Kind::Conflict(_)) => SinkError::Failed(format!("the service: {}", status.message())),
        None => match status.code() {
            Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
                SinkError::Failed(format!("the service rejected the request: {}", status.message()))
            }
            code => SinkError::Unavailable(match (status.source(), code) {
                (Some(source), _) => broken(source),
                (None, Code::Unavailable) => status.message().into(),
                (None, code) => format!("{code:?}: {}", status.message()),
            }),
        },
    }
}

fn failure(status: &Status) -> Option<Kind> {
    let bytes = status.metadata().get_bin(FAILURE)?.to_bytes().ok()?;
    v1::Failure::decode(bytes).ok()?.kind
}

/// A broken connection, as a call on it sees it. The library gives no reason when pings were not answered; of its
/// causes only the innermost one is informative.
fn broken(source: &(dyn Error + 'static)) -> String {
    let mut cause = source;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    format!("the connection to the service broke, or a ping was not answered within {PONG_TIMEOUT:?}: {cause}")
}

/// An error with its causes, on one line.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    if let (true, Some(cause)) = (error.is::<tonic::transport::Error>(), error.source()) {
        // On its own it only says "transport error".
        return causes(cause);
    }
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_back_as_it_was() {
        let place = Location::Other("/log/00000000000000000001.seg, offset 64".into());
        let errors = [
            SinkError::Unavailable("the disk is full".into()),
            SinkError::Fenced { own: 3, newer: u64::MAX },
            SinkError::InUse { path: "/log".into(), holder: "process 7".into() },
            SinkError::Corrupt { place, lsn: 9, what: "no batch begins here".into() },
            SinkError::Failed("fdatasync reported: äöü".into()),
            SinkError::NoLongerKept { lsn: 3, oldest: 9 },
        ];
        for error in errors {
            assert_eq!(to_error(&of(&error)), error);
        }
    }

    #[test]
    fn a_batch_that_the_service_refuses_ends_the_writer() {
        for error in [SinkError::Gap { expected: 2, found: 9 }, SinkError::Conflict { lsn: 2, what: "it differs" }] {
            let received = to_error(&of(&error));
            assert!(matches!(&received, SinkError::Failed(why) if why.contains(&error.to_string())), "{received}");
        }
        for status in [Status::invalid_argument("no batch"), Status::out_of_range("too large")] {
            assert!(!to_error(&status).is_retryable());
        }
    }

    #[test]
    fn whatever_the_connection_reports_can_be_tried_again() {
        for code in [Code::Cancelled, Code::Unknown, Code::Internal, Code::DeadlineExceeded, Code::ResourceExhausted] {
            assert!(to_error(&Status::new(code, "transport")).is_retryable());
        }
        for code in [Code::Aborted, Code::PermissionDenied, Code::Unauthenticated, Code::Unimplemented] {
            assert!(to_error(&Status::new(code, "refused")).is_retryable());
        }
    }
}
