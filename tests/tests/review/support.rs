//! What the tests share.

use std::{future::Future, time::Duration};

use projections::{
    AppendRequest, EventStore, Expected, NewEvent, Receipt, RunError, Runtime,
    memory::MemoryEventStore, testing::MemoryStorage,
};
use projections_tests::ledger::Added;
use tokio::task::JoinHandle;

/// Longer than anything takes that does not hang.
pub(crate) const LONG: Duration = Duration::from_secs(20);

pub(crate) async fn append(
    events: &MemoryEventStore,
    numbers: impl IntoIterator<Item = u64>,
) -> Receipt {
    let numbers = numbers.into_iter().map(|n| NewEvent::of(&Added { n }).unwrap()).collect();
    events.append(AppendRequest::new("a", Expected::Any, numbers)).await.unwrap()
}

/// The ledger in memory, alone.
pub(crate) async fn ledger(
    events: &MemoryEventStore,
    storage: &MemoryStorage,
) -> Runtime<MemoryEventStore> {
    let runtime = Runtime::builder(events.clone()).storage(storage.clone());
    runtime.only(["ledger-memory"]).build().await.unwrap()
}

/// Runs it until the task is aborted.
pub(crate) fn run(runtime: &Runtime<MemoryEventStore>) -> JoinHandle<Result<(), RunError>> {
    let runtime = runtime.clone();
    tokio::spawn(async move { runtime.run(std::future::pending()).await })
}

/// Fails where something hangs.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.expect("it hangs")
}
