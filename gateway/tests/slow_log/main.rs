//! A log that stalls, fails for a while, or fails for good: what is answered meanwhile, and what the log holds afterwards.
//! The server runs in the test's process, so that the test holds the other end of its log.

#[path = "../frame_client/mod.rs"]
mod frame_client;
#[path = "../harness/mod.rs"]
mod harness;

mod embedded;
mod listing;
mod lost;
#[path = "../stream_client/mod.rs"]
mod stream_client;

use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use embedded::{Embedded, runtime};
use frame_client::{FrameClient, durable, get, incr, multi_put, put_str};
use harness::{Client, Kvs, eventually, request_bytes, resident_bytes};
use proto::frame::{Answer, ErrorCode};
use proto::{Batch, Chain, Lsn, Op, ValueRef, ValueType};
use testkit::memory::{Faults, MemoryLog, MemorySink};
use tokio::sync::oneshot;
use txnd::{LogReader, LogWriter, NoCheckpoints, SinkError, Term, Terms};

/// Budget of the log in these tests, in bytes.
const BUDGET: usize = 1 << 20;

/// How long is waited for an answer that should not come yet.
const A_MOMENT: Duration = Duration::from_millis(200);

/// Every put of a str that is durable, in order: lsn, key, value.
fn logged_puts(log: &MemoryLog) -> Vec<(Lsn, String, String)> {
    let mut puts = Vec::new();
    let read = async {
        log.sink().open().await?;
        let mut visit = async |batch: &Batch| {
            for record in batch.records() {
                let record = record?;
                if let Op::Put { key, value: ValueRef::Str(value) } = record.op {
                    puts.push((record.lsn, key.to_string(), value.to_string()));
                }
            }
            Ok(())
        };
        log.read(1..=Lsn::MAX, &mut visit).await
    };
    let end = runtime().block_on(read).expect("the log can be read").durable;
    assert_eq!(end.lsn, puts.len() as Lsn, "the log holds puts only");
    assert!(puts.iter().map(|(lsn, ..)| *lsn).eq(1..=end.lsn), "no hole and no repetition");
    puts
}

/// Checks that an answer says that nothing can be said about a write.
#[track_caller]
fn assert_unknown(answer: &harness::Answer) {
    answer.assert_error(504, "a write that the log has not confirmed");
    assert!(answer.text().contains("may or may not have happened; ask before repeating"), "{}", answer.text());
}

/// Tries a put until it is accepted; every refusal must be one that invites to try again.
fn put_until_accepted(client: &mut Client, path: &str, body: &str) {
    eventually("the put is accepted", || {
        let answer = client.put(path, body);
        if answer.status != 200 {
            answer.assert_error(503, path);
        }
        answer.status == 200
    });
}

#[test]
fn behind_a_stalled_log_writes_are_refused_before_they_are_applied() {
    // The refused writes have 256 MiB together. Other tests of this process take memory at the same time, one of them 48 MiB.
    const MOST_MEMORY: u64 = 160 << 20;
    let log = MemoryLog::default();
    let server = Embedded::start(&log, "async");
    let client = &mut server.connect();
    log.stall(true);
    let old = "o".repeat(16 << 10);
    let new = "n".repeat(16 << 10);
    let accepted = (0..1000).take_while(|n| client.put(&format!("str-put/{n}"), &old).status == 200).count();
    assert!((BUDGET / 2..=BUDGET).contains(&(accepted * old.len())), "{accepted} values of 16 KiB");

    let before = resident_bytes(std::process::id());
    for _ in 0..16_000 {
        client.put("str-put/0", &new).assert_error(503, "a put behind a stalled log");
    }
    for (put, get) in [("str-put/new", "str-get/new"), ("map-set/new/f", "map-get/new"), ("str-put/1", "str-get/none")]
    {
        client.put(put, &new).assert_error(503, put);
        client.get(get).assert_error(404, get);
    }
    for n in 0..accepted {
        assert_eq!(client.get(&format!("str-get/{n}")).text(), old, "reads go on, value {n} is unchanged");
    }
    let grown = resident_bytes(std::process::id()).saturating_sub(before);
    assert!(grown < MOST_MEMORY, "{grown} bytes for refused writes");

    log.stall(false);
    put_until_accepted(client, "str-put/0", &new);
    assert_eq!(client.get("str-get/0").text(), new);
    server.stop().expect("everything becomes durable");
    let keys: Vec<String> = logged_puts(&log).into_iter().map(|(_, key, _)| key).collect();
    let expected: Vec<String> = (0..accepted).chain([0]).map(|n| n.to_string()).collect();
    assert_eq!(keys, expected, "the log holds what was accepted, and nothing that was refused");
}

