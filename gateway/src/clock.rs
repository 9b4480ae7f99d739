//! Timestamps of operations, as recorded in the log, and dates of responses, as sent in the `Date` header.
//!
//! The machine's clock may be wrong. Times are clamped to the years 1970 to 9999: HTTP dates cannot represent others,
//! and a wrong clock must not stop the server.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;
use hyper::header::HeaderValue;
use proto::Micros;
use tokio::time::Instant;

/// Length of an HTTP date such as `Sun, 06 Nov 1994 08:49:37 GMT`, in bytes.
const DATE_BYTES: usize = 29;

/// The latest representable time, counted from 1970: the last microsecond of the year 9999.
const LATEST: Duration = Duration::from_micros(253_402_300_799_999_999);

/// Now, in microseconds since the Unix epoch.
pub(crate) fn now() -> Micros {
    // Fits: the longest duration, in microseconds, has 18 digits.
    since_epoch(SystemTime::now()).as_micros() as i64
}

/// Whether the time of the machine's clock is representable, so that it is not clamped.
pub(crate) fn is_representable() -> bool {
    (UNIX_EPOCH..=UNIX_EPOCH + LATEST).contains(&SystemTime::now())
}

/// A time for people, in UTC, to the second.
pub(crate) fn shown(at: Micros) -> impl std::fmt::Display {
    humantime::format_rfc3339_seconds(time_of(at))
}

/// The same, to the microsecond.
pub(crate) fn exactly(at: Micros) -> impl std::fmt::Display {
    humantime::format_rfc3339_micros(time_of(at))
}

fn time_of(at: Micros) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(at.max(0).cast_unsigned()).min(LATEST)
}

/// Time since 1970, clamped.
pub(crate) fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().min(LATEST)
}

fn http_date(time: SystemTime) -> [u8; DATE_BYTES] {
    let mut date = [b' '; DATE_BYTES];
    // Always fits: dates of these years have exactly this length.
    let _ = write!(&mut date[..], "{}", HttpDate::from(UNIX_EPOCH + since_epoch(time)));
    date
}

fn date_header() -> HeaderValue {
    HeaderValue::from_bytes(&http_date(SystemTime::now())).expect("a date is visible ASCII")
}

/// The time of a server, by which entries expire: it never goes back, and never stands still. It follows the machine's clock
/// forward. If that is set back, it goes on from where it is, by the monotonic clock.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    /// The time when it started, or later if the machine's clock was set forward. Never decreases.
    base: AtomicI64,
}

impl Clock {
    /// A clock that begins with the machine's time, or with `earliest` if that is later.
    pub(crate) fn starting(earliest: Micros) -> Self {
        Self { started: Instant::now(), base: AtomicI64::new(earliest.clamp(0, LATEST.as_micros() as Micros)) }
    }

    /// Now, in microseconds since the Unix epoch.
    pub(crate) fn now(&self) -> Micros {
        self.read().0
    }

    /// The same, and the instant at which it is so.
    pub(crate) fn read(&self) -> (Micros, std::time::Instant) {
        // In this order: a pause between the two must not count as a step forward.
        let (machine, instant) = (now(), Instant::now());
        let running = instant.saturating_duration_since(self.started).as_micros() as i64;
        let (base, known) = (machine - running, self.base.load(Ordering::Relaxed));
        if base <= known {
            return (known + running, instant.into_std());
        }
        self.base.fetch_max(base, Ordering::Relaxed);
        (machine, instant.into_std())
    }

    /// How far it is ahead of the machine's clock.
    pub(crate) fn ahead(&self) -> Duration {
        Duration::from_micros((self.now() - now()).max(0).cast_unsigned())
    }
}

/// A worker's clock for deadlines and dates. It advances only in [`CoarseClock::set`], so that reading it costs almost
/// nothing.
#[derive(Debug)]
pub(crate) struct CoarseClock {
    instant: Cell<Instant>,
    micros: Cell<Micros>,
    date: RefCell<HeaderValue>,
}

impl CoarseClock {
    pub(crate) fn new() -> Self {
        Self { instant: Cell::new(Instant::now()), micros: Cell::new(now()), date: RefCell::new(date_header()) }
    }

    /// Sets the clock to `instant`, and time and date to the system's.
    pub(crate) fn set(&self, instant: Instant) {
        self.instant.set(instant);
        self.micros.set(now());
        self.date.replace(date_header());
    }

    pub(crate) fn instant(&self) -> Instant {
        self.instant.get()
    }

    /// The time, in microseconds since the Unix epoch.
    pub(crate) fn micros(&self) -> Micros {
        self.micros.get()
    }

    /// The value of the `Date` header.
    pub(crate) fn date(&self) -> HeaderValue {
        self.date.borrow().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_server_goes_on_from_a_later_one() {
        let later = now() + 3_600_000_000;
        let clock = Clock::starting(later);
        let (first, ahead) = (clock.now(), clock.ahead());
        assert!((later..later + 60_000_000).contains(&first), "{first}");
        assert!(ahead > Duration::from_secs(3_500), "{ahead:?}");
        let started = Instant::now();
        while clock.now() == first {
            assert!(started.elapsed() < Duration::from_secs(10), "it stands still");
        }
        assert!(clock.now() > first);
        let now_again = Clock::starting(0);
        assert!((now_again.now() - now()).abs() < 60_000_000 && now_again.ahead() < Duration::from_secs(60));
    }

    #[test]
    fn every_time_can_be_shown() {
        assert_eq!(shown(1_700_000_000_000_000).to_string(), "2023-11-14T22:13:20Z");
        assert_eq!(shown(Micros::MIN).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(shown(Micros::MAX).to_string(), "9999-12-31T23:59:59Z");
    }

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
