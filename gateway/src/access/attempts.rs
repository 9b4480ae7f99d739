//! The limit of failed attempts: how many wrong tokens may come from one address.
//!
//! Each address has a bucket that holds as many attempts as are allowed a minute, and fills again at that rate. While it is
//! empty, no token of that address is looked at, not even a right one: otherwise guessing would only become slower.
//! Connections that have shown their token before are not concerned.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Maximum number of addresses that are remembered. When there are more, those whose bucket is full again are forgotten,
/// and if there are none, all.
const MAX_ADDRESSES: usize = 4096;

/// The time in which an empty bucket fills.
const REFILL: Duration = Duration::from_secs(60);

/// Failed attempts by address.
#[derive(Debug)]
pub(super) struct Attempts {
    /// Allowed a minute; 0 for no limit.
    most: u32,
    failed: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Attempts that are left.
    left: f64,
    at: Instant,
}

impl Bucket {
    fn at(self, now: Instant, most: u32) -> Self {
        let gained = now.saturating_duration_since(self.at).div_duration_f64(REFILL) * f64::from(most);
        Self { left: (self.left + gained).min(f64::from(most)), at: now }
    }
}

/// What a failed attempt means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// The first one for a while.
    First,
    /// One of several.
    Again,
    /// The last one: no token of the address is looked at now.
    Last,
}

impl Attempts {
    pub(super) fn new(most: u32) -> Self {
        Self { most, failed: Mutex::default() }
    }

    /// Whether a token of this address may be looked at.
    pub(super) fn may_try(&self, address: IpAddr, now: Instant) -> bool {
        self.most == 0 || self.lock().get(&network(address)).is_none_or(|bucket| bucket.at(now, self.most).left >= 1.0)
    }

    /// Notes that a token was wrong.
    pub(super) fn failed(&self, address: IpAddr, now: Instant) -> Failed {
        if self.most == 0 {
            return Failed::Again;
        }
        let mut failed = self.lock();
        if failed.len() >= MAX_ADDRESSES {
            failed.retain(|_, bucket| bucket.at(now, self.most).left < f64::from(self.most));
            if failed.len() >= MAX_ADDRESSES {
                failed.clear();
            }
        }
        let full = Bucket { left: f64::from(self.most), at: now };
        let bucket = failed.entry(network(address)).or_insert(full);
        *bucket = bucket.at(now, self.most);
        let is_first = bucket.left >= f64::from(self.most);
        bucket.left -= 1.0;
        match (bucket.left < 1.0, is_first) {
            (true, _) => Failed::Last,
            (false, true) => Failed::First,
            (false, false) => Failed::Again,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, Bucket>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What counts as one address: of IPv6 the first 64 bits, because a customer usually gets all addresses with them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_attempts_a_minute() {
        let (attempts, now) = (Attempts::new(3), Instant::now());
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
        assert_eq!([(); 3].map(|()| attempts.failed(one, now)), [Failed::First, Failed::Again, Failed::Last]);
        assert!(!attempts.may_try(one, now) && attempts.may_try(other, now));
        assert!(!attempts.may_try(one, now + Duration::from_secs(19)));
        let later = now + Duration::from_secs(21);
        assert!(attempts.may_try(one, later));
        assert_eq!(attempts.failed(one, later), Failed::Last);
        assert_eq!(attempts.failed(one, later + REFILL), Failed::First);
    }

    #[test]
    fn addresses_of_one_network_count_together() {
        let (attempts, now) = (Attempts::new(1), Instant::now());
        attempts.failed("2001:db8::1".parse().unwrap(), now);
        assert!(!attempts.may_try("2001:db8::2".parse().unwrap(), now));
        assert!(attempts.may_try("2001:db8:0:1::1".parse().unwrap(), now));
        attempts.failed("::ffff:192.0.2.1".parse().unwrap(), now);
        assert!(!attempts.may_try("192.0.2.1".parse().unwrap(), now));
    }

    #[test]
    fn memory_stays_bounded_and_no_limit_is_none() {
        let (attempts, now) = (Attempts::new(2), Instant::now());
        for n in 0..3 * MAX_ADDRESSES as u32 {
            attempts.failed(IpAddr::V4(n.into()), now);
        }
        assert!(attempts.lock().len() <= MAX_ADDRESSES);
        let unlimited = Attempts::new(0);
        let address = "192.0.2.1".parse().unwrap();
        assert!((0..100).all(|_| unlimited.failed(address, now) == Failed::Again && unlimited.may_try(address, now)));
    }
}
