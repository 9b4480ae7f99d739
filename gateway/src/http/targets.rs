//! Request targets with a number sign.
//!
//! A fragment (`#...`) is for the client alone: one that arrives is a key that was not encoded. hyper cuts it off without a word, so the
//! entry of another key would be changed. What hyper reads is therefore looked at on the way: the text before each number sign is
//! kept for a while, and a request whose method and target are found there is refused. A body may hold such text, too; it does no harm
//! unless the same connection then asks for the very same target.

use memchr::{memchr, memmem, memrchr};

use crate::config::MAX_URI_BYTES;

/// Longest beginning of a line that matters, in bytes: a method, a space, and the longest target that is accepted.
const MAX_LINE_BYTES: usize = 32 + MAX_URI_BYTES;

/// Bytes that are kept of what came before number signs.
const MAX_KEPT_BYTES: usize = 4 * MAX_LINE_BYTES;

/// What came before number signs.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// The end of what was seen, from its last line break on.
    line: Vec<u8>,
    /// Lines up to their last number sign, each followed by a line break.
    kept: Vec<u8>,
}

impl Targets {
    /// Looks at what comes in. Takes time in proportion to its length, and nearly none without a number sign.
    #[inline]
    pub(super) fn see(&mut self, bytes: &[u8]) {
        if memchr(b'#', bytes).is_some() {
            return self.see_each_line(bytes);
        }
        match memrchr(b'\n', bytes) {
            Some(end) if end + 1 == bytes.len() && self.line.is_empty() => {}
            Some(end) => self.begin_line(&bytes[end + 1..]),
            None => self.continue_line(bytes),
        }
    }

    #[cold]
    fn see_each_line(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            if let Some(at) = memrchr(b'#', part) {
                self.kept.extend_from_slice(&self.line);
                self.kept.extend_from_slice(last(&part[..=at], 2 * MAX_LINE_BYTES));
                self.kept.push(b'\n');
                if self.kept.len() > MAX_KEPT_BYTES {
                    self.kept.drain(..self.kept.len() - MAX_KEPT_BYTES);
                }
            }
            match part.ends_with(b"\n") {
                true => self.begin_line(b""),
                false => self.continue_line(part),
            }
        }
    }

    fn begin_line(&mut self, part: &[u8]) {
        // A body without line breaks has left much memory here.
        self.line = Vec::new();
        self.continue_line(part);
    }

    fn continue_line(&mut self, part: &[u8]) {
        self.line.extend_from_slice(last(part, MAX_LINE_BYTES));
        if self.line.len() > MAX_LINE_BYTES {
            self.line.drain(..self.line.len() - MAX_LINE_BYTES);
        }
    }

    /// Whether a request with this method and target may have gone on with a fragment.
    #[inline]
    pub(super) fn was_cut_off(&self, method: &str, target: &str) -> bool {
        !self.kept.is_empty() && self.holds(method, target)
    }

    #[cold]
    fn holds(&self, method: &str, target: &str) -> bool {
        let line = format!("{method} {target}#");
        // In the absolute form scheme and host come before the path, which may be left out if it is "/".
        let absolute = format!("{method} http");
        memmem::find(&self.kept, line.as_bytes()).is_some()
            || memmem::find_iter(&self.kept, absolute.as_bytes()).any(|at| {
                let rest = &self.kept[at..];
                let rest = &rest[..memchr(b'\n', rest).unwrap_or(rest.len())];
                let path = target.strip_prefix('/').unwrap_or(target);
                memmem::find(rest, format!("{path}#").as_bytes()).is_some()
            })
    }
}

/// The last bytes, at most this many.
fn last(bytes: &[u8], most: usize) -> &[u8] {
    &bytes[bytes.len().saturating_sub(most)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_is_noticed_however_the_bytes_arrive() {
        let bytes = b"PUT /a HTTP/1.1\r\nX: #\r\n\r\nbody#\r\nbody#GET /b#c HTTP/1.1\r\n\r\n";
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
        targets.see(&vec![b'#'; 1 << 20]);
        assert!(targets.kept.len() <= MAX_KEPT_BYTES && targets.line.len() <= MAX_LINE_BYTES);
        targets.see(b"\n");
        assert_eq!(targets.line.capacity(), 0);
    }
}
