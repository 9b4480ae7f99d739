//! Detects request targets with a number sign.
//!
//! Clients do not send fragments (`#...`), so one that arrives is part of a key that was not encoded. hyper removes it
//! silently, and the request would change the entry of another key. This file therefore inspects the bytes that hyper
//! reads: it keeps the text before recent number signs, and a request whose method and target are found there is
//! refused. Such text in a body does no harm, unless the same connection then requests exactly that target.

use memchr::{memchr, memmem, memrchr};

use crate::config::MAX_URI_BYTES;

/// Longest relevant part of a line, in bytes: a method, a space, and the longest target that is accepted.
const MAX_LINE_BYTES: usize = 32 + MAX_URI_BYTES;

/// Maximum number of bytes that are kept of the text before number signs.
const MAX_KEPT_BYTES: usize = 4 * MAX_LINE_BYTES;

/// The text before recent number signs.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// The end of the input, after its last line break.
    line: Vec<u8>,
    /// Lines, each up to its last number sign and followed by a line break.
    kept: Vec<u8>,
}

impl Targets {
    /// Inspects input. Takes time proportional to its length, and almost none if there is no number sign.
    #[inline]
    pub(super) fn see(&mut self, bytes: &[u8]) {
        if memchr(b'#', bytes).is_some() {
            return self.see_each_line(bytes);
        }
        // Most reads end with the last line of a head.
        if bytes.ends_with(b"\n") && self.line.is_empty() {
            return;
        }
        match memrchr(b'\n', bytes) {
            Some(end) => self.begin_line(&bytes[end + 1..]),
            None => self.continue_line(bytes),
        }
    }

    #[cold]
    fn see_each_line(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            if let Some(at) = memrchr(b'#', part) {
                match memrchr(b'#', &self.line) {
                    // The last entry is of this line, and ends with that number sign: it goes on.
                    Some(before) => {
                        self.kept.pop();
                        self.kept.extend_from_slice(&self.line[before + 1..]);
                    }
                    None => self.kept.extend_from_slice(&self.line),
                }
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
        // A new vector, because a body without line breaks may have left a large one.
        self.line = Vec::new();
        self.continue_line(part);
    }

    fn continue_line(&mut self, part: &[u8]) {
        self.line.extend_from_slice(last(part, MAX_LINE_BYTES));
        if self.line.len() > MAX_LINE_BYTES {
            self.line.drain(..self.line.len() - MAX_LINE_BYTES);
        }
    }

    /// Whether the target of a request with this method may have been followed by a fragment.
    #[inline]
    pub(super) fn was_cut_off(&self, method: &str, target: &str) -> bool {
        !self.kept.is_empty() && self.holds(method, target)
    }

    #[cold]
    fn holds(&self, method: &str, target: &str) -> bool {
        let line = format!("{method} {target}#");
        // In absolute form, scheme and host come before the path, and a path of "/" may be omitted.
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

/// The last `most` bytes, or all if there are fewer.
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
    fn number_signs_in_headers_do_not_displace_the_request_line() {
        let mut targets = Targets::default();
        targets.see(b"PUT /a#b HTTP/1.1\r\nX: ");
        for _ in 0..14 << 10 {
            targets.see(b"#");
        }
        assert!(targets.was_cut_off("PUT", "/a"));
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
