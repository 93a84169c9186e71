//! Rebuilds that meet a page that was read ahead, a failed answer, a lost row, or the end of a run.

use std::sync::Arc;

use projections::{
    EventStore, Runtime, handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteEventStore},
    testing::{Call, MemoryStorage, MemoryTx},
};
use projections_tests::ledger::{Added, expected, read_memory, read_sqlite};
use tokio::sync::Semaphore;

use crate::support::{append, ledger, run, soon};

/// Waits at every event for a permit.
#[projector("gated", storage = MemoryStorage, register = false)]
#[derive(Clone)]
struct Gated {
    begun: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

#[handlers]
impl Gated {
    #[reset]
    fn clear(&self, db: &mut MemoryTx<'_>) {
        db.clear("rows");
    }

    #[handles(Added)]
    async fn added(&self, event: &Added, db: &mut MemoryTx<'_>) {
        self.begun.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        db.set("rows", format!("{:03}", event.n), event.n);
    }
}

#[tokio::test]
async fn a_page_that_was_read_ahead_is_not_applied_after_a_rebuild() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, 0..10).await;
    let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let gated = Gated { begun: Arc::clone(&begun), gate: Arc::clone(&gate) };
    let runtime = Runtime::builder(events).without_linked().storage(storage.clone());
    let runtime = runtime.projector(gated).batch_events(2).build().await.unwrap();
    let running = run(&runtime);
    soon(begun.acquire()).await.unwrap().forget();
    // In the middle of the first batch, when the second page is read already.
    let looks = storage.calls(Call::Checkpoints);
    let rebuilding = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.rebuild("gated").await }
    });
    // It looks at the checkpoint, and asks the run in the same breath.
    soon(async {
        while storage.calls(Call::Checkpoints) == looks {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(!rebuilding.is_finished());
    gate.add_permits(1_000);
    soon(rebuilding).await.unwrap().unwrap();
    let rows: Vec<_> = storage.rows("rows").into_values().filter_map(|n| n.as_u64()).collect();
    assert_eq!(rows, (0..10).collect::<Vec<_>>());
    running.abort();
}

#[tokio::test]
async fn a_rebuild_whose_answer_was_lost_does_not_halt_the_projector() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    let last = append(&events, 0..10).await;
    let runtime = ledger(&events, &storage).await;
    let running = run(&runtime);
    soon(runtime.wait_for("ledger-memory", &last.token(), crate::support::LONG)).await.unwrap();
    storage.commit_and_fail(1);
    soon(runtime.rebuild("ledger-memory")).await.unwrap();
    let last = append(&events, [10]).await;
    soon(runtime.wait_for("ledger-memory", &last.token(), crate::support::LONG)).await.unwrap();
    let numbers: Vec<_> = (1..).zip(0..11).collect();
    assert_eq!(read_memory(&storage), expected(&numbers));
    assert!(!running.is_finished());
    running.abort();
}

#[tokio::test]
async fn a_rebuild_without_a_checkpoint_empties_the_read_model_too() {
    let folder = tempfile::tempdir().unwrap();
    let events = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
    let added = (0..5).map(|n| projections::NewEvent::of(&Added { n }).unwrap()).collect();
    let request = projections::AppendRequest::new("a", projections::Expected::Any, added);
    events.append(request).await.unwrap();
    let path = folder.path().join("read.db");
    let runtime = Runtime::builder(events).storage(Sqlite::open(&path).unwrap());
    let runtime = runtime.only(["ledger-sqlite"]).build().await.unwrap();
    runtime.catch_up().await.unwrap();
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute("DELETE FROM projections_checkpoints", []).unwrap();
    runtime.rebuild("ledger-sqlite").await.unwrap();
    assert_eq!(read_sqlite(&path), expected(&[(1, 0), (2, 1), (3, 2), (4, 3), (5, 4)]));
}

/// A request that comes while the run that it was meant for ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_is_asked_for_while_a_run_ends_is_carried_out() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, 0..3).await;
    let runtime = ledger(&events, &storage).await;
    for _round in 0..300 {
        let caught_up = tokio::spawn({
            let runtime = runtime.clone();
            async move { runtime.catch_up().await }
        });
        tokio::task::yield_now().await;
        let resets = storage.calls(projections::testing::Call::Reset);
        soon(runtime.rebuild("ledger-memory")).await.unwrap();
        assert!(storage.calls(projections::testing::Call::Reset) > resets);
        soon(caught_up).await.unwrap().unwrap();
        assert_eq!(read_memory(&storage), expected(&[(1, 0), (2, 1), (3, 2)]));
    }
}
