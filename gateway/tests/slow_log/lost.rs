//! A log that is lost: for a moment, for longer, for good.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::frame::{Answer, ErrorCode};
use proto::{Batch, Chain, Lsn};
use testkit::memory::{Faults, MemoryLog, MemorySink};
use tokio::sync::Semaphore;
use txnd::{LogWriter, NoCheckpoints, SinkError, Term, Terms};

use crate::embedded::{Embedded, runtime};
use crate::frame_client::{FrameClient, durable, get, incr};
use crate::harness::eventually;
use crate::{A_MOMENT, assert_unknown};

/// A log that comes back when it is told to.
struct SlowToResume {
    sink: MemorySink,
    may_resume: Arc<Semaphore>,
}

impl LogWriter for SlowToResume {
    type Reader = MemoryLog;
    type Checkpoint = NoCheckpoints;

    fn reader(&self) -> MemoryLog {
        self.sink.reader()
    }

    async fn open(&mut self) -> Result<Term, SinkError> {
        self.sink.open().await
    }

    fn terms(&self) -> Terms {
        self.sink.terms()
    }

    async fn resume(&mut self, term: &Term) -> Result<Chain, SinkError> {
        self.may_resume.acquire().await.expect("it is never closed").forget();
        self.sink.resume(term).await
    }

    async fn append(&mut self, batch: &Batch) -> Result<(), SinkError> {
        self.sink.append(batch).await
    }

    async fn durable(&mut self) -> Result<Lsn, SinkError> {
        self.sink.durable().await
    }

    async fn close(&mut self) -> Result<(), SinkError> {
        self.sink.close().await
    }
}

#[test]
fn a_log_that_comes_back_at_once_refuses_nobody() {
    let faults = [
        Faults { refuse_appends: 1, ..Faults::default() },
        Faults { lose_acks: 1, ..Faults::default() },
        Faults { lose_tails: 1, ..Faults::default() },
    ];
    let log = MemoryLog::default();
    let server = Embedded::start(&log, "sync");
    for (number, faults) in faults.into_iter().enumerate() {
        log.inject(faults);
        std::thread::scope(|scope| {
            for write in 0..10 {
                let mut client = server.connect();
                scope.spawn(move || {
                    let answer = client.put(&format!("str-put/{number}_{write}"), "1");
                    assert_eq!(answer.status, 200, "{faults:?}: {}", answer.text());
                });
                std::thread::sleep(Duration::from_millis(4));
            }
        });
    }
    server.stop().expect("everything becomes durable");
}

#[test]
fn a_log_that_takes_long_to_come_back_is_down_until_it_does() {
    let (log, may_resume) = (MemoryLog::default(), Arc::new(Semaphore::new(0)));
    let sink = SlowToResume { sink: log.sink(), may_resume: Arc::clone(&may_resume) };
    let server = Embedded::start_as(sink, &["--http-addr", "127.0.0.1:0"]);
    log.inject(Faults { lose_acks: 1, ..Faults::default() });
    let (began, mut waiting) = (Instant::now(), server.connect());
    waiting.send_request("PUT", "str-put/waits", b"1").expect("the put is sent");
    // Those that come while there is hope wait, too.
    let refused = |path: &str| {
        let mut client = server.connect();
        client.send_request("PUT", path, b"1").expect("the put is sent");
        client.answers_within(A_MOMENT).then(|| client.receive().expect("an answer"))
    };
    let mut answer = None;
    eventually("the log counts as down", || {
        answer = refused("str-put/refused");
        answer.is_some()
    });
    assert!(began.elapsed() >= Duration::from_secs(1), "nobody is refused at once, but after {:?}", began.elapsed());
    let answer = answer.expect("there is one");
    answer.assert_error(503, "a put while the log is down");
    assert!(answer.text().contains("one sent before it without an answer may have been"), "{}", answer.text());
    assert!(!waiting.answers_within(A_MOMENT), "what was accepted waits on");
    may_resume.add_permits(1);
    assert_eq!(waiting.receive().expect("an answer").status, 200);
    eventually("writes are accepted", || refused("str-put/late").is_some_and(|answer| answer.status == 200));
    server.stop().expect("everything becomes durable");
}

