//! Clients that send everything again, at random and whenever they are not sure, through a proxy that cuts connections, to a kvs
//! that is killed again and again: each increment counts once.
//!
//! `KVS_ONCE_INCREMENTS` and `KVS_ONCE_KILLS` set how many; `cargo xtask network` makes the long run.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use testkit::postgres_server::free_port;

use crate::harness::{Client, Kvs, eventually, folder, request_to, seed};
use crate::proxy::{End, Proxy};

/// Clients at a time.
const CLIENTS: u64 = 8;

/// Requests that a client may send again although they were answered, the last ones.
const AGAIN: u64 = 50;

/// How long an increment may take, with all deaths and cuts.
const LONGEST: Duration = Duration::from_secs(60);

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |number| number.parse().expect("a number"))
}

/// What all clients share.
#[derive(Default)]
struct Tally {
    done: AtomicU64,
    sent: AtomicU64,
    replayed: AtomicU64,
}

/// A client that has to make some increments.
struct Incrementer<'t> {
    number: u64,
    address: SocketAddr,
    chance: StdRng,
    connection: Option<Client>,
    tally: &'t Tally,
}

/// Says so when the test has ended, also with a panic.
struct Ending<'t>(&'t AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Incrementer<'_> {
    /// Sends the increment with this number until there is a response. Returns the value after it, and whether an earlier request has
    /// made it.
    fn increment(&mut self, increment: u64) -> (u64, bool) {
        let key = format!("{}-{increment}", self.number);
        let request = request_to("PATCH", "/v2/int/n", &[("Idempotency-Key", &key)], br#"{"incr":1}"#);
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < LONGEST, "an increment has got no response");
            let Some(mut client) =
                self.connection.take().or_else(|| TcpStream::connect(self.address).ok().map(Client::on))
            else {
                // kvs is being started again.
                std::thread::sleep(Duration::from_millis(2));
                continue;
            };
            self.tally.sent.fetch_add(1, Ordering::Relaxed);
            if client.send(&request).is_err() {
                continue;
            }
            if self.chance.random_ratio(1, 50) {
                // Gives up waiting: the connection ends without a response.
                continue;
            }
            let Ok(answer) = client.receive() else { continue };
            match answer.status {
                200 => {}
                503 | 504 => continue,
                _ => panic!("{answer:?}"),
            }
            self.connection = Some(client);
            let document: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
            return (document["value"].as_u64().expect("a value"), answer.header("idempotency-replayed").is_some());
        }
    }

    fn run(mut self, increments: u64) {
        let mut values = Vec::new();
        for increment in 0..increments {
            values.push(self.increment(increment).0);
            self.tally.done.fetch_add(1, Ordering::Relaxed);
            if self.chance.random_ratio(1, 10) {
                let again = increment - self.chance.random_range(0..AGAIN.min(increment + 1));
                let (value, replayed) = self.increment(again);
                assert!(
                    replayed && value == values[again as usize],
                    "{again}: {value}, first {}",
                    values[again as usize]
                );
                self.tally.replayed.fetch_add(1, Ordering::Relaxed);
            }
        }
        assert!(values.is_sorted_by(|a, b| a < b), "two increments have come to the same");
    }
}

#[test]
fn clients_that_send_everything_again_count_exactly() {
    let (increments, kills) = (number("KVS_ONCE_INCREMENTS", 2_000), number("KVS_ONCE_KILLS", 5));
    let (seed, folder, began) = (seed(), folder(), Instant::now());
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let proxy = Proxy::to(address);
    let start = || {
        let mut command = Kvs::program();
        command.args(["--http-addr", &address.to_string(), "--workers", "2", "--segment-size", "64KiB"]);
        command.args(["--checkpoint-after", "128KiB", "--retain", "0", "--log"]);
        command.arg(format!("file:{}", folder.path().display()));
        Kvs::try_start(&mut command).unwrap_or_else(|e| panic!("kvs did not start: {e:?}"))
    };
    let (tally, is_done, cuts) = (Tally::default(), AtomicBool::new(false), AtomicU64::new(0));
    let mut kvs = Some(start());
    std::thread::scope(|scope| {
        let _ending = Ending(&is_done);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let chance = StdRng::seed_from_u64(seed.wrapping_add(number));
                let client = Incrementer { number, address: proxy.address, chance, connection: None, tally: &tally };
                let own = increments / CLIENTS + u64::from(number < increments % CLIENTS);
                scope.spawn(move || client.run(own))
            })
            .collect();
        scope.spawn(|| {
            let mut chance = StdRng::seed_from_u64(seed.wrapping_sub(1));
            while !is_done.load(Ordering::Relaxed) {
                let end = if chance.random_bool(0.5) { End::Reset } else { End::Fin };
                proxy.cut_after(chance.random_range(0..40_000), end);
                let until = Instant::now() + Duration::from_millis(200);
                while !proxy.has_cut() && Instant::now() < until {
                    std::thread::sleep(Duration::from_millis(1));
                }
                cuts.fetch_add(u64::from(proxy.has_cut()), Ordering::Relaxed);
            }
            proxy.heal();
        });
        let done = || tally.done.load(Ordering::Relaxed);
        for kill in 1..=kills {
            let wanted = kill * increments / (kills + 1);
            while done() < wanted {
                let before = done();
                eventually("increments go on", || done() > before);
            }
            kvs.take().expect("it runs").kill();
            kvs = Some(start());
        }
        clients.into_iter().for_each(|client| client.join().expect("no client panics"));
    });
    let kvs = kvs.expect("it runs");
    let value = kvs.connect().exchange(&request_to("GET", "/v2/int/n", &[], b""));
    let Tally { done, sent, replayed } = tally;
    println!(
        "{increments} increments, {} requests, {} answered ones sent again, {kills} kills, {} cuts, {:?}",
        sent.into_inner(),
        replayed.into_inner(),
        cuts.into_inner(),
        began.elapsed()
    );
    assert_eq!((value.text(), done.into_inner()), (&*increments.to_string(), increments));
    kvs.kill();
}