#[test]
fn an_orderly_stop_ships_a_queue_of_any_length() {
    // Each value fills a batch of its own, and there are more of them than may be in flight.
    const VALUES: usize = 3 * txnd::MAX_IN_FLIGHT;
    let log = MemoryLog::default();
    let server = Embedded::start_with(log.sink(), "127.0.0.1:0", "async", 64 << 20);
    let (addr, client) = (server.addr, &mut server.connect());
    log.stall(true);
    let value = "v".repeat(1 << 20);
    for n in 0..VALUES {
        assert_eq!(client.put(&format!("str-put/{n}"), &value).status, 200);
    }
    let stopping = std::thread::spawn(|| server.stop());
    eventually("the server stops listening", || TcpStream::connect(addr).is_err());
    log.stall(false);
    stopping.join().expect("no panic").expect("everything becomes durable");
    assert_eq!(logged_puts(&log).len(), VALUES);
}

#[test]
fn a_counter_stops_where_the_log_stops() {
    let log = MemoryLog::default();
    let server = Embedded::start(&log, "async");
    let client = &mut server.connect();
    log.stall(true);
    let filling = "x".repeat(BUDGET - (16 << 10));
    assert_eq!(client.put("str-put/filling", filling).status, 200);
    let counted = (0..10_000).take_while(|_| client.put("int-incr/n", "").status == 200).count();
    assert!((1..10_000).contains(&counted), "{counted} increments");
    client.put("int-incr/n", "").assert_error(503, "an increment behind a stalled log");
    assert_eq!(client.get("int-get/n").text(), counted.to_string());

    log.stall(false);
    eventually("increments are accepted", || client.put("int-incr/n", "").status == 200);
    assert_eq!(client.get("int-get/n").text(), (counted + 1).to_string());
    server.stop().expect("everything becomes durable");
}

#[test]
fn a_synchronous_write_is_answered_when_it_is_durable() {
    for (server_durability, header) in [("sync", None), ("async", Some(("Kvs-Durability", "sync")))] {
        let log = MemoryLog::default();
        let server = Embedded::start(&log, server_durability);
        let client = &mut server.connect();
        log.stall(true);
        client.send(&request_bytes("PUT", "str-put/a", header.as_slice(), b"1")).expect("the put is sent");
        assert!(!client.answers_within(A_MOMENT), "no answer before it is durable");
        log.stall(false);
        assert_eq!(client.receive().expect("an answer").status, 200);
        assert_eq!(logged_puts(&log).len(), 1, "it is in the log");
    }
}

#[test]
fn while_the_log_is_down_synchronous_writes_are_refused_and_reads_go_on() {
    let log = MemoryLog::default();
    let server = Embedded::start(&log, "sync");
    let (waiting, client) = (&mut server.connect(), &mut server.connect());
    assert_eq!(client.put("str-put/a", "old").status, 200);
    log.inject(Faults { refuse_appends: u32::MAX, ..Faults::default() });
    waiting.send_request("PUT", "str-put/accepted", b"1").expect("the put is sent");
    eventually("the log is found to be down", || {
        let mut probe = server.connect();
        probe.send_request("PUT", "str-put/probe", b"1").expect("the put is sent");
        probe.answers_within(A_MOMENT) && probe.receive().is_ok_and(|answer| answer.status == 503)
    });
    client.put("str-put/a", "new").assert_error(503, "a put while the log is down");
    client.delete("str-del/a").assert_error(503, "a deletion while the log is down");
    assert_eq!(client.get("str-get/a").text(), "old");

    log.inject(Faults::default());
    assert_eq!(waiting.receive().expect("an answer").status, 200, "what was accepted becomes durable");
    put_until_accepted(client, "str-put/a", "new");
    server.stop().expect("everything becomes durable");
    let puts = logged_puts(&log);
    let of = |key: &str| puts.iter().filter(|(_, k, _)| k == key).map(|(.., value)| value.as_str()).collect::<Vec<_>>();
    assert_eq!((of("a"), of("accepted")), (vec!["old", "new"], vec!["1"]));
}

