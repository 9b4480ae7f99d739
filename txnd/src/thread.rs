//! A thread with its own runtime, for code that owns a sink or reads a log.

use std::cell::Cell;

use send_wrapper::SendWrapper;
use tokio::runtime::Builder;

/// What a thread that gives way adds to its nice value. Where the processors are busy with others, it gets about a tenth of
/// the time that one of them gets: each step is a factor of 1.25 (sched(7)).
const GIVES_WAY: i32 = 10;

thread_local! {
    static SIMULATED: Cell<bool> = const { Cell::new(false) };
}

/// Runs the future that `make` returns on a thread named `name`, then calls `then` with its output. The future is made
/// on that thread, so it need not be `Send`. When `then` is called, the future and everything it left in the runtime
/// have been dropped: a log that it owned is free for another process.
pub fn run<F: Future + 'static>(
    name: &str,
    make: impl FnOnce() -> F + Send + 'static,
    then: impl FnOnce(F::Output) + Send + 'static,
) -> std::io::Result<()> {
    if SIMULATED.get() {
        tokio::spawn(SendWrapper::new(async move { then(make().await) }));
        return Ok(());
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let work = move || {
        let output = runtime.block_on(async { make().await });
        drop(runtime);
        then(output);
    };
    std::thread::Builder::new().name(name.into()).spawn(work).map(drop)
}

/// The same as [`run`] for work that must not take from others what they need: who writes a log goes before who reads it.
/// Where processors are idle, it is as fast as any other.
pub fn run_giving_way<F: Future + 'static>(
    name: &str,
    make: impl FnOnce() -> F + Send + 'static,
    then: impl FnOnce(F::Output) + Send + 'static,
) -> std::io::Result<()> {
    let make = || {
        if !SIMULATED.get() {
            // Of this thread only, on Linux. Whatever refuses it, the work can be done.
            let _ = rustix::process::nice(GIVES_WAY);
        }
        make()
    };
    run(name, make, then)
}

/// From now on, what this thread starts here is a task of its tokio runtime: a simulation has one thread, one
/// clock, and no order of events but its own.
pub fn simulate() {
    SIMULATED.set(true);
}
