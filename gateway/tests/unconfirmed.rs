//! A log that hangs without a word: whoever waits for it is told what is known of his write, and nothing else.

#[path = "frame_client/mod.rs"]
mod frame_client;
mod harness;
mod txnd_server;

use std::time::{Duration, Instant};

use frame_client::{FrameClient, durable, get, incr, multi_put, put_str};
use harness::{Client, Kvs, eventually, folder, request_to};
use proto::ValueType;
use proto::frame::{Answer, ErrorCode};
use testkit::loop_disk::LoopDisk;
use txnd_server::{Certificates, Txnd};

/// `--log-timeout` in these tests.
const LOG_TIMEOUT: Duration = Duration::from_secs(2);

/// A request of this size is carried out by a helper.
const LARGE_BYTES: usize = 100_000;

/// What a loaded machine takes longer than the limits say.
const SLACK: Duration = Duration::from_secs(10);

/// Uses `kvs` while its log hangs. `go_on` ends that.
fn use_while_the_log_hangs<'l>(kvs: &Kvs, hang: impl FnOnce() -> Box<dyn FnOnce() + 'l>) {
    let (mut client, mut frames) = (kvs.connect(), FrameClient::connect(kvs.frame_addr));
    assert_eq!(client.put("int-incr/u", "").text(), "0");
    assert_eq!(frames.exchange(&incr(1, "f")).int(), 0);
    let (mut large, mut large_frames) = (kvs.connect(), FrameClient::connect(kvs.frame_addr));
    let go_on = hang();
    let began = Instant::now();
    client.send_request("PUT", "int-incr/u", b"").expect("the put is sent");
    let many = multi_put(5, [(ValueType::Int, "m", &1_i32.to_le_bytes()[..]), (ValueType::Str, "m", b"text")]);
    let script = [incr(2, "f"), get(3, ValueType::Int, "f"), incr(4, "f"), durable(many)].concat();
    frames.send(&script).expect("kvs reads");
    let text = "x".repeat(LARGE_BYTES);
    large.send_request("PUT", "str-put/large", text.as_bytes()).expect("the put is sent");
    large_frames.send(&durable(put_str(1, "large", &text))).expect("kvs reads");
    let answer = client.receive().expect("an answer instead of the end of the connection");
    answer.assert_error(504, "a write that the log has not confirmed");
    assert!(answer.text().contains("may or may not have happened; ask before repeating"), "{}", answer.text());
    assert!((LOG_TIMEOUT..LOG_TIMEOUT + SLACK).contains(&began.elapsed()), "after {:?}", began.elapsed());
    for id in 2..=5 {
        let reply = frames.receive().expect("a reply instead of the end of the connection");
        assert_eq!(reply.id(), id);
        match id {
            3 => assert_eq!(reply.int(), 2, "a read waits for nothing"),
            _ => assert_eq!(reply.error(), Some(ErrorCode::OutcomeUnknown)),
        }
    }
    large.receive().expect("an answer").assert_error(504, "a large write that the log has not confirmed");
    assert_eq!(large_frames.receive().expect("a reply").error(), Some(ErrorCode::OutcomeUnknown));
    // Whoever sends it again is refused, on any worker, and is not told that the first one has left no trace.
    for _ in 0..8 {
        let again = kvs.connect().put("int-incr/u", "");
        again.assert_error(503, "the same write again");
        assert!(again.text().contains("one sent before it without an answer may have been"), "{}", again.text());
        let again = FrameClient::connect(kvs.frame_addr).exchange(&incr(1, "f"));
        assert_eq!(again.error(), Some(ErrorCode::LogDown));
        let Answer::Refused { message, .. } = again.answer() else { panic!("{again:?}") };
        assert!(message.contains("one sent before it without an answer may have been"), "{message}");
    }
    assert_eq!(client.get("int-get/u").text(), "2", "reads go on, and nothing was counted twice");
    go_on();
    eventually("durable writes are accepted", || client.put("int-put/after", "1").status == 200);
    assert_eq!(client.put("int-incr/u", "").text(), "2", "what was not confirmed has become durable, once");
    assert_eq!(frames.exchange(&incr(6, "f")).int(), 3);
    kvs.says(&["the log does not confirm what was written"]);
    kvs.says(&["the log confirms again what is written"]);
}

