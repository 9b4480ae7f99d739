//! No file may become larger. The system then sends a signal (SIGXFSZ) that ends a process, unless it is prepared for it.

use std::process::Command;

use crate::harness::{Kvs, eventually, folder, run_by};
use crate::txnd_server::{self, Certificates, Txnd};
use crate::{assert_kept, is_acknowledged, limit, value};

const VALUE_BYTES: usize = 4 << 10;

/// Less than a segment.
const LIMIT_BYTES: u32 = 40 << 10;

/// The command for a kvs whose log this txnd keeps.
fn remote(txnd: &Txnd, certificates: &Certificates) -> Command {
    let mut command = Kvs::program();
    command.args(["--http-addr", "127.0.0.1:0", "--workers", "2", "--log-timeout", "1s", "--log", &txnd.url()]);
    command.args(certificates.flags("kvs"));
    command
}

/// Puts values while process `pid`, which holds the log, may write no more than [`LIMIT_BYTES`] of a file, and after that.
/// Returns which were acknowledged.
fn put_below_and_above(kvs: &Kvs, pid: u32) -> Vec<usize> {
    let (mut client, mut acknowledged, mut refused) = (kvs.connect(), Vec::new(), 0);
    limit(pid, &format!("--fsize={LIMIT_BYTES}:"));
    let mut put = |n: usize| {
        let answer = client.put(&format!("str-put/{n}"), value(n, VALUE_BYTES));
        match is_acknowledged(&answer) {
            true => acknowledged.push(n),
            false => refused += 1,
        }
    };
    (0..12).for_each(&mut put);
    limit(pid, "--fsize=unlimited:");
    eventually("writes go on", || kvs.connect().put("int-put/after", "1").status == 200);
    (12..40).for_each(&mut put);
    assert!(refused > 0 && acknowledged.len() >= 28, "{refused} refused, {acknowledged:?} acknowledged");
    acknowledged
}

#[test]
fn a_write_is_refused_and_the_log_goes_on_when_there_is_room() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &["--segment-size", "64KiB", "--log-timeout", "1s"]);
    let acknowledged = put_below_and_above(&kvs, kvs.pid());
    kvs.says(&["the log is down", "File too large"]);
    kvs.says(&["the log is available again"]);
    kvs.kill();
    assert_kept(folder.path(), &acknowledged, VALUE_BYTES);
}

#[test]
fn a_txnd_that_may_not_write_goes_on_when_it_may() {
    let (folder, certificates) = (folder(), Certificates::make());
    let sink = format!("file:{}", folder.path().display());
    let txnd = Txnd::start_at(([127, 0, 0, 1], 0).into(), &sink, &certificates, &["--segment-size", "64KiB"]);
    let kvs = Kvs::try_start(&mut remote(&txnd, &certificates)).expect("kvs starts");
    let acknowledged = put_below_and_above(&kvs, txnd.pid());
    kvs.kill();
    assert!(txnd.stop().success());
    assert_kept(folder.path(), &acknowledged, VALUE_BYTES);
}

/// Where not even the first segment fits, nothing starts.
#[test]
fn a_start_without_room_says_why() {
    let assert_refused = |command: &mut Command| {
        let refused = Kvs::try_start(command).err().expect("kvs does not start");
        assert_eq!(refused.status.code(), Some(4), "{}", refused.diagnostics);
        assert!(refused.diagnostics.contains("File too large"), "{}", refused.diagnostics);
    };
    let (folder, certificates) = (folder(), Certificates::make());
    let limit = format!("--fsize={LIMIT_BYTES}");
    let limits = [&limit[..]];
    assert_refused(&mut run_by("prlimit", &limits, &Kvs::command(folder.path())));

    let sink = format!("file:{}", folder.path().display());
    let command = txnd_server::command(([127, 0, 0, 1], 0).into(), &sink, &certificates.flags("txnd"), &[]);
    // It opens its log when a writer comes.
    let txnd = Txnd::try_start(&mut run_by("prlimit", &limits, &command)).expect("txnd starts");
    assert_refused(&mut remote(&txnd, &certificates));
    assert!(txnd.stop().success());
}
