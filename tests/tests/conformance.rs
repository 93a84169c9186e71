//! Every event store and storage passes the suites of `projections::testing`, and the suites catch
//! every store that is broken on purpose.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use projections::{
    BoxError,
    memory::MemoryEventStore,
    testing::{
        MemorySession, MemoryStorage,
        conformance::{self, Failure, StorageHarness},
    },
};

#[path = "conformance/broken_event_stores.rs"]
mod broken_event_stores;
#[path = "conformance/broken_rows.rs"]
mod broken_rows;
#[path = "conformance/broken_savepoints.rs"]
mod broken_savepoints;
#[path = "conformance/broken_storages.rs"]
mod broken_storages;
#[path = "conformance/memory_storage.rs"]
mod memory_storage;
#[path = "conformance/sqlite.rs"]
mod sqlite;

#[tokio::test]
async fn the_event_store_in_memory_keeps_the_rules() {
    conformance::event_store(|| async { MemoryEventStore::new() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_event_store_in_memory_keeps_the_rules_on_threads() {
    conformance::event_store(|| async { MemoryEventStore::new() }).await;
}

#[tokio::test]
async fn another_handle_of_an_event_store_in_memory_is_the_same_store() {
    let reopen = |events: MemoryEventStore| async move { events.clone() };
    conformance::event_store_reopened(|| async { MemoryEventStore::new() }, reopen).await;
}

struct InMemory;

impl StorageHarness for InMemory {
    type Storage = MemoryStorage;

    async fn open(&self) -> MemoryStorage {
        MemoryStorage::new()
    }

    async fn put(
        &self,
        session: &mut MemorySession,
        key: &str,
        value: &str,
    ) -> Result<(), BoxError> {
        session.tx().set("harness", key, value);
        Ok(())
    }

    async fn get(
        &self,
        session: &mut MemorySession,
        key: &str,
    ) -> Result<Option<String>, BoxError> {
        let value = session.tx().get("harness", key);
        Ok(value.and_then(|value| value.as_str().map(str::to_owned)))
    }
}

#[tokio::test]
async fn the_storage_in_memory_keeps_the_rules() {
    conformance::storage(InMemory).await;
}

/// Asserts that exactly these checks failed, each with a text that says the rule.
#[track_caller]
fn assert_caught(broken: &dyn std::fmt::Debug, failures: &[Failure], expected: &[&str]) {
    let caught: Vec<&str> = failures.iter().map(|failure| failure.check).collect();
    assert_eq!(caught, expected, "{broken:?} was caught by other checks: {failures:#?}");
    for failure in failures {
        assert!(failure.broken.len() > 20, "{failure} does not say which rule is broken");
    }
}