#[test]
fn on_a_disk_that_hangs_an_unknown_outcome_is_told() {
    let Some(mut disk) = LoopDisk::new() else { return };
    let log = disk.root().join("log");
    let kvs = Kvs::start(&log, &["--log-timeout", "2s", "--segment-size", "1MiB"]);
    use_while_the_log_hangs(&kvs, || {
        let frozen = disk.freeze();
        Box::new(move || drop(frozen))
    });
    let (status, diagnostics) = kvs.stop();
    assert!(status.success(), "{diagnostics}");
    let kvs = Kvs::start(&log, &[]);
    assert_eq!(kvs.connect().get("int-get/u").text(), "3");
}

/// A kvs whose log is behind a txnd of its own.
fn behind_txnd(args: &[&str]) -> (Kvs, Txnd, tempfile::TempDir) {
    let (certificates, folder) = (Certificates::make(), folder());
    let txnd = Txnd::start(&format!("file:{}", folder.path().display()), &certificates);
    let mut command = Kvs::program();
    command.args(["--http-addr", "127.0.0.1:0", "--workers", "2", "--log", &txnd.url()]);
    command.args(certificates.flags("kvs")).args(args);
    (Kvs::try_start(&mut command).expect("kvs starts"), txnd, folder)
}

#[test]
fn behind_a_txnd_that_hangs_an_unknown_outcome_is_told() {
    let (kvs, txnd, _folder) = behind_txnd(&["--log-timeout", "2s"]);
    use_while_the_log_hangs(&kvs, || {
        txnd.signal("STOP");
        Box::new(|| txnd.signal("CONT"))
    });
}

#[test]
fn a_stop_while_the_log_hangs_tells_those_who_wait() {
    let (kvs, txnd, _folder) = behind_txnd(&["--drain-timeout", "1s"]);
    let (mut client, mut frames) = (kvs.connect(), FrameClient::connect(kvs.frame_addr));
    let mut large = kvs.connect();
    assert_eq!(client.put("int-incr/u", "").text(), "0");
    txnd.signal("STOP");
    client.send_request("PUT", "int-incr/u", b"").expect("the put is sent");
    frames.send(&incr(1, "f")).expect("kvs reads");
    large.send_request("PUT", "str-put/large", "x".repeat(LARGE_BYTES).as_bytes()).expect("the put is sent");
    eventually("the writes are carried out", || {
        let mut other = kvs.connect();
        let found = ["int-get/u", "int-get/f", "str-get/large"].map(|path| other.get(path).status);
        found == [200; 3] && other.get("int-get/u").text() == "2"
    });
    kvs.signal("TERM");
    client.receive().expect("an answer").assert_error(504, "a write that the log has not confirmed");
    assert_eq!(frames.receive().expect("a reply").error(), Some(ErrorCode::OutcomeUnknown));
    large.receive().expect("an answer").assert_error(504, "a large write that the log has not confirmed");
    let (status, diagnostics) = kvs.wait();
    assert_eq!(status.code(), Some(1), "{diagnostics}");
    txnd.signal("CONT");
}

#[test]
fn a_listing_that_the_log_does_not_confirm_is_not_shown() {
    let (kvs, txnd, _folder) = behind_txnd(&["--log-timeout", "2s", "--durability", "async"]);
    let mut client = kvs.connect();
    let status = |client: &mut Client, method: &str| {
        client.send(&request_to(method, "/v2/keys", &[], b"")).expect("kvs reads");
        let answer = if method == "HEAD" { client.receive_head() } else { client.receive() };
        answer.expect("an answer").status
    };
    assert_eq!(client.put("int-put/a", "1").status, 200);
    assert_eq!((status(&mut client, "GET"), status(&mut client, "HEAD")), (200, 200));
    txnd.signal("STOP");
    assert_eq!(client.put("int-put/b", "1").status, 200, "it need not be durable");
    assert_eq!((status(&mut client, "GET"), status(&mut client, "HEAD")), (503, 503));
    txnd.signal("CONT");
    eventually("listings are shown again", || status(&mut client, "GET") == 200);
    assert_eq!(status(&mut client, "HEAD"), 200);
}