#[test]
fn over_frames_too_a_reply_waits_for_the_log_and_is_refused_while_it_is_down() {
    let log = MemoryLog::default();
    let server = Embedded::start(&log, "async");
    let [mut waiting, mut client] = [(); 2].map(|()| FrameClient::connect(server.frame_addr));
    log.stall(true);
    // What is durable holds up what comes behind it.
    let script = [durable(put_str(1, "a", "old")), get(2, ValueType::Str, "a"), put_str(3, "b", "1")].concat();
    waiting.send(&script).expect("kvs reads");
    assert!(!waiting.answers_within(A_MOMENT), "no reply before it is durable");
    assert_eq!(client.exchange(&put_str(4, "c", "1")).answer(), Answer::Done, "nobody waits for this one");
    log.stall(false);
    let answers: Vec<_> = (0..3).map(|_| waiting.receive().expect("a reply")).collect();
    assert_eq!(answers.iter().map(frame_client::Reply::id).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(answers[1].answer(), Answer::Value(ValueRef::Str("old")));

    log.inject(Faults { refuse_appends: u32::MAX, ..Faults::default() });
    waiting.send(&durable(put_str(5, "accepted", "1"))).expect("kvs reads");
    eventually("the log is found to be down", || {
        let mut probe = FrameClient::connect(server.frame_addr);
        probe.send(&durable(put_str(6, "probe", "1"))).expect("kvs reads");
        probe.answers_within(A_MOMENT) && probe.receive().is_ok_and(|reply| reply.error() == Some(ErrorCode::LogDown))
    });
    let many = multi_put(7, [(ValueType::Str, "a", &b"new"[..]), (ValueType::Str, "new", b"new")]);
    for refused in [put_str(7, "a", "new"), incr(7, "n"), many] {
        assert_eq!(client.exchange(&durable(refused)).error(), Some(ErrorCode::LogDown));
    }
    assert_eq!(client.get_str("a").as_deref(), Some("old"), "reads go on");
    assert_eq!((client.get_str("new"), client.get_int("n")), (None, None));
    assert_eq!(client.exchange(&durable(get(8, ValueType::Str, "a"))).error(), None, "the flag is for writes");

    log.inject(Faults::default());
    assert_eq!(waiting.receive().expect("a reply").answer(), Answer::Done, "what was accepted becomes durable");
    eventually("durable writes are accepted", || {
        client.exchange(&durable(put_str(9, "a", "new"))).answer() == Answer::Done
    });
    server.stop().expect("everything becomes durable");
    let puts = logged_puts(&log);
    assert!(puts.iter().filter(|(_, key, _)| key == "a").map(|(.., value)| value.as_str()).eq(["old", "new"]));
    assert!(puts.iter().all(|(_, key, _)| key != "new"), "a refused write leaves no trace in the log");
}

#[test]
fn over_frames_too_writes_are_refused_behind_a_stalled_log() {
    let log = MemoryLog::default();
    let server = Embedded::start(&log, "async");
    let mut client = FrameClient::connect(server.frame_addr);
    log.stall(true);
    let value = "v".repeat(16 << 10);
    let keys: Vec<String> = (0..200).map(|n| format!("key {n}")).collect();
    let puts = keys.iter().map(|key| (ValueType::Str, key.as_str(), value.as_bytes()));
    let reply = client.exchange(&multi_put(1, puts));
    let Answer::Many(answers) = reply.answer() else { panic!("{reply:?}") };
    let accepted = answers.iter().take_while(|answer| *answer == Answer::Done).count();
    assert!((BUDGET / 2..=BUDGET).contains(&(accepted * value.len())), "{accepted} values of 16 KiB");
    let refused = answers.iter().skip(accepted);
    assert!(refused.map(|answer| frame_client::error_of(&answer)).all(|code| code == Some(ErrorCode::LogBehind)));
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(client.get_str(key).is_some(), n < accepted, "{key}");
    }
    assert_eq!(client.exchange(&put_str(2, "more", &value)).error(), Some(ErrorCode::LogBehind));
    log.stall(false);
    eventually("writes are accepted", || client.exchange(&put_str(3, "more", &value)).answer() == Answer::Done);
    server.stop().expect("everything becomes durable");
    assert_eq!(logged_puts(&log).len(), accepted + 1);
}

#[test]
fn after_a_lost_acknowledgement_writes_go_on() {
    for durability in ["sync", "async"] {
        let log = MemoryLog::default();
        let server = Embedded::start(&log, durability);
        let client = &mut server.connect();
        log.inject(Faults { lose_acks: 1, ..Faults::default() });
        for n in 0..3 {
            put_until_accepted(client, "str-put/a", &n.to_string());
        }
        server.stop().expect("everything becomes durable");
        let values: Vec<String> = logged_puts(&log).into_iter().map(|(.., value)| value).collect();
        assert_eq!(values, ["0", "1", "2"], "{durability}");
    }
}

