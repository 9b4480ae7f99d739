//! Writers that remember what was acknowledged, and the check of what a fresh kvs recovers.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::harness::{Client, Kvs, field};
use crate::site::Site;

/// Connections that write.
pub(crate) const WRITERS: usize = 6;

/// How long anything may take: longer than a server takes to find out that its log has fallen silent.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(100);

/// Pause before a write that was refused is tried again.
const PAUSE: Duration = Duration::from_millis(5);

/// What a writer knows of its writes, which come one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// So many were acknowledged.
    pub(crate) acknowledged: u32,
    /// So many may have been carried out: one more, where the last one was never answered.
    pub(crate) attempted: u32,
    /// The longest time that a write took to be acknowledged.
    pub(crate) slowest: Duration,
}

/// Write `number` of a writer: four kinds by turns.
fn request(writer: usize, number: u32) -> (String, String) {
    let round = number / 4 + 1;
    match number % 4 {
        0 => (format!("int-incr/n_{writer}"), String::new()),
        1 => ("uint-incr/all".into(), String::new()),
        2 => (format!("str-put/s_{writer}"), text(round)),
        _ => (format!("map-set/m_{writer}/f{}", round % 5), round.to_string()),
    }
}

/// The text of a round: now and then a long one, so that batches differ in size.
fn text(round: u32) -> String {
    let length = if round.is_multiple_of(50) { 100_000 } else { (round as usize * 37) % 900 };
    format!("{round}:{}", "x".repeat(length))
}

/// How many of a writer's first `writes` writes are of this kind.
fn of_kind(kind: u32, writes: u32) -> u32 {
    (writes + 3 - kind) / 4
}

/// How far the writers are.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    acknowledged: AtomicU32,
    over: AtomicBool,
    /// The server may end connections instead of answering, and refuse for good.
    ends: AtomicBool,
}

impl Progress {
    pub(crate) fn acknowledged(&self) -> u32 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Waits until so many more writes are acknowledged; returns how long that took.
    #[track_caller]
    pub(crate) fn grows_by(&self, writes: u32) -> Duration {
        let (began, before) = (Instant::now(), self.acknowledged());
        while self.acknowledged() < before + writes {
            assert!(began.elapsed() < WRITE_TIMEOUT, "writes do not go on");
            std::thread::sleep(PAUSE);
        }
        began.elapsed()
    }

    /// From now on connections may be closed without an answer, which ends their writers.
    pub(crate) fn may_end(&self) {
        self.ends.store(true, Ordering::SeqCst);
    }
}

/// Ends the writers, also when the test has failed.
struct Ends<'p>(&'p Progress);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
    }
}

/// Writes from [`WRITERS`] connections while `trouble` does its worst. Every write is tried until it is acknowledged.
pub(crate) fn under_load(kvs: &Kvs, trouble: impl FnOnce(&Progress)) -> Vec<Written> {
    let progress = &Progress::default();
    let address = kvs.addr;
    std::thread::scope(|scope| {
        let writers: Vec<_> =
            (0..WRITERS).map(|writer| scope.spawn(move || write(address, writer, progress))).collect();
        {
            let _ends = Ends(progress);
            trouble(progress);
        }
        writers.into_iter().map(|writer| writer.join().expect("a writer")).collect()
    })
}

