//! Requests that take long are carried out beside their worker, whose other clients do not wait for them.
//!
//! Each worker has a helper: a thread of its own with state `W` like that of the worker, but without sessions. It shares
//! engine, log and budgets with all of them. A session hands it a whole request, waits for the response, and sends it. The
//! thread gives way to the workers where processors are busy. What waits for a helper is limited by `--request-memory`
//! and by the number of connections, each of which hands over one request at a time.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc as std_mpsc;

use proto::Refusal;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinSet, LocalSet};

/// Requests with a body or frame of at least so many bytes, and responses with a map or set of so many, are left to the helper. A
/// worker takes well below a millisecond for a smaller one.
pub(crate) const LARGE_BYTES: usize = 64 << 10;

type Task = Pin<Box<dyn Future<Output = ()>>>;
type Job<W> = Box<dyn FnOnce(Rc<W>) -> Task + Send>;

/// The helper of a worker. Its thread ends when this is dropped.
pub(crate) struct Helper<W> {
    /// `None` when it is to end.
    jobs: Option<mpsc::UnboundedSender<Job<W>>>,
    ended: std_mpsc::Receiver<()>,
}

impl<W: 'static> Helper<W> {
    /// Starts a helper, which makes its state on its own thread. The tasks run beside its jobs, and end with it.
    pub(crate) fn start(name: &str, make: impl FnOnce(&mut JoinSet<()>) -> Rc<W> + Send + 'static) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::unbounded_channel();
        let (tell, ended) = std_mpsc::channel();
        let serve = async move || LocalSet::new().run_until(serve(make, waiting)).await;
        // The receiver waits for it, or is gone with the process.
        let then = move |()| tell.send(()).unwrap_or_default();
        txnd::thread::run_giving_way(name, serve, then)?;
        Ok(Self { jobs: Some(jobs), ended })
    }

    /// Carries out `work` on the helper's thread. If this future is dropped, the work is done nevertheless.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl AsyncFnOnce(&W) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let (tell, done) = oneshot::channel();
        self.hand_over(async move |state: &W| {
            let result = work(state).await;
            // The client may have gone.
            drop(tell.send(result));
        });
        // It ends before that only if it has panicked.
        done.await.map_err(|_| Refusal::OutcomeUnknown)
    }

    /// Has `work` carried out on the helper's thread.
    pub(crate) fn hand_over(&self, work: impl AsyncFnOnce(&W) + Send + 'static) {
        if let Some(jobs) = &self.jobs {
            // A helper that has panicked takes nothing; whoever waits for the job notices.
            let _ = jobs.send(Box::new(move |state| Box::pin(async move { work(&state).await })));
        }
    }
}

impl<W> Drop for Helper<W> {
    fn drop(&mut self) {
        self.jobs = None;
        // What it has begun may write to the log, which must not have ended by then.
        let _ = self.ended.recv();
    }
}

async fn serve<W: 'static>(make: impl FnOnce(&mut JoinSet<()>) -> Rc<W>, mut jobs: mpsc::UnboundedReceiver<Job<W>>) {
    let (mut beside, mut running) = (JoinSet::new(), JoinSet::new());
    let state = make(&mut beside);
    loop {
        tokio::select! {
            job = jobs.recv() => match job {
                Some(job) => drop(running.spawn_local(job(Rc::clone(&state)))),
                // No session is left that would wait for the rest.
                None => return,
            },
            Some(_) = running.join_next(), if !running.is_empty() => {}
        }
    }
}
