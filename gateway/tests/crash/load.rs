//! Connections that write until they are told to stop or the server dies under them, and what is found of it afterwards.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::harness::{Answer, Client, Kvs};

/// Connections that write, each its own keys of all types.
const WRITERS: usize = 8;

/// A long value every so many rounds, of each writer in another round.
const LONG_EVERY: usize = 50;

/// Length of such a value: more than what the kernel writes at once.
const LONG_BYTES: usize = 256 << 10;

/// How long a writer that was refused waits before it asks again.
const PAUSE: Duration = Duration::from_millis(5);

/// What a connection has written, as far as it knows. Round `n` writes `n` into each of its entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// All writes up to this round were acknowledged.
    pub(crate) acknowledged: u32,
    /// Writes of this round may have been carried out.
    pub(crate) attempted: u32,
    /// Writes that were refused, and then asked for again.
    pub(crate) refused: u32,
}

/// The rounds that a writer's entries tell, in the order in which a round writes them.
pub(crate) type Rounds = [u32; 9];

/// How many records of the log have led to these entries. A deletion that finds nothing, as that of the first round, is none.
pub(crate) fn records(rounds: &Rounds) -> u64 {
    let writes: u64 = rounds.iter().copied().map(u64::from).sum();
    writes - u64::from(rounds[7].min(1))
}

/// Connections that write at the same time.
pub(crate) struct Load {
    group: u32,
    signals: Arc<Signals>,
    writers: Vec<JoinHandle<Written>>,
}

#[derive(Default)]
struct Signals {
    /// The writers may stop after their round.
    stop: AtomicBool,
    /// Connections may break.
    killed: AtomicBool,
}

impl Load {
    /// Begins to write. Each group has entries of its own.
    pub(crate) fn start(kvs: &Kvs, group: u32) -> Self {
        let signals = Arc::<Signals>::default();
        let start = |number| {
            let writer = Writer { client: kvs.connect(), number, who: who(number, group), written: Written::default() };
            let signals = Arc::clone(&signals);
            std::thread::spawn(move || writer.run(&signals))
        };
        let writers = (0..WRITERS).map(start).collect();
        Self { group, signals, writers }
    }

    /// From now on connections may break. To be called right before the server is killed.
    pub(crate) fn expect_the_end(&self) {
        self.signals.killed.store(true, Ordering::SeqCst);
    }

    /// Waits until the server's death has ended all writers.
    pub(crate) fn join(self) -> Vec<Written> {
        let Self { group, writers, .. } = self;
        let written =
            |writer: JoinHandle<_>| writer.join().unwrap_or_else(|_| panic!("a writer of group {group} failed"));
        writers.into_iter().map(written).collect()
    }

    /// Lets all writers finish their round.
    pub(crate) fn stop(self) -> Vec<Written> {
        self.signals.stop.store(true, Ordering::SeqCst);
        self.join()
    }
}

fn who(number: usize, group: u32) -> String {
    format!("{number}_{group}")
}

struct Writer {
    client: Client,
    number: usize,
    /// Part of every key.
    who: String,
    written: Written,
}

impl Writer {
    fn run(mut self, signals: &Signals) -> Written {
        while !signals.stop.load(Ordering::SeqCst) {
            self.written.attempted = self.written.acknowledged + 1;
            match self.write_round(self.written.attempted) {
                Ok(()) => self.written.acknowledged = self.written.attempted,
                Err(e) => {
                    assert!(signals.killed.load(Ordering::SeqCst), "the connection broke before kvs was killed: {e}");
                    break;
                }
            }
        }
        self.written
    }