/// Writes until the load is over.
fn write(address: SocketAddr, writer: usize, progress: &Progress) -> Written {
    let mut client = Client::connect(address);
    client.stream.set_read_timeout(Some(WRITE_TIMEOUT)).expect("a TCP socket");
    let mut written = Written::default();
    while !progress.over.load(Ordering::SeqCst) {
        let (path, body) = request(writer, written.acknowledged);
        let began = Instant::now();
        written.attempted = written.acknowledged + 1;
        let answer = loop {
            match client.try_request("PUT", &path, &body) {
                Ok(answer) if answer.status == 503 => {
                    answer.assert_error(503, &path);
                    std::thread::sleep(PAUSE);
                    if progress.ends.load(Ordering::SeqCst) && progress.over.load(Ordering::SeqCst) {
                        // It was refused before it was carried out.
                        written.attempted = written.acknowledged;
                        return written;
                    }
                }
                Ok(answer) if answer.status == 504 => {
                    assert!(progress.ends.load(Ordering::SeqCst), "{path}: {}", answer.text());
                    return written;
                }
                Ok(answer) => break answer,
                Err(e) => {
                    assert!(progress.ends.load(Ordering::SeqCst), "{path}: the connection has ended: {e}");
                    return written;
                }
            }
        };
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        if path.starts_with("int-incr") {
            // An increment answers with what was there before.
            let before = of_kind(0, written.acknowledged).to_string();
            assert_eq!(answer.text(), before, "{path}: an increment was carried out twice, or not at all");
        }
        written.acknowledged += 1;
        written.slowest = written.slowest.max(began.elapsed());
        progress.acknowledged.fetch_add(1, Ordering::SeqCst);
    }
    written
}

/// Stops `kvs`, which must have nothing to complain about, and checks that a fresh one recovers exactly what was acknowledged.
pub(crate) fn assert_recovered(site: &Site, kvs: Kvs, written: &[Written]) {
    let (status, diagnostics) = kvs.stop();
    assert_eq!(status.code(), Some(0), "{diagnostics}");
    let all: u32 = written.iter().map(|written| written.acknowledged).sum();
    let kvs = site.start_direct(&[]);
    assert_holds(&kvs, written);
    assert_eq!(recovered(&kvs), u64::from(all), "the last record of the log");
    site.check_tables(all.into());
    let (status, diagnostics) = kvs.stop();
    assert_eq!(status.code(), Some(0), "{diagnostics}");
}

/// The last record that a kvs has recovered.
pub(crate) fn recovered(kvs: &Kvs) -> u64 {
    let line = kvs.lines.iter().find(|line| field(line, "message") == Some("recovered the state from the log"));
    let (_, behind) = line.and_then(|line| line.split_once("\"lsn\":")).expect("something was recovered");
    let digits = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
    behind[..digits].parse().expect("a number")
}

/// Checks that everything that was acknowledged is there once, and nothing that was not attempted.
pub(crate) fn assert_holds(kvs: &Kvs, written: &[Written]) {
    let mut client = kvs.connect();
    let mut counter = |path: &str| match client.get(path) {
        answer if answer.status == 404 => 0,
        answer => answer.text().parse::<u32>().expect("a number"),
    };
    let between = |kind: u32, written: &Written| of_kind(kind, written.acknowledged)..=of_kind(kind, written.attempted);
    let shared = counter("uint-get/all");
    let [least, most] = [|w: &Written| w.acknowledged, |w: &Written| w.attempted]
        .map(|writes| written.iter().map(|written| of_kind(1, writes(written))).sum::<u32>());
    assert!((least..=most).contains(&shared), "the shared counter is {shared}, not {least} to {most}: {written:?}");
    for (writer, written) in written.iter().enumerate() {
        let own = counter(&format!("int-get/n_{writer}"));
        let expected = between(0, written);
        assert!(expected.contains(&own), "counter {writer} is {own}, not {expected:?}");
    }
    for (writer, written) in written.iter().enumerate() {
        let found = client.get(&format!("str-get/s_{writer}"));
        let mut rounds = between(2, written);
        assert!(
            rounds.any(|round| match round {
                0 => found.status == 404,
                round => found.body == text(round).as_bytes(),
            }),
            "text {writer}: {:.20}, {written:?}",
            found.text()
        );
        for field in 0..5 {
            let found = client.get(&format!("map-get/m_{writer}/f{field}"));
            let mut rounds = between(3, written).map(|rounds| (1..=rounds).rev().find(|round| round % 5 == field));
            assert!(
                rounds.any(|round| match round {
                    None => found.status == 404,
                    Some(round) => found.body == round.to_string().as_bytes(),
                }),
                "field {field} of map {writer}: {}, {written:?}",
                found.text()
            );
        }
    }
}
