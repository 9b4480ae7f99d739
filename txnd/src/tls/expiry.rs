//! Logs that a certificate, a CA or a revocation list will expire: 30 days, 7 days and 1 day before, when it has expired, and
//! daily from the last day on.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, warn};

use super::files::TlsFiles;
use super::leaf::date;
use super::material::{Dated, DatedKind, Material};

/// The source of the time.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The system's clock.
pub fn system_clock() -> Clock {
    Arc::new(SystemTime::now)
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long before expiry a line is due. The last stage says that it has expired.
const STAGES: [Duration; 4] = [DAY.saturating_mul(30), DAY.saturating_mul(7), DAY, Duration::ZERO];

/// From this stage on a line is due every day.
const DAILY: usize = 2;

/// How often a client checks its files.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// Logs the expiry of the content of `files`, as long as the current runtime runs. Files that cannot be read or used
/// are reported by the connections that need them. Returns after the first check.
pub async fn watch_expiry(files: TlsFiles, clock: Clock) {
    let mut expiry = Expiry::default();
    expiry.look(&files, &clock).await;
    tokio::spawn(async move {
        let mut interval = interval(CHECK_INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            expiry.look(&files, &clock).await;
        }
    });
}

/// The last line that was logged about each thing that expires.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    told: HashMap<(PathBuf, SystemTime), Told>,
}

/// The last line about one thing.
#[derive(Clone, Copy, Debug)]
struct Told {
    stage: usize,
    at: SystemTime,
}

impl Expiry {
    async fn look(&mut self, files: &TlsFiles, clock: &Clock) {
        let files = files.clone();
        let loaded = tokio::task::spawn_blocking(move || Material::load(&files)).await;
        if let Ok(Ok(material)) = loaded {
            self.warn(&material.dated, clock());
        }
    }

    /// Logs the lines that are due at `now` about what is in use.
    pub(super) fn warn(&mut self, dated: &[Dated], now: SystemTime) {
        // Forget what was replaced.
        self.told.retain(|(path, until), _| dated.iter().any(|it| it.path == *path && it.until == *until));
        for it in dated {
            let Some(stage) = it.stage(now) else { continue };
            let key = (it.path.clone(), it.until);
            let is_due = self.told.get(&key).is_none_or(|told| {
                let is_next_day = stage >= DAILY && told.at + DAY <= now;
                stage > told.stage || is_next_day
            });
            if is_due {
                self.told.insert(key, Told { stage, at: now });
                match STAGES[stage].is_zero() {
                    true => error!("{}", it.has_expired()),
                    false => warn!("{}", it.expires()),
                }
            }
        }
    }
}

impl Dated {
    /// Which of [`STAGES`] it has reached; `None` if it has time left.
    fn stage(&self, now: SystemTime) -> Option<usize> {
        let period = self.until.duration_since(self.from).unwrap_or_default();
        STAGES.iter().rposition(|&before| {
            // A list that is issued for one week should not cause a line from its first day on.
            let is_meant = self.kind != DatedKind::RevocationList || before <= period / 2;
            is_meant && self.until <= now + before
        })
    }

    fn expires(&self) -> String {
        let (path, until) = (self.path.display(), date(self.until));
        match self.kind {
            DatedKind::Certificate => format!("{path} expires on {until}; renew it with `txnd certs DIR --renew`"),
            DatedKind::Ca => format!(
                "the CA in {path} expires on {until}, and every certificate under it; make a new one with `txnd certs DIR` in \
                 another folder, and give it to both sides"
            ),
            DatedKind::RevocationList => {
                format!(
                    "the revocation list {path} expires on {until}, and then every certificate is refused; put a newer one there"
                )
            }
        }
    }

    fn has_expired(&self) -> String {
        let (path, until) = (self.path.display(), date(self.until));
        match self.kind {
            DatedKind::Certificate => {
                format!("{path} has expired on {until}: it is refused; renew it with `txnd certs DIR --renew`")
            }
            DatedKind::Ca => format!(
                "the CA in {path} has expired on {until}: every certificate under it is refused; make a new one with `txnd certs \
                 DIR` in another folder, and give it to both sides"
            ),
            DatedKind::RevocationList => {
                format!(
                    "the revocation list {path} has expired on {until}: every certificate is refused; put a newer one there"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(kind: DatedKind, days: u32) -> Dated {
        let from = SystemTime::UNIX_EPOCH + DAY * 1000;
        Dated { kind, path: "x.pem".into(), from, until: from + DAY * days }
    }

    /// On which days before expiry a line is logged, if it is checked four times a day.
    fn days_with_a_line(it: &Dated, days: std::ops::Range<i32>) -> Vec<i32> {
        let mut expiry = Expiry::default();
        let mut lines = Vec::new();
        for quarter in 4 * days.start..4 * days.end {
            let now = match u32::try_from(quarter) {
                Ok(after) => it.until + DAY * after / 4,
                Err(_) => it.until - DAY * quarter.unsigned_abs() / 4,
            };
            let before = expiry.told.values().next().map(|told| told.at);
            expiry.warn(std::slice::from_ref(it), now);
            if expiry.told.values().next().map(|told| told.at) != before {
                lines.push(quarter.div_euclid(4));
            }
        }
        lines
    }

    #[test]
    fn lines_are_due_in_time_and_again() {
        let certificate = thing(DatedKind::Certificate, 400);
        assert_eq!(days_with_a_line(&certificate, -40..4), [-30, -7, -1, 0, 1, 2, 3]);
        let list = thing(DatedKind::RevocationList, 7);
        assert_eq!(days_with_a_line(&list, -7..2), [-1, 0, 1]);
        let list = thing(DatedKind::RevocationList, 1);
        assert_eq!(days_with_a_line(&list, -1..2), [0, 1]);
    }

    #[test]
    fn what_is_found_late_has_one_line_and_what_was_renewed_begins_anew() {
        let certificate = thing(DatedKind::Certificate, 400);
        assert_eq!(days_with_a_line(&certificate, -5..1), [-5, -1, 0]);
        let mut expiry = Expiry::default();
        expiry.warn(std::slice::from_ref(&certificate), certificate.until);
        let renewed = Dated { until: certificate.until + DAY * 400, ..certificate };
        expiry.warn(std::slice::from_ref(&renewed), renewed.from);
        assert!(expiry.told.is_empty());
    }
}
