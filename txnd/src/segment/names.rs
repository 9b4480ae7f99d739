//! The names of a log's files. What has another name is not the log's, and is left alone.

use proto::Lsn;

/// Holds the process id of the writer. Locked, too, because older versions lock nothing else.
pub(super) const LOCK: &str = "LOCK";

/// The log's identity and the last epoch.
pub(super) const MANIFEST: &str = "MANIFEST";

/// A file that will be the next segment. It is open all the time, so that going on to it needs no file descriptor.
pub(super) const NEXT: &str = "NEXT-SEGMENT";

/// What file systems put into their root.
const OF_THE_FILE_SYSTEM: [&str; 1] = ["lost+found"];

/// Extension of segments.
pub(super) const SEGMENT: &str = "seg";

/// Extension of a file that is being made and will get its name when it is complete.
pub(super) const UNFINISHED: &str = "tmp";

/// What stands before the numbers in the name of a torn tail.
const TORN: &str = "torn-";

/// Digits in the name of a segment.
const LSN_DIGITS: usize = 20;

/// The segment that begins with `first_lsn`.
pub(super) fn segment(first_lsn: Lsn) -> String {
    format!("{first_lsn:0LSN_DIGITS$}.{SEGMENT}")
}

/// What follows a segment's name in that of a tail that was cut off from it at `offset`.
pub(super) fn torn_suffix(epoch: u64, offset: usize) -> String {
    format!("{TORN}{epoch}-{offset}")
}

/// Whether only a log makes files with this name, and only to give them another one.
pub(super) fn is_unfinished(name: &str) -> bool {
    let finished = name.strip_suffix(UNFINISHED).and_then(|name| name.strip_suffix('.'));
    finished.is_some_and(|name| name == MANIFEST || is_segment_or_torn(name))
}

/// Whether a folder in which no log has begun may hold this.
pub(super) fn may_precede_a_log(name: &str) -> bool {
    [LOCK, NEXT].contains(&name) || is_unfinished(name) || OF_THE_FILE_SYSTEM.contains(&name)
}

/// `00000000000000000001.seg`, or with `.torn-1-64` or `.torn-1-64-1` behind it.
fn is_segment_or_torn(name: &str) -> bool {
    let Some((lsn, rest)) = name.split_at_checked(LSN_DIGITS) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let torn = |rest: &str| {
        rest.strip_prefix('.').and_then(|rest| rest.strip_prefix(TORN)).is_some_and(|rest| rest.split('-').all(digits))
    };
    let rest = rest.strip_prefix('.').and_then(|rest| rest.strip_prefix(SEGMENT));
    digits(lsn) && rest.is_some_and(|rest| rest.is_empty() || torn(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_logs_own_unfinished_files_are_recognized() {
        let segment = segment(1);
        let torn = format!("{segment}.{}", torn_suffix(3, 64));
        for name in [MANIFEST, &segment, &torn, &format!("{torn}-1"), &format!("{segment}.torn-64")] {
            assert!(is_unfinished(&format!("{name}.tmp")), "{name}.tmp");
            assert!(!is_unfinished(name), "{name}");
        }
        for name in [
            "thesis",
            "",
            "LOCK",
            "MANIFEST.old",
            "1.seg",
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
