//! A thread with its own runtime, for code that owns a sink or reads a log.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::ThreadId;
use std::time::Duration;

use parking_lot::Mutex;
use send_wrapper::SendWrapper;
use tokio::runtime::{Builder, Runtime};

/// What a thread that gives way adds to its nice value. Where the processors are busy with others, it gets about a
/// twentieth of the time that one of them gets: each step is a factor of 1.25 (sched(7)).
const NICER: i32 = 14;

/// How many times as long as it had to wait for a processor such a thread pauses.
const PAUSES: u32 = 6;

/// What a timer can do; shorter pauses are made up later.
const SHORTEST_PAUSE: Duration = Duration::from_millis(2);

/// Who reads goes on, however short processors are.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// How long a thread that keeps something waits for more work.
const KEEPS: Duration = Duration::from_secs(2);

thread_local! {
    static SIMULATED: Cell<bool> = const { Cell::new(false) };

    /// Whether this thread gives way. One that it starts has its nice value.
    static GIVES_WAY: Cell<bool> = const { Cell::new(false) };

    /// What the work of this thread has left for more work; `None` if none comes.
    static KEPT: RefCell<Option<Vec<Box<dyn Any>>>> = const { RefCell::new(None) };
}

/// Work that has ended, as far as nobody knows of it yet.
type Ended = Box<dyn FnOnce()>;
type Work = Box<dyn FnOnce(&Runtime) -> Ended + Send>;

/// A thread that waits for more work.
struct Waiting {
    name: String,
    thread: ThreadId,
    work: Sender<Work>,
}

static WAITING: Mutex<Vec<Waiting>> = Mutex::new(Vec::new());

