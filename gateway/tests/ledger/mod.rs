//! A client that counts and writes down how far it has come, and what the next life of a kvs must know of it. Tests that
//! use it also have `mod harness`.
#![allow(dead_code)] // Each test binary uses a part of this.

use crate::harness::Kvs;

/// Writes in one life, unless it ends before.
pub(crate) const WRITES: u32 = 120;

/// Bytes of the text: with it a batch is longer than a sector and a page, or a segment is soon full.
const TEXT_BYTES: usize = 3_000;

/// What kvs has been told, and has acknowledged or refused.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Increments that were carried out.
    count: u32,
    /// The count in the text that was put last.
    written: u32,
    /// What was asked for last and has no answer.
    open: Option<Write>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    Count,
    Text,
}

fn text(count: u32) -> String {
    format!("{count}:{}", "x".repeat(TEXT_BYTES))
}

impl Ledger {
    /// Increments that were carried out, after [`Ledger::check`].
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Counts and writes it down, until kvs or its log is gone. Returns how many writes were acknowledged.
    pub(crate) fn write(&mut self, kvs: &Kvs) -> u32 {
        let (mut client, mut acknowledged) = (kvs.connect(), 0);
        for number in 0..WRITES {
            let write = if number.is_multiple_of(2) { Write::Count } else { Write::Text };
            let answer = match write {
                Write::Count => client.try_request("PUT", "int-incr/n", ""),
                Write::Text => client.try_request("PUT", "str-put/text", text(self.count)),
            };
            match answer.map(|answer| (answer.status, answer)) {
                Ok((200, _)) => self.is_done(write),
                // Refused, and not carried out.
                Ok((503, _)) => break,
                // It may have been carried out: so does kvs say, or nobody says anything.
                Ok((504, _)) | Err(_) => {
                    self.open = Some(write);
                    break;
                }
                Ok((_, other)) => panic!("unexpected: {other:?}"),
            }
            acknowledged += 1;
        }
        acknowledged
    }

    fn is_done(&mut self, write: Write) {
        match write {
            Write::Count => self.count += 1,
            Write::Text => self.written = self.count,
        }
    }

    /// Compares it with what the next kvs knows: what was acknowledged is there, what was refused is not, and what had no answer
    /// is there or not.
    #[track_caller]
    pub(crate) fn check(&mut self, kvs: &Kvs) {
        let mut client = kvs.connect();
        let found = client.get("int-get/n");
        let count: u32 = if found.status == 404 { 0 } else { found.text().parse().expect("a number") };
        let found = client.get("str-get/text");
        let written: u32 = match found.status {
            404 => 0,
            _ => found.text().split(':').next().and_then(|count| count.parse().ok()).expect("a number"),
        };
        assert!(found.status == 404 || found.text() == text(written), "the text is not as it was written");
        let open = self.open.take();
        let is = |write: Write, found: u32, before: u32, after: u32| {
            found == before || (open == Some(write) && found == after)
        };
        assert!(
            is(Write::Count, count, self.count, self.count + 1) && is(Write::Text, written, self.written, self.count),
            "found {count} and {written}; {self:?}, and without an answer: {open:?}"
        );
        (self.count, self.written) = (count, written);
    }
}
