//! The names of a log's files. A file with another name and another ending does not belong to the log and is left alone.

use std::sync::atomic::{AtomicU64, Ordering};

use proto::Lsn;

/// Contains the process id of the writer. Also locked, because older versions lock nothing else.
pub(super) const LOCK: &str = "LOCK";

/// The log's identity and the last epoch.
pub(super) const MANIFEST: &str = "MANIFEST";

/// The file of the next segment. It is always open, so that a roll-over needs no file descriptor.
pub(super) const NEXT: &str = "NEXT-SEGMENT";

/// Entries that file systems create in their root.
const OF_THE_FILE_SYSTEM: [&str; 1] = ["lost+found"];

/// Extension of segments.
pub(super) const SEGMENT: &str = "seg";

/// Extension of checkpoints.
pub(super) const CHECKPOINT: &str = "checkpoint";

/// Extension of a file that is being written and gets its name when it is complete.
pub(super) const UNFINISHED: &str = "tmp";

/// Prefix of the numbers in the name of a torn tail.
const TORN: &str = "torn-";

/// Digits in the name of a segment.
const LSN_DIGITS: usize = 20;

/// The segment that begins with `first_lsn`.
pub(super) fn segment(first_lsn: Lsn) -> String {
    format!("{first_lsn:0LSN_DIGITS$}.{SEGMENT}")
}

/// The checkpoint of everything up to `base`.
pub(super) fn checkpoint(base: Lsn) -> String {
    format!("{base:0LSN_DIGITS$}.{CHECKPOINT}")
}

/// A name for a checkpoint that is being written. Another one of the same base may not be gone yet.
pub(super) fn unfinished_checkpoint(base: Lsn) -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("{}.{}.{UNFINISHED}", checkpoint(base), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// The suffix that is added to a segment's name for a tail cut off from it at `offset`.
pub(super) fn torn_suffix(epoch: u64, offset: usize) -> String {
    format!("{TORN}{epoch}-{offset}")
}

/// Whether this is the name of a log's unfinished file, which only a log creates, and only to rename it later.
pub(super) fn is_unfinished(name: &str) -> bool {
    let finished = name.strip_suffix(UNFINISHED).and_then(|name| name.strip_suffix('.'));
    let numbered =
        |name: &str| name.rsplit_once('.').is_some_and(|(name, number)| is_checkpoint(name) && is_number(number));
    finished.is_some_and(|name| name == MANIFEST || is_segment_or_torn(name) || is_checkpoint(name) || numbered(name))
}

/// Whether a folder without a log yet may contain this file.
pub(super) fn may_precede_a_log(name: &str) -> bool {
    [LOCK, NEXT].contains(&name) || is_unfinished(name) || OF_THE_FILE_SYSTEM.contains(&name)
}

/// `00000000000000000001.checkpoint`
pub(super) fn is_checkpoint(name: &str) -> bool {
    let lsn = name.strip_suffix(CHECKPOINT).and_then(|name| name.strip_suffix('.'));
    lsn.is_some_and(|lsn| lsn.len() == LSN_DIGITS && lsn.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `00000000000000000001.seg`, possibly followed by `.torn-1-64` or `.torn-1-64-1`.
fn is_segment_or_torn(name: &str) -> bool {
    let Some((lsn, rest)) = name.split_at_checked(LSN_DIGITS) else { return false };
    let torn = |rest: &str| {
        rest.strip_prefix('.')
            .and_then(|rest| rest.strip_prefix(TORN))
            .is_some_and(|rest| rest.split('-').all(is_number))
    };
    let rest = rest.strip_prefix('.').and_then(|rest| rest.strip_prefix(SEGMENT));
    is_number(lsn) && rest.is_some_and(|rest| rest.is_empty() || torn(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_logs_own_unfinished_files_are_recognized() {
        let segment = segment(1);
        let torn = format!("{segment}.{}", torn_suffix(3, 64));
        for name in [
            MANIFEST,
            &segment,
            &torn,
            &checkpoint(7),
            &format!("{}.3", checkpoint(7)),
            &format!("{torn}-1"),
            &format!("{segment}.torn-64"),
        ] {
            assert!(is_unfinished(&format!("{name}.tmp")), "{name}.tmp");
            assert!(!is_unfinished(name), "{name}");
        }
        for name in [
            "thesis",
            "",
            "LOCK",
            "MANIFEST.old",
            "1.seg",
            "1.checkpoint",
            "0000000000000000001a.checkpoint",
            "0000000000000000001a.seg",
            "00000000000000000001.seg.bak",
            "00000000000000000001.seg.torn-",
            "00000000000000000001.seg.torn-1-",
            "00000000000000000001.segment",
            "ä0000000000000000001.seg",
        ] {
            assert!(!is_unfinished(&format!("{name}.tmp")), "{name}.tmp");
        }
    }
}
