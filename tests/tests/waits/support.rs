//! What the tests share: projectors, runs, appends.

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use projections::{
    Event, EventStore, Expected, Receipt, RunError, Runtime, SyncError, SyncMode, handlers,
    memory::MemoryEventStore, projector, testing::MemoryStorage,
};
use projections_tests::ledger::Added;
use tokio::{sync::oneshot, task::JoinHandle};

/// Longer than anything takes that does not hang.
pub(crate) const LONG: Duration = Duration::from_secs(60);
/// Too short for anything that does not come.
pub(crate) const SHORT: Duration = Duration::from_millis(20);

/// An event of another domain.
#[derive(Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "letters")]
pub(crate) struct Written {
    pub(crate) letter: char,
}

/// Takes letters, and knows nothing of numbers.
#[projector("letters")]
#[derive(Default)]
pub(crate) struct Letters {
    pub(crate) text: String,
}

#[handlers]
impl Letters {
    #[handles(Written)]
    fn written(&mut self, event: &Written) {
        self.text.push(event.letter);
    }
}

/// Halts at 13.
#[projector("superstitious", storage = MemoryStorage, on_failure = "halt", retry(none))]
pub(crate) struct Superstitious;

#[handlers]
impl Superstitious {
    #[handles(Added)]
    fn added(&self, event: &Added) -> Result<(), String> {
        match event.n {
            13 => Err("thirteen is not a number".to_owned()),
            _ => Ok(()),
        }
    }
}

pub(crate) async fn runtime<S: EventStore + Clone>(
    events: &S,
    storage: &MemoryStorage,
    projectors: &[&str],
) -> Runtime<S> {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = projections::sqlite::Sqlite::open(folder.path().join("read.db")).unwrap();
    let runtime = Runtime::builder(events.clone()).storage(storage.clone()).storage(sqlite);
    runtime.only(projectors.iter().copied()).build().await.unwrap()
}

/// A run that is stopped cleanly.
pub(crate) struct Run {
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), RunError>>,
}

impl Run {
    pub(crate) fn of<S: EventStore>(runtime: &Runtime<S>) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = runtime.clone();
        let running = tokio::spawn(async move { runtime.run(async { drop(stopped.await) }).await });
        Self { stop, running }
    }

    pub(crate) async fn stop(self) {
        // A run that has ended by itself says why below.
        let _ = self.stop.send(());
        soon(self.running).await.unwrap().unwrap();
    }
}

/// Appends numbers and waits for those who take them.
pub(crate) async fn sync<S: EventStore>(
    runtime: &Runtime<S>,
    numbers: impl IntoIterator<Item = u64>,
    timeout: Duration,
) -> Result<Receipt, SyncError> {
    let numbers = numbers.into_iter().map(|n| Added { n });
    runtime.append("a", Expected::Any, numbers).sync(SyncMode::Simple).timeout(timeout).await
}

/// Appends numbers and waits for nobody.
pub(crate) async fn append<S: EventStore>(
    runtime: &Runtime<S>,
    numbers: impl IntoIterator<Item = u64>,
) -> Receipt {
    let numbers = numbers.into_iter().map(|n| Added { n });
    runtime.append("a", Expected::Any, numbers).await.unwrap()
}

/// Fails where something hangs.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.expect("it hangs")
}

/// An event store and a storage in memory.
pub(crate) fn memory() -> (MemoryEventStore, MemoryStorage) {
    (MemoryEventStore::new(), MemoryStorage::new())
}

/// What a handler has said.
pub(crate) type Heard = Arc<Mutex<Vec<String>>>;
