//! A thread with its own runtime, for code that owns a sink or reads a log from local files.

use std::cell::Cell;

use send_wrapper::SendWrapper;
use tokio::runtime::Builder;

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

/// From now on, what this thread starts with [`run`] is a task of its tokio runtime: a simulation has one thread, one
/// clock, and no order of events but its own.
pub fn simulate() {
    SIMULATED.set(true);
}
