//! A future that is polled only when it was woken itself.
//!
//! A session waits for its client and for its end at the same time. The client makes it run thousands of times a second; to look
//! for the end each time costs more than many an operation.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A future that seldom has anything to say.
pub(crate) struct Rarely<F> {
    future: F,
    wake: Arc<WakeUp>,
    /// The waker made of `wake`.
    waker: Waker,
    /// The waker of the task, as `wake` has it.
    task: Waker,
}

struct WakeUp {
    /// Whether the future wants to be polled.
    wanted: AtomicBool,
    task: Mutex<Waker>,
}

impl<F: Future + Unpin> Rarely<F> {
    pub(crate) fn new(future: F) -> Self {
        let task = Waker::noop().clone();
        let wake = Arc::new(WakeUp { wanted: AtomicBool::new(true), task: Mutex::new(task.clone()) });
        Self { future, waker: Arc::clone(&wake).into(), wake, task }
    }
}

impl<F: Future + Unpin> Future for Rarely<F> {
    type Output = F::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        if !this.task.will_wake(cx.waker()) {
            this.task.clone_from(cx.waker());
            this.wake.task.lock().unwrap_or_else(PoisonError::into_inner).clone_from(cx.waker());
        }
        if !this.wake.wanted.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        // Before it is polled: what wakes it meanwhile counts.
        this.wake.wanted.store(false, Ordering::Release);
        Pin::new(&mut this.future).poll(&mut Context::from_waker(&this.waker))
    }
}

impl Wake for WakeUp {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wanted.store(true, Ordering::Release);
        self.task.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn it_is_polled_when_it_was_woken_and_not_otherwise() {
        let (polls, notify) = (Cell::new(0), Notify::new());
        let mut notified = std::pin::pin!(notify.notified());
        let mut rarely = Rarely::new(poll_fn(|cx| {
            polls.set(polls.get() + 1);
            notified.as_mut().poll(cx)
        }));
        for _ in 0..10 {
            let ready = poll_fn(|cx| Poll::Ready(Pin::new(&mut rarely).poll(cx).is_ready())).await;
            assert!(!ready);
        }
        assert_eq!(polls.get(), 1);
        notify.notify_one();
        // Another task's waker is not forgotten: the test would hang.
        tokio::time::timeout(std::time::Duration::from_secs(10), &mut rarely).await.unwrap();
        assert_eq!(polls.get(), 2);
    }

    #[tokio::test]
    async fn it_wakes_its_task() {
        let notify = Arc::new(Notify::new());
        let waiting = Arc::clone(&notify);
        let task = tokio::spawn(async move { Rarely::new(std::pin::pin!(waiting.notified())).await });
        tokio::task::yield_now().await;
        notify.notify_one();
        tokio::time::timeout(std::time::Duration::from_secs(10), task).await.unwrap().unwrap();
    }
}
