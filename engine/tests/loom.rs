//! Every interleaving of a few threads on one log buffer, explored by loom. Compiled and run only by
//!
//! ```text
//!   RUSTFLAGS="--cfg loom" cargo test -p engine --test loom --release --target-dir target/loom
//! ```
//!
//! A lost wake-up shows as a deadlock, which loom reports.
#![cfg(loom)]

mod shipping;

use engine::{LogBuffer, NewRecord, Wake};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use proto::{Effect, Key, Lsn, Micros, Op, Refusal, ValueType, record_bytes};
use shipping::Shipped;

/// So far apart two records do not fit into one buffer.
const HOUR: Micros = 3_600_000_000;

/// What the shipper sleeps on: raised once or more, it lets one wait through.
#[derive(Clone)]
struct Signal(Arc<(Mutex<bool>, Condvar)>);

impl Signal {
    fn new() -> Self {
        Self(Arc::new((Mutex::new(false), Condvar::new())))
    }

    fn wake(&self) -> Wake {
        let signal = self.clone();
        Box::new(move || {
            let (raised, changed) = &*signal.0;
            *raised.lock().unwrap() = true;
            changed.notify_one();
        })
    }

    fn wait(&self) {
        let (raised, changed) = &*self.0;
        let mut raised = raised.lock().unwrap();
        while !*raised {
            raised = changed.wait(raised).unwrap();
        }
        *raised = false;
    }
}

fn log(budget: usize, wake: Wake) -> Arc<LogBuffer> {
    Arc::new(LogBuffer::new(1, budget, wake))
}

fn nobody_waits() -> Wake {
    Box::new(|| ())
}

fn op(key: &str) -> Op<'_> {
    Op::Del { ty: ValueType::Int, key: Key::new(key.as_bytes()).unwrap() }
}

/// A thread that appends a record of `key` at each of `times`.
fn record<'r>(op: &'r Op<'r>) -> NewRecord<'r> {
    NewRecord { op, effect: Effect::None, expires: None }
}

fn appender(log: &Arc<LogBuffer>, key: &'static str, times: &'static [Micros]) -> thread::JoinHandle<Vec<Appended>> {
    let log = Arc::clone(log);
    thread::spawn(move || times.iter().map(|at| log.append(&record(&op(key)), *at)).collect())
}

type Appended = Result<Lsn, Refusal>;

/// The lsns of the shipped records of `key`.
fn shipped_lsns(shipped: &Shipped, key: &str) -> Vec<Lsn> {
    shipped.records().filter(|record| record.op.key().as_str() == key).map(|record| record.lsn).collect()
}

/// Appenders of keys "a", "b", … with their times, and a shipper that sleeps while there is nothing to take.
fn ship_while_appending(preemptions: Option<usize>, appenders: &'static [&'static [Micros]]) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    model.check(move || {
        let signal = Signal::new();
        let log = log(usize::MAX, signal.wake());
        let keys = ["a", "b"].into_iter();
        let running: Vec<_> = keys.zip(appenders).map(|(key, times)| (key, appender(&log, key, times))).collect();

        let mut shipped = Shipped::nothing();
        let total: usize = appenders.iter().map(|times| times.len()).sum();
        while shipped.last_lsn() < total as Lsn {
            if !shipped.ship_one(&log) {
                signal.wait();
            }
        }
        for (key, appender) in running {
            let lsns: Vec<Lsn> = appender.join().unwrap().into_iter().map(Result::unwrap).collect();
            assert!(lsns.is_sorted());
            assert_eq!(shipped_lsns(&shipped, key), lsns, "each record once, under the lsn that its appender was told");
        }
        assert!(!shipped.ship_one(&log));
        assert_eq!(log.pending(), 0);
    });
}

#[test]
fn no_record_and_no_wake_up_is_lost() {
    ship_while_appending(None, &[&[0], &[0]]);
}

#[test]
fn buffers_that_time_tears_apart_are_taken_in_order() {
    ship_while_appending(None, &[&[0], &[HOUR]]);
}

#[test]
fn a_shipper_that_was_woken_is_woken_again() {
    ship_while_appending(None, &[&[0, 0, HOUR]]);
}

/// All interleavings of these three threads would take hours. Most defects show within two preemptions; these are three (M. Musuvathi and
/// S. Qadeer, "Iterative Context Bounding for Systematic Testing of Multithreaded Programs", 2007).
#[test]
fn a_longer_run_ships_everything_in_order() {
    ship_while_appending(Some(3), &[&[0, HOUR], &[0, 0]]);
}

#[test]
fn a_closing_log_keeps_what_it_took_and_takes_nothing_after_it_refused() {
    loom::model(|| {
        let log = log(usize::MAX, nobody_waits());
        let appender = appender(&log, "a", &[0, HOUR, 0]);
        let closer = {
            let log = Arc::clone(&log);
            thread::spawn(move || log.close("the server stops"))
        };
        let mut shipped = Shipped::nothing();
        shipped.ship_one(&log);

        closer.join().unwrap();
        let closed = Refusal::LogClosed("the server stops".into());
        assert_eq!(log.append(&record(&op("late")), 0), Err(closed.clone()));
        let appended = appender.join().unwrap();
        while shipped.ship_one(&log) {}
        let taken = shipped_lsns(&shipped, "a").len();
        let expected = (1..).map(|lsn| if lsn <= taken as Lsn { Ok(lsn) } else { Err(closed.clone()) });
        assert_eq!(appended, expected.take(3).collect::<Vec<_>>());
    });
}

#[test]
fn reads_that_a_closing_log_misses_are_counted() {
    loom::model(|| {
        let log = log(usize::MAX, nobody_waits());
        let reader = {
            let log = Arc::clone(&log);
            thread::spawn(move || (0..2).for_each(|_| log.append_read(&op("r"), 0)))
        };
        log.close("the server stops");
        reader.join().unwrap();
        assert_eq!(Shipped::all_of(&log).last_lsn() + log.unrecorded_reads(), 2);
    });
}

#[test]
fn a_budget_of_one_record_lets_the_next_one_in_exactly_when_the_first_is_released() {
    loom::model(|| {
        let budget = record_bytes(&op("a"));
        let log = log(budget, nobody_waits());
        log.append(&record(&op("a")), 0).unwrap();
        let second = appender(&log, "b", &[0]);
        let third = appender(&log, "c", &[0]);

        let mut shipped = Shipped::nothing();
        assert!(shipped.ship_one(&log));
        assert!(log.pending() <= budget);
        let appended = [second, third].map(|appender| appender.join().unwrap().remove(0));
        let behind = Err(Refusal::LogBehind { pending: budget, budget });
        assert!(
            [[Ok(2), behind.clone()], [behind.clone(), Ok(2)], [behind.clone(), behind.clone()]].contains(&appended),
            "{appended:?}"
        );
        let is_full = appended.contains(&Ok(2));
        assert_eq!(log.pending(), if is_full { budget } else { 0 });
        assert_eq!(log.append(&record(&op("d")), 0), if is_full { behind } else { Ok(2) });
    });
}