/// Checks that the server says in every response that it is read-only, and why.
fn assert_read_only(server: &Embedded, why: &str) {
    // One worker may know a moment before the other, and each connection may be with either.
    let knows = || server.connect().post("hello", "").header("kvs-read-only") == Some(why);
    eventually("both workers know", || (0..16).all(|_| knows()));
    let mut client = server.connect();
    for (method, path, status) in [("GET", "str-get/a", 200), ("GET", "str-get/none", 404), ("PUT", "str-put/a", 503)] {
        let answer = client.request(method, path, if method == "PUT" { "2" } else { "" });
        assert_eq!((answer.status, answer.header("kvs-read-only")), (status, Some(why)), "{method} {path}");
    }
    client.post("hello", "").assert_error(503, "hello");
    let mut frames = FrameClient::silent(server.frame_addr);
    let preface = frames.greet(&proto::frame::ClientPreface::current().encode()).expect("a preface");
    assert!(preface.read_only);
    assert_eq!(frames.get_str("a").as_deref(), Some("1"));
    for write in [incr(7, "n"), durable(incr(7, "n"))] {
        assert_eq!(frames.exchange(&write).error(), Some(ErrorCode::LogDown));
    }
}

#[test]
fn an_idle_writer_that_is_fenced_finds_it_out_and_says_so() {
    for durability in ["sync", "async"] {
        let log = MemoryLog::default();
        let server = Embedded::start(&log, durability);
        let (mut client, mut frames) = (server.connect(), FrameClient::connect(server.frame_addr));
        assert_eq!(client.put("str-put/a", "1").status, 200);
        let hello = client.post("hello", "");
        assert_eq!((hello.status, hello.header("kvs-read-only")), (200, None));
        assert_eq!(frames.get_str("a").as_deref(), Some("1"));
        runtime().block_on(log.sink().open()).expect("a newer term begins");
        // Nobody writes.
        eventually("the older writer finds it out", || client.post("hello", "").status == 503);
        assert_read_only(&server, "fenced");
        assert!(frames.is_closed(), "its preface has said that it takes writes");
        assert!(matches!(server.stop(), Err(SinkError::Fenced { .. })));
    }
}

#[test]
fn writes_that_wait_while_the_log_fails_for_good_have_an_unknown_outcome() {
    let log = MemoryLog::default();
    let server = Embedded::start(&log, "sync");
    let (mut client, mut frames) = (server.connect(), FrameClient::connect(server.frame_addr));
    assert_eq!(client.put("str-put/a", "1").status, 200);
    assert_eq!(frames.exchange(&incr(1, "n")).int(), 0);
    log.stall(true);
    client.send_request("PUT", "str-put/b", b"1").expect("the put is sent");
    frames.send(&[incr(2, "n"), get(3, proto::ValueType::Int, "n"), incr(4, "n")].concat()).expect("kvs reads");
    assert!(!client.answers_within(A_MOMENT) && !frames.answers_within(A_MOMENT));
    log.inject(Faults { fail_for_good: true, ..Faults::default() });
    log.stall(false);
    assert_unknown(&client.receive().expect("an answer"));
    let replies = [2, 3, 4].map(|id| {
        let reply = frames.receive().expect("a reply");
        assert_eq!(reply.id(), id);
        reply
    });
    assert_eq!(replies[0].error(), Some(ErrorCode::OutcomeUnknown));
    assert_eq!(replies[1].int(), 2, "a read has no outcome to wait for");
    assert_eq!(replies[2].error(), Some(ErrorCode::OutcomeUnknown));
    let Answer::Refused { message, .. } = replies[0].answer() else { panic!("{:?}", replies[0]) };
    assert!(message.contains("may or may not have happened"), "{message}");
    // Whoever sends it again must not think that it has left no trace.
    let answer = server.connect().put("str-put/b", "1");
    answer.assert_error(503, "a put after the log has failed");
    assert!(answer.text().contains("one sent before it without an answer may have been"), "{}", answer.text());
    assert_read_only(&server, "log-failed");
    assert!(server.stop().is_err(), "the stop says that the log failed");
}
