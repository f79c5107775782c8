//! The thread of its own on which a reader takes its steps.
//!
//! In a pool each step would run on another thread, and each of those keeps the memory that its largest step took. The
//! thread also has the reader's name, so that tools tell who keeps a processor busy.

use super::progress::ReaderError;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// The thread ends with the last of these.
#[derive(Clone)]
pub(super) struct StepThread(mpsc::SyncSender<Job>);

impl StepThread {
    pub(super) fn new(name: &str) -> Result<StepThread, ReaderError> {
        // Each step is waited for before the next.
        let (sender, jobs) = mpsc::sync_channel::<Job>(1);
        let thread = std::thread::Builder::new().name(name.to_owned());
        thread.spawn(move || jobs.into_iter().for_each(|job| job())).map_err(ReaderError::Thread)?;
        Ok(StepThread(sender))
    }

    /// Takes a step of that work. A panic in it is one here.
    pub(super) async fn step<W, T>(
        &self,
        mut work: W,
        step: impl FnOnce(&mut W) -> T + Send + 'static,
    ) -> (W, T)
    where
        W: Send + 'static,
        T: Send + 'static,
    {
        let (sender, made) = oneshot::channel();
        let step = move || {
            let made = step(&mut work);
            (work, made)
        };
        let job = move || {
            // Whoever waited may have gone.
            drop(sender.send(catch_unwind(AssertUnwindSafe(step))));
        };
        self.0.send(Box::new(job)).expect("it takes steps as long as there is one of these");
        made.await.expect("each step is taken").unwrap_or_else(|panic| resume_unwind(panic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn steps_are_taken_on_one_thread_and_a_panic_ends_none_but_its_own() {
        let thread = StepThread::new("count").expect("a thread");
        let name = |steps: &mut u32| {
            *steps += 1;
            (std::thread::current().id(), std::thread::current().name().map(str::to_owned))
        };
        let (steps, first) = thread.step(0, name).await;
        assert_eq!(first.1.as_deref(), Some("count"));
        let mine = thread.clone();
        let panicked = tokio::spawn(async move { mine.step((), |()| panic!("a step")).await }).await;
        assert!(panicked.expect_err("it panicked").is_panic());
        assert_eq!(thread.step(steps, name).await, (2, first));
    }
}
