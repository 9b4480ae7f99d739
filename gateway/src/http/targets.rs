//! Request targets with a number sign.
//!
//! A fragment (`#...`) is for the client alone: one that arrives is a key that was not encoded. hyper cuts it off without a word, so the
//! entry of another key would be changed. What hyper reads is therefore looked at for number signs on the way: for each one
//! the text of its line before it is kept, and a request whose line begins like that is refused. A body may hold such lines, too; they do
//! no harm unless the same connection asks for the very same target.

use std::collections::VecDeque;

use memchr::{memchr, memrchr};

use crate::config::MAX_URI_BYTES;

/// Longest beginning of a line that is kept, in bytes: a method, a space, and the longest target that is accepted.
const MAX_LINE_BYTES: usize = 32 + MAX_URI_BYTES;

/// Most beginnings of lines that are kept. When there are more, the oldest ones are forgotten: they belong to a body.
const MAX_KEPT: usize = 16;

/// The beginnings of lines that went on with a number sign.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// The line that has not ended, as far as it is of interest.
    line: Vec<u8>,
    /// The rest of that line is of no interest: it is too long, or has had its number sign.
    ignored: bool,
    cut_off: VecDeque<Vec<u8>>,
}

impl Targets {
    /// Looks at what comes in. Takes time in proportion to its length, and nearly none without a number sign.
    pub(super) fn see(&mut self, bytes: &[u8]) {
        if memchr(b'#', bytes).is_none() {
            let tail = match memrchr(b'\n', bytes) {
                Some(end) => {
                    self.end_line();
                    &bytes[end + 1..]
                }
                None => bytes,
            };
            return self.begin_line(tail);
        }
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            match memchr(b'#', line) {
                Some(at) => self.keep(&line[..at]),
                None => self.begin_line(line),
            }
            if line.ends_with(b"\n") {
                self.end_line();
            }
        }
    }

    fn begin_line(&mut self, part: &[u8]) {
        if !self.ignored {
            self.line.extend_from_slice(&part[..part.len().min(MAX_LINE_BYTES + 1)]);
            self.ignored = self.line.len() > MAX_LINE_BYTES;
        }
    }

    fn end_line(&mut self) {
        self.line.clear();
        self.ignored = false;
    }

    /// Keeps the line up to here. Only its first number sign begins a fragment.
    fn keep(&mut self, part: &[u8]) {
        self.begin_line(part);
        if !self.ignored {
            if self.cut_off.len() == MAX_KEPT {
                self.cut_off.pop_front();
            }
            self.cut_off.push_back(std::mem::take(&mut self.line));
        }
        self.ignored = true;
    }

    /// Whether the line of a request that arrived here with this method and target may have gone on with a fragment.
    pub(super) fn was_cut_off(&self, method: &str, target: &str) -> bool {
        self.cut_off.iter().any(|line| {
            let rest = line.strip_prefix(method.as_bytes()).and_then(|rest| rest.strip_prefix(b" "));
            // An absolute target has a scheme and a host before the path; without a path it stands for "/".
            rest.is_some_and(|rest| rest == target.as_bytes() || is_absolute_form_of(rest, target.as_bytes()))
        })
    }
}

fn is_absolute_form_of(line: &[u8], target: &[u8]) -> bool {
    let after_scheme = [&b"http://"[..], b"https://"].iter().find_map(|scheme| line.strip_prefix(*scheme));
    after_scheme.is_some_and(|rest| rest.ends_with(target) || (target == b"/" && !rest.contains(&b'/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_is_noticed_however_the_bytes_arrive() {
        let bytes = b"PUT /a HTTP/1.1\r\nX: #\r\n\r\nbody#\r\nGET /b#c HTTP/1.1\r\n\r\n";
        for cut in 0..bytes.len() {
            let mut targets = Targets::default();
            targets.see(&bytes[..cut]);
            targets.see(&bytes[cut..]);
            assert!(targets.was_cut_off("GET", "/b"), "cut at {cut}");
            for (method, target) in [("PUT", "/a"), ("GET", "/b#c"), ("PUT", "/b"), ("GET", "/"), ("GET", "/bc")] {
                assert!(!targets.was_cut_off(method, target), "{method} {target}, cut at {cut}");
            }
        }
    }

    #[test]
    fn absolute_targets_are_noticed_too() {
        for (line, target) in [("http://h/a?b#c", "/a?b"), ("http://h#c", "/"), ("https://h/#", "/")] {
            let mut targets = Targets::default();
            targets.see(format!("GET {line} HTTP/1.1\r\n").as_bytes());
            assert!(targets.was_cut_off("GET", target), "{line}");
        }
    }

    #[test]
    fn memory_stays_bounded() {
        let mut targets = Targets::default();
        for _ in 0..100 {
            targets.see(&[b'x'; 10_000]);
            targets.see(b"\na#b#c");
        }
        targets.see(&vec![b'x'; 1 << 20]);
        assert!(targets.cut_off.len() <= MAX_KEPT);
        assert!(targets.line.len() <= 2 * MAX_LINE_BYTES);
    }
}