    fn write_round(&mut self, round: u32) -> io::Result<()> {
        let who = self.who.clone();
        let is_long = (self.number * LONG_EVERY / WRITERS + round as usize).is_multiple_of(LONG_EVERY);
        let filling = "x".repeat(if is_long { LONG_BYTES } else { (round as usize * 7) % 60 });
        self.write("PUT", &format!("int-put/i_{who}"), &round.to_string())?;
        self.write("PUT", &format!("uint-incr/u_{who}"), "")?;
        self.write("PUT", &format!("float-put/f_{who}"), &round.to_string())?;
        self.write("PUT", &format!("str-put/s_{who}"), &format!("{round}:{filling}"))?;
        self.write("PUT", &format!("map-set/m_{who}/round"), &round.to_string())?;
        self.write("PUT", &format!("set-put/e_{who}"), &format!(r#"["{round}",""]"#))?;
        // An empty value, and a deletion: of the keys with a round in their name the latest one is there.
        self.write("PUT", &format!("str-put/d_{who}_{round}"), "")?;
        let deleted = self.write("DELETE", &format!("str-del/d_{who}_{}", round - 1), "")?.deleted();
        assert_eq!(deleted, round > 1, "round {round} of {who} deletes the value of the round before");
        let map = self.client.try_request("GET", &format!("map-get/m_{who}"), "")?;
        assert_eq!(map.text(), format!(r#"{{"round":"{round}"}}"#), "a write is there for who reads after it");
        let count = self.write("PUT", &format!("int-incrby/last_{who}"), "1")?;
        assert_eq!(count.text(), (round - 1).to_string(), "{who}: counted once, answered with the value before");
        Ok(())
    }

    /// Asks until the write is carried out; a refused one has changed nothing.
    fn write(&mut self, method: &str, path: &str, body: &str) -> io::Result<Answer> {
        loop {
            let answer = self.client.try_request(method, path, body)?;
            if answer.status == 200 {
                return Ok(answer);
            }
            answer.assert_error(503, path);
            self.written.refused += 1;
            std::thread::sleep(PAUSE);
        }
    }
}

/// What the entries of all writers of a group tell.
pub(crate) fn read_group(client: &mut Client, group: u32) -> Vec<Rounds> {
    (0..WRITERS).map(|number| read_rounds(client, &who(number, group))).collect()
}

fn read_rounds(client: &mut Client, who: &str) -> Rounds {
    let mut number = |path: String, parse: &dyn Fn(&str) -> u32| {
        let answer = client.get(&path);
        if answer.status == 404 { 0 } else { parse(answer.text()) }
    };
    let plain = |text: &str| text.parse::<u32>().expect("a round");
    let [i, u, f] = [format!("int-get/i_{who}"), format!("uint-get/u_{who}"), format!("float-get/f_{who}")];
    let mut rounds = [0; 9];
    rounds[0] = number(i, &plain);
    rounds[1] = number(u, &plain);
    rounds[2] = number(f, &|text| text.parse::<f32>().expect("a number") as u32);
    rounds[3] = number(format!("str-get/s_{who}"), &|text| {
        let (round, rest) = text.split_once(':').expect("a round and its filling");
        assert!(rest.bytes().all(|byte| byte == b'x'), "a torn value");
        plain(round)
    });
    rounds[4] = number(format!("map-get/m_{who}/round"), &plain);
    rounds[5] = number(format!("set-get/e_{who}"), &|text| {
        plain(text.strip_prefix(r#"["",""#).and_then(|t| t.strip_suffix(r#""]"#)).expect("both members"))
    });
    rounds[8] = number(format!("int-get/last_{who}"), &plain);
    (rounds[6], rounds[7]) = read_latest(client, who, rounds[5]);
    rounds
}

/// The last rounds whose empty value was stored, and whose deletion was carried out, if they are `latest` or the one before.
fn read_latest(client: &mut Client, who: &str, latest: u32) -> (u32, u32) {
    let mut exists = |round: u32| {
        let answer = client.get(&format!("str-get/d_{who}_{round}"));
        assert!(answer.body.is_empty() || answer.status == 404, "an empty value has become {}", answer.text());
        answer.status == 200
    };
    let stored = if exists(latest) { latest } else { latest.saturating_sub(1) };
    assert!(stored == 0 || exists(stored), "{who}: the value of round {stored} is lost");
    // Each round deletes the value of the one before.
    let deleted = if stored > 0 && exists(stored - 1) { stored - 1 } else { stored };
    assert!(deleted == 0 || !exists(deleted - 1), "{who}: the value of round {} is back", deleted - 1);
    (stored, deleted)
}
