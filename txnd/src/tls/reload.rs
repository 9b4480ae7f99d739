//! Files that are read again for as long as a server runs.

use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tracing::warn;

use super::files::TlsError;
use crate::meters;

/// How often the files are checked.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// What a server makes of its files.
pub(super) trait Reload {
    /// What the files contain.
    type Contents: Clone + PartialEq;

    /// Reads the files.
    fn read(&self) -> impl Future<Output = Result<Self::Contents, TlsError>>;

    /// Uses the contents from now on, if they have changed. Returns whether they have. After an error everything is as
    /// before.
    fn replace(&self, contents: Self::Contents) -> Result<bool, TlsError>;

    /// Logs what expires soon, if a line is due.
    fn warn_of_expiry(&self);
}

/// The result of the last check of the files, if they cannot be used.
struct Rejected<C> {
    found: Result<C, String>,
    why: TlsError,
    reported: bool,
}

/// Checks the files for ever. Unusable files are reported when they are found twice in a row: files that are replaced one
/// after the other do not match for a moment.
pub(super) async fn watch<R: Reload>(files: &R) {
    let mut interval = tokio::time::interval(WATCH_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut rejected: Option<Rejected<R::Contents>> = None;
    loop {
        interval.tick().await;
        files.warn_of_expiry();
        let (found, outcome) = match files.read().await {
            Ok(contents) => (Ok(contents.clone()), files.replace(contents)),
            Err(e) => (Err(e.to_string()), Err(e)),
        };
        rejected = match (outcome, rejected) {
            (Ok(_), _) => None,
            (Err(_), Some(mut before)) if before.found == found => {
                if !before.reported {
                    warn!("the changed certificates cannot be used, those of before stay in use: {}", before.why);
                    meters::certificates_rejected();
                    before.reported = true;
                }
                Some(before)
            }
            (Err(why), _) => Some(Rejected { found, why, reported: false }),
        };
    }
}

/// Reads files in a thread that may block.
pub(super) async fn read_blocking<C: Send + 'static>(
    read: impl FnOnce() -> Result<C, TlsError> + Send + 'static,
) -> Result<C, TlsError> {
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|e| Err(TlsError::Read { path: "the certificates".into(), source: e.into() }))
}
