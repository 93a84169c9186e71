//! What the tests share: appends, runs, and gates for handlers.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use projections::{EventSource, ProjectorStatus, RunError, Runtime, State};
pub(crate) use projections_tests::ledger::append;
use tokio::{sync::Semaphore, task::JoinHandle};

/// A runtime that runs in a task of its own.
pub(crate) struct Running {
    stop: Arc<Semaphore>,
    task: JoinHandle<Result<(), RunError>>,
}

impl Running {
    pub(crate) fn start<S: EventSource>(runtime: &Runtime<S>) -> Self {
        let (runtime, stop) = (runtime.clone(), Arc::new(Semaphore::new(0)));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let shutdown = async move { drop(stopped.acquire().await) };
            runtime.run(shutdown).await
        });
        Self { stop, task }
    }

    /// Stops it cleanly.
    pub(crate) async fn stop(self) -> Result<(), RunError> {
        self.stop.add_permits(1);
        self.task.await.unwrap()
    }
}

/// Waits until every projector has begun and reached the head.
pub(crate) async fn caught_up<S: EventSource>(runtime: &Runtime<S>) {
    loop {
        let status = runtime.status().await.unwrap();
        let is_here = |one: &&ProjectorStatus| {
            let owner = one.owner.as_ref().filter(|_| one.per_process);
            owner.is_none_or(|owner| owner.id == runtime.owner())
        };
        let mut here = status.projectors.iter().filter(is_here);
        if here.all(|one| one.state == State::CaughtUp) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Lets as many events through as it was told to.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<Semaphore>, Arc<AtomicUsize>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)), Arc::default())
    }
}

impl Gate {
    pub(crate) fn open_for(&self, events: usize) {
        self.0.add_permits(events);
    }

    pub(crate) async fn pass(&self) {
        self.1.fetch_add(1, SeqCst);
        self.0.acquire().await.unwrap().forget();
        self.1.fetch_sub(1, SeqCst);
    }

    /// Tells whether somebody stands before it, and it is shut.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.1.load(SeqCst) > 0 && self.0.available_permits() == 0
    }
}