/// Runs the future that `make` returns on a thread named `name`, then calls `then` with its output. The future is made
/// on that thread, so it need not be `Send`. When `then` is called, the future and everything it left in the runtime
/// have been dropped: a log that it owned is free for another process.
pub fn run<F: Future + 'static>(
    name: &str,
    make: impl FnOnce() -> F + Send + 'static,
    then: impl FnOnce(F::Output) + Send + 'static,
) -> io::Result<()> {
    if SIMULATED.get() {
        tokio::spawn(SendWrapper::new(async move { then(make().await) }));
        return Ok(());
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let gives_way = GIVES_WAY.get();
    let work = move || {
        GIVES_WAY.set(gives_way);
        let output = runtime.block_on(async { make().await });
        drop(runtime);
        then(output);
    };
    std::thread::Builder::new().name(name.into()).spawn(work).map(drop)
}

/// The same as [`run`] for work that must not take from others what they need: who writes a log goes before who reads it.
/// Where processors are idle, it is as fast as any other. What the work keeps on its thread stays for more work of this
/// name, if that comes soon.
pub fn run_giving_way<F: Future + 'static>(
    name: &str,
    make: impl FnOnce() -> F + Send + 'static,
    then: impl FnOnce(F::Output) + Send + 'static,
) -> io::Result<()> {
    if SIMULATED.get() {
        return run(name, make, then);
    }
    let mut work: Work = Box::new(move |runtime| {
        let output = runtime.block_on(async { make().await });
        Box::new(move || then(output))
    });
    while let Some(waiting) = take_waiting(|waiting| waiting.name == name) {
        match waiting.work.send(work) {
            Ok(()) => return Ok(()),
            Err(mpsc::SendError(unsent)) => work = unsent,
        }
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let gives_way = GIVES_WAY.get();
    let thread = move || {
        if !gives_way {
            // Of this thread only, on Linux. Whatever refuses it, the work can be done.
            let _ = rustix::process::nice(NICER);
        }
        GIVES_WAY.set(true);
        serve(runtime, work);
    };
    std::thread::Builder::new().name(name.into()).spawn(thread).map(drop)
}

/// Pauses of a read on a thread that gives way, for what it makes others do: the processes of a database have everybody's
/// priority. When processors are short, such a thread waits for one; then it pauses for [`PAUSES`] times as long.
pub(crate) struct Pauses {
    /// How long the thread had waited for a processor, as far as it has paused for that, or before this read.
    waited: Duration,
}

impl Pauses {
    pub(crate) fn begin() -> Self {
        Self { waited: waited() }
    }

    pub(crate) async fn pause(&mut self) {
        if !GIVES_WAY.get() {
            return;
        }
        let now = waited();
        let pause = now.saturating_sub(self.waited) * PAUSES;
        if pause >= SHORTEST_PAUSE {
            self.waited = now;
            tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
        }
    }
}

/// How long this thread has waited for a processor so far: the second figure of `/proc/thread-self/schedstat`, in nanoseconds
/// (sched-stats in the kernel's documentation). Zero where the system does not tell.
fn waited() -> Duration {
    let figures = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let waited = figures.split(' ').nth(1).and_then(|figure| figure.parse().ok());
    Duration::from_nanos(waited.unwrap_or(0))
}

/// Does this work, and more as long as it comes soon and something is kept for it.
fn serve(runtime: Runtime, mut work: Work) {
    KEPT.set(Some(Vec::new()));
    loop {
        let ended = work(&runtime);
        if KEPT.with_borrow(|kept| kept.as_ref().is_none_or(Vec::is_empty)) {
            drop(runtime);
            return ended();
        }
        let more = wait();
        ended();
        match more.next() {
            Some(more) => work = more,
            // It belongs to the runtime.
            None => return drop(KEPT.take()),
        }
    }
}

/// Lets others find this thread.
fn wait() -> More {
    let (work, more) = mpsc::channel();
    let thread = std::thread::current();
    let name = thread.name().unwrap_or_default().into();
    WAITING.lock().push(Waiting { name, thread: thread.id(), work });
    More(more)
}

/// The work of a thread that others can find.
struct More(Receiver<Work>);

impl More {
    /// The next work, if it comes soon.
    fn next(self) -> Option<Work> {
        self.0.recv_timeout(KEEPS).ok().or_else(|| {
            let thread = std::thread::current().id();
            match take_waiting(|waiting| waiting.thread == thread) {
                Some(_) => None,
                // Somebody has found it, and is about to send.
                None => self.0.recv().ok(),
            }
        })
    }
}

fn take_waiting(is_wanted: impl Fn(&Waiting) -> bool) -> Option<Waiting> {
    let mut waiting = WAITING.lock();
    // The latest: the others may end.
    let at = waiting.iter().rposition(is_wanted)?;
    Some(waiting.remove(at))
}

/// Leaves something for more work on this thread. It is dropped where none comes.
pub(crate) fn keep(thing: impl Any) {
    KEPT.with_borrow_mut(|kept| {
        if let Some(kept) = kept {
            kept.push(Box::new(thing));
        }
    });
}

/// Takes something that earlier work on this thread has left.
pub(crate) fn take_kept<T: Any>(is_wanted: impl Fn(&T) -> bool) -> Option<T> {
    KEPT.with_borrow_mut(|kept| {
        let kept = kept.as_mut()?;
        let at = kept.iter().rposition(|thing| thing.downcast_ref().is_some_and(&is_wanted))?;
        kept.swap_remove(at).downcast().ok().map(|thing| *thing)
    })
}

/// From now on, what this thread starts here is a task of its tokio runtime: a simulation has one thread, one
/// clock, and no order of events but its own.
pub fn simulate() {
    SIMULATED.set(true);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(30);

    /// Says when it is dropped.
    struct Thing(Sender<()>);

    impl Drop for Thing {
        fn drop(&mut self) {
            self.0.send(()).expect("the test waits");
        }
    }

    /// The thread that the work ran on, and whether it found something.
    fn work(name: &str, leaves: Option<Thing>) -> (ThreadId, bool) {
        let (done, ended) = channel();
        let make = move || async move {
            let found = take_kept(|_: &Thing| true);
            let was_there = found.is_some();
            leaves.or(found).into_iter().for_each(keep);
            (std::thread::current().id(), was_there)
        };
        run_giving_way(name, make, move |output| done.send(output).expect("the test waits")).expect("a thread");
        ended.recv_timeout(DEADLINE).expect("it ends")
    }

    #[test]
    fn a_thread_stays_for_more_work_as_long_as_it_keeps_something() {
        let (dropped, is_dropped) = channel();
        let (first, found) = work("keeps", Some(Thing(dropped.clone())));
        assert!(!found);
        assert_eq!(work("keeps", None), (first, true));
        // Other work gets a thread of its own, which ends with it.
        let (other, found) = work("keeps nothing", None);
        assert!(other != first && !found);
        assert_ne!(work("keeps nothing", None).0, other);
        assert!(is_dropped.try_recv().is_err(), "it is kept");
        is_dropped.recv_timeout(DEADLINE).expect("it is dropped when no more work comes");
        assert_ne!(work("keeps", None).0, first);
    }

    #[test]
    fn a_thread_gives_way_and_so_does_what_it_starts() {
        let own = rustix::process::nice(0).expect("it can be asked");
        let (done, ended) = channel();
        let tell = move || rustix::process::nice(0).expect("it can be asked");
        let make = move || async move {
            let more = done.clone();
            run_giving_way("inner", move || async move { tell() }, move |nice| more.send(nice).expect("it waits"))
                .expect("a thread");
            done.send(tell()).expect("the test waits");
        };
        run_giving_way("outer", make, |()| ()).expect("a thread");
        for _ in 0..2 {
            assert_eq!(ended.recv_timeout(DEADLINE), Ok(own + NICER));
        }
        assert_eq!(tell(), own);
    }

    #[test]
    fn nothing_is_kept_where_no_more_work_comes() {
        let (dropped, is_dropped) = channel();
        keep(Thing(dropped));
        is_dropped.try_recv().expect("it was dropped at once");
        assert!(take_kept(|_: &Thing| true).is_none());
    }
}
