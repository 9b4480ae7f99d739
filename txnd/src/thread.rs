//! A thread with its own runtime, for code that owns a sink or reads a log from local files.

use tokio::runtime::Builder;

/// Runs the future that `make` returns on a thread named `name`, then calls `then` with its output. The future is made
/// on that thread, so it need not be `Send`. When `then` is called, the future and everything it left in the runtime
/// have been dropped: a log that it owned is free for another process.
pub fn run<F: Future>(
    name: &str,
    make: impl FnOnce() -> F + Send + 'static,
    then: impl FnOnce(F::Output) + Send + 'static,
) -> std::io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let work = move || {
        let output = runtime.block_on(async { make().await });
        drop(runtime);
        then(output);
    };
    std::thread::Builder::new().name(name.into()).spawn(work).map(drop)
}
