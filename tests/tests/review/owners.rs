//! What is said of a projector that runs here no longer, not yet, or elsewhere.

use std::time::Duration;

use projections::{
    State, StoreErrorKind, WaitError,
    memory::MemoryEventStore,
    testing::{Call, MemoryStorage},
};

use crate::support::{LONG, append, ledger, run, soon};

#[tokio::test]
async fn a_dropped_run_does_not_count_as_running() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    let (here, elsewhere) = (ledger(&events, &storage).await, ledger(&events, &storage).await);
    let first = append(&events, [1]).await.token();
    let running = run(&here);
    here.wait_for("ledger-memory", &first, LONG).await.unwrap();
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    // Another process carries on.
    let second = append(&events, [2]).await.token();
    elsewhere.catch_up().await.unwrap();
    here.wait_for("ledger-memory", &second, LONG).await.unwrap();
    assert_eq!(here.status().await.unwrap().projectors[0].state, State::Stopped);
}

#[tokio::test]
async fn a_wait_of_one_who_stands_by_looks_at_the_owner() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    let (first, second) = (ledger(&events, &storage).await, ledger(&events, &storage).await);
    let token = append(&events, [1]).await.token();
    let owner = run(&second);
    second.wait_for("ledger-memory", &token, LONG).await.unwrap();
    let running = run(&first);
    first.wait_for("ledger-memory", &token, LONG).await.unwrap();
    let waiting = tokio::spawn({
        let (first, token) = (first.clone(), append(&events, [2]).await.token());
        async move { first.wait_for("ledger-memory", &token, LONG).await }
    });
    soon(waiting).await.unwrap().unwrap();
    // And it takes over from an owner that was dropped.
    owner.abort();
    assert!(owner.await.unwrap_err().is_cancelled());
    let token = append(&events, [3]).await.token();
    first.wait_for("ledger-memory", &token, LONG).await.unwrap();
    running.abort();
}

/// A storage that was set back while nobody ran the projector, and cannot be reached when it is
/// started again: what the last run knew is not known any longer.
#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_knew_is_not_taken_for_known() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    let runtime = ledger(&events, &storage).await;
    runtime.catch_up().await.unwrap();
    let token = append(&events, 0..10).await.token();
    runtime.catch_up().await.unwrap();
    storage.set_back(3);
    for call in 1..=4 {
        storage.fail(Call::Begin, call, StoreErrorKind::Unavailable);
    }
    let running = run(&runtime);
    let status = async || runtime.status().await.unwrap().projectors.remove(0);
    soon(async {
        while status().await.state != State::Retrying {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let status = status().await;
    assert_eq!((status.state, status.position.get()), (State::Retrying, 0));
    let wait = Duration::from_millis(10);
    let waited = runtime.wait_for("ledger-memory", &token, wait).await;
    assert!(matches!(waited, Err(WaitError::TimedOut { .. })), "{waited:?}");
    // A catch-up that joins the run does not end before it.
    soon(runtime.catch_up()).await.unwrap();
    assert_eq!(storage.rows("rows").len(), 10);
    running.abort();
}

/// A run that halted here does not speak for a projector that another process carries on.
#[tokio::test]
async fn a_halt_here_is_over_once_another_process_has_taken_over() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    let (here, elsewhere) = (ledger(&events, &storage).await, ledger(&events, &storage).await);
    append(&events, [1]).await;
    // The start commits; the first batch meets a fault that no patience mends.
    storage.fail(Call::Commit, 2, StoreErrorKind::Corrupt);
    here.catch_up().await.unwrap_err();
    let state = || async { here.status().await.unwrap().projectors[0].state };
    assert_eq!(state().await, State::Halted);
    elsewhere.catch_up().await.unwrap();
    assert_eq!(state().await, State::Stopped);
    let token = append(&events, [2]).await.token();
    let looks = storage.calls(Call::Checkpoints);
    let waiting = tokio::spawn({
        let here = here.clone();
        async move { here.wait_for("ledger-memory", &token, LONG).await }
    });
    soon(async {
        while storage.calls(Call::Checkpoints) == looks {
            tokio::task::yield_now().await;
        }
    })
    .await;
    elsewhere.catch_up().await.unwrap();
    waiting.await.unwrap().unwrap();
}
