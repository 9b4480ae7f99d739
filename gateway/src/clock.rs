//! The time: of an operation, as the log records it, and of a response, as its `Date` header tells it.
//!
//! A machine's clock may say anything. What is told lies between 1970 and 9999: an HTTP date can name nothing else, and no clock
//! that is off must stop a server.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;
use hyper::header::HeaderValue;
use proto::Micros;
use tokio::time::Instant;

/// Length of an HTTP date such as `Sun, 06 Nov 1994 08:49:37 GMT`, in bytes.
const DATE_BYTES: usize = 29;

/// The last time that is told, counted from 1970: the last microsecond of the year 9999.
const LATEST: Duration = Duration::from_micros(253_402_300_799_999_999);

/// Now, in microseconds since the Unix epoch.
pub(crate) fn now() -> Micros {
    // The longest duration has 18 digits.
    since_epoch(SystemTime::now()).as_micros() as i64
}

/// Whether the machine's clock shows a time that is told as it is.
pub(crate) fn can_be_told() -> bool {
    SystemTime::now().duration_since(UNIX_EPOCH).is_ok_and(|since| since <= LATEST)
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().min(LATEST)
}

fn http_date(time: SystemTime) -> [u8; DATE_BYTES] {
    let mut date = [b' '; DATE_BYTES];
    // Always fits: the date of a time within these years has this length.
    let _ = write!(&mut date[..], "{}", HttpDate::from(UNIX_EPOCH + since_epoch(time)));
    date
}

fn date_header() -> HeaderValue {
    HeaderValue::from_bytes(&http_date(SystemTime::now())).expect("a date is visible ASCII")
}

/// A worker's clock for deadlines and dates. It stands still between two calls of [`CoarseClock::set`], so reading it costs nothing.
#[derive(Debug)]
pub(crate) struct CoarseClock {
    instant: Cell<Instant>,
    date: RefCell<HeaderValue>,
}

impl CoarseClock {
    pub(crate) fn new() -> Self {
        Self { instant: Cell::new(Instant::now()), date: RefCell::new(date_header()) }
    }

    /// Sets the clock: to `instant`, and to the system's date.
    pub(crate) fn set(&self, instant: Instant) {
        self.instant.set(instant);
        self.date.replace(date_header());
    }

    pub(crate) fn instant(&self) -> Instant {
        self.instant.get()
    }

    /// The date, for the header of that name.
    pub(crate) fn date(&self) -> HeaderValue {
        self.date.borrow().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_clock_is_too_odd_for_a_date() {
        let year_9999 = UNIX_EPOCH + Duration::from_secs(253_402_300_799);
        for (time, date) in [
            (UNIX_EPOCH + Duration::from_secs(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT"),
            (UNIX_EPOCH, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (UNIX_EPOCH - Duration::from_nanos(1), "Thu, 01 Jan 1970 00:00:00 GMT"),
            (UNIX_EPOCH - Duration::from_secs(1 << 40), "Thu, 01 Jan 1970 00:00:00 GMT"),
            (year_9999, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (year_9999 + Duration::from_secs(1), "Fri, 31 Dec 9999 23:59:59 GMT"),
            (UNIX_EPOCH + Duration::from_secs(1 << 60), "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(http_date(time), date.as_bytes(), "{time:?}");
        }
    }
}