#[test]
fn whatever_fails_what_was_acknowledged_is_in_the_log_once_and_in_order() {
    const WRITERS: usize = 4;
    const WRITES: u32 = 150;
    let faults = [
        Faults { refuse_appends: 3, ..Faults::default() },
        Faults { lose_acks: 2, ..Faults::default() },
        Faults { lose_tails: 2, ..Faults::default() },
        Faults { refuse_appends: 1, lose_acks: 1, lose_tails: 1, fail_for_good: false },
    ];
    for durability in ["sync", "async"] {
        let log = MemoryLog::default();
        let server = Embedded::start(&log, durability);
        let acknowledged = AtomicU32::new(0);
        let all = WRITERS as u32 * WRITES;
        let write = |writer: usize| {
            let mut client = server.connect();
            for n in 0..WRITES {
                put_until_accepted(&mut client, &format!("str-put/{writer}"), &n.to_string());
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
        };
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                scope.spawn(move || write(writer));
            }
            for faults in faults.iter().cycle() {
                let seen = acknowledged.load(Ordering::Relaxed);
                if seen == all {
                    break;
                }
                log.inject(*faults);
                eventually("writes go on", || acknowledged.load(Ordering::Relaxed) >= all.min(seen + 25));
            }
        });
        server.stop().expect("everything becomes durable");
        let puts = logged_puts(&log);
        for writer in 0..WRITERS {
            let values = puts.iter().filter(|(_, key, _)| *key == writer.to_string()).map(|(.., value)| value.clone());
            assert!(values.eq((0..WRITES).map(|n| n.to_string())), "{durability}, writer {writer}: {puts:?}");
        }
    }
}

#[test]
fn a_log_that_fails_for_good_ends_writes_but_not_reads() {
    let log = MemoryLog::default();
    let server = Embedded::start(&log, "sync");
    let client = &mut server.connect();
    assert_eq!(client.put("str-put/a", "1").status, 200);
    log.inject(Faults { fail_for_good: true, ..Faults::default() });
    assert_unknown(&server.connect().put("str-put/b", "1"));
    for path in ["str-put/a", "int-incr/n"] {
        client.put(path, "2").assert_error(503, path);
    }
    assert_eq!(client.get("str-get/a").text(), "1");
    client.get("int-get/n").assert_error(404, "the refused increment");
    assert!(server.stop().is_err(), "the stop says that the log failed");
}

/// A log that does not open before it is told to.
struct SlowToOpen {
    sink: MemorySink,
    began: Option<oneshot::Sender<()>>,
    go_on: Option<oneshot::Receiver<()>>,
}

impl LogWriter for SlowToOpen {
    type Reader = MemoryLog;
    type Checkpoint = NoCheckpoints;

    fn reader(&self) -> MemoryLog {
        self.sink.reader()
    }

    async fn open(&mut self) -> Result<Term, SinkError> {
        self.began.take().expect("opened once").send(()).expect("the test waits");
        self.go_on.take().expect("opened once").await.expect("the test goes on");
        self.sink.open().await
    }

    async fn append(&mut self, batch: &Batch) -> Result<(), SinkError> {
        self.sink.append(batch).await
    }

    async fn durable(&mut self) -> Result<Lsn, SinkError> {
        self.sink.durable().await
    }

    fn terms(&self) -> Terms {
        self.sink.terms()
    }

    async fn resume(&mut self, term: &Term) -> Result<Chain, SinkError> {
        self.sink.resume(term).await
    }

    async fn close(&mut self) -> Result<(), SinkError> {
        self.sink.close().await
    }
}

#[test]
fn while_it_recovers_a_server_holds_its_address_and_serves_nobody() {
    let free =
        TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").to_string();
    let log = MemoryLog::default();
    let (began, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel();
    let sink = SlowToOpen { sink: log.sink(), began: Some(began), go_on: Some(may_go_on) };
    std::thread::scope(|scope| {
        let server = scope.spawn(|| Embedded::start_with(sink, &free, "sync", BUDGET));
        has_begun.blocking_recv().expect("the log is opened");
        assert!(TcpStream::connect(&free).is_err(), "nobody is served before the state is complete");
        let mut second = Kvs::program();
        let second = Kvs::try_start(second.args(["--http-addr", &free, "--log", "off"]));
        go_on.send(()).expect("the log waits");
        let server = server.join().expect("the first server starts");
        assert_eq!(server.connect().put("str-put/a", "1").status, 200);
        let not_started = second.err().expect("a second server on the same address does not start");
        assert_eq!(not_started.status.code(), Some(3), "{}", not_started.diagnostics);
        server.stop().expect("everything becomes durable");
    });
}
