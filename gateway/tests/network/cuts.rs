//! Connections that are cut again and again, or slow.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::harness::{eventually, seed};
use crate::load::{Progress, assert_recovered, under_load};
use crate::proxy::{End, Proxy};
use crate::site::{Place, Site, everywhere};

fn cycles() -> u32 {
    std::env::var("KVS_NETWORK_CYCLES").ok().and_then(|cycles| cycles.parse().ok()).unwrap_or(12)
}

/// Cuts connections after any number of bytes, so within a handshake, a batch, an acknowledgement. Each time writes must go on.
fn cut_again_and_again(proxies: &[&Proxy], rng: &mut StdRng, progress: &Progress) {
    for cycle in 0..cycles() as usize {
        let proxy = proxies[cycle % proxies.len()];
        let end = if rng.random_bool(0.5) { End::Reset } else { End::Fin };
        let bytes = if rng.random_bool(0.5) { rng.random_range(0..4_000) } else { rng.random_range(0..100_000) };
        proxy.cut_after(bytes, end);
        eventually("the connection is cut", || proxy.has_cut());
        progress.grows_by(rng.random_range(1..40));
    }
    progress.grows_by(20);
}

fn cut(durability: &str) {
    let seed = seed();
    everywhere(|place| {
        let mut rng = StdRng::seed_from_u64(seed);
        let site = Site::new(place);
        let kvs = site.start(&["--durability", durability]);
        let proxies: Vec<&Proxy> = [Some(&site.from_kvs), site.from_txnd.as_ref()].into_iter().flatten().collect();
        let written = under_load(&kvs, |progress| cut_again_and_again(&proxies, &mut rng, progress));
        let slowest = written.iter().map(|written| written.slowest).max();
        println!("{place:?}, {durability}: {} cuts, slowest write {slowest:?}", cycles());
        assert_recovered(&site, kvs, &written);
    });
}

#[test]
fn however_often_connections_are_cut_synchronous_writes_are_kept_once() {
    cut("sync");
}

#[test]
fn however_often_connections_are_cut_asynchronous_writes_are_kept_once() {
    cut("async");
}

#[test]
fn over_slow_connections_writes_go_on() {
    everywhere(|place| {
        let site = Site::new(place);
        let kvs = site.start(&[]);
        let written = under_load(&kvs, |progress| {
            progress.grows_by(50);
            for delay in [5, 40] {
                let delay = Duration::from_millis(delay);
                site.from_kvs.delay(delay);
                site.from_txnd.iter().for_each(|proxy| proxy.delay(delay));
                progress.grows_by(15);
            }
            // Slow, and then cut.
            site.from_kvs.cut_after(5_000, End::Reset);
            progress.grows_by(15);
            site.from_kvs.heal();
            site.from_txnd.iter().for_each(Proxy::heal);
            progress.grows_by(50);
        });
        assert_recovered(&site, kvs, &written);
    });
}

#[test]
fn a_log_that_refuses_connections_for_a_while_is_found_again() {
    let site = Site::new(Place::TxndTables);
    let kvs = site.start(&[]);
    let written = under_load(&kvs, |progress| {
        for proxy in [&site.from_kvs, site.from_txnd.as_ref().expect("a way to PostgreSQL")] {
            progress.grows_by(50);
            proxy.refuse();
            proxy.cut_after(0, End::Reset);
            kvs.says(&["the log is down"]);
            std::thread::sleep(Duration::from_millis(500));
            proxy.heal();
            kvs.says(&["the log is available again"]);
        }
        progress.grows_by(50);
    });
    assert_recovered(&site, kvs, &written);
}
