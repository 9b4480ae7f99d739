//! A client that knows how often it has counted, whatever happens to the log meanwhile.

use std::time::Duration;

use crate::harness::{Client, Kvs, eventually, request_bytes};

/// How long a write is given to be answered before the next thing is done.
const A_MOMENT: Duration = Duration::from_millis(100);

const COUNTER: &str = "uint-get/probe";

pub(crate) struct Probe<'k> {
    kvs: &'k Kvs,
    client: Client,
    /// Increments that were acknowledged.
    pub(crate) counted: u32,
    /// Connections that wait for the answer to an increment.
    waiting: Vec<Client>,
    /// Increments that were refused.
    pub(crate) refused: u32,
}

impl<'k> Probe<'k> {
    pub(crate) fn new(kvs: &'k Kvs) -> Self {
        Self { kvs, client: kvs.connect(), counted: 0, waiting: Vec::new(), refused: 0 }
    }

    /// Reads and writes while the log may be down: reads are answered at once; a write is answered, or waits.
    pub(crate) fn try_to_count(&mut self) {
        self.read();
        let mut client = self.kvs.connect();
        client.send_request("PUT", "uint-incr/probe", b"").expect("kvs takes requests");
        match client.answers_within(A_MOMENT) {
            true => self.note(&mut client),
            false => self.waiting.push(client),
        }
        self.read();
    }

    /// Waits until the log takes records again, and with them those that have waited.
    pub(crate) fn count_again(&mut self) {
        eventually("writes become durable again", || {
            let durably = request_bytes("PUT", "uint-incr/probe", &[("Kvs-Durability", "sync")], b"");
            let mut client = self.kvs.connect();
            client.send(&durably).expect("kvs takes requests");
            let before = self.counted;
            self.note(&mut client);
            self.counted > before
        });
        for mut client in std::mem::take(&mut self.waiting) {
            let refused = self.refused;
            self.note(&mut client);
            assert_eq!(self.refused, refused, "what has waited was carried out");
        }
        self.read();
    }

    fn note(&mut self, client: &mut Client) {
        let answer = client.receive().expect("an answer");
        match answer.status {
            200 => self.counted += 1,
            _ => {
                answer.assert_error(503, "an increment while the log is down");
                self.refused += 1;
            }
        }
    }

    fn read(&mut self) {
        let answer = self.client.get(COUNTER);
        let count = if answer.status == 404 { 0 } else { answer.text().parse::<u32>().expect("a count") };
        let most = self.counted + self.waiting.len() as u32;
        assert!((self.counted..=most).contains(&count), "{count} instead of {}..={most}", self.counted);
    }
}

/// What the counter of all probes says.
pub(crate) fn read_count(client: &mut Client) -> u32 {
    client.get(COUNTER).text().parse().expect("a count")
}
