//! Runs with an end: `catch_up_to`.

use std::{sync::Arc, time::Duration};

use projections::{
    EventSource, GlobalPosition, HaltReason, Runtime, State, StoreErrorKind,
    memory::MemoryEventStore,
    testing::{Call, MemoryStorage},
};
use projections_tests::ledger::InProcessLedger;

use crate::support::{Running, append, caught_up};

async fn ledgers(events: &MemoryEventStore, storage: &MemoryStorage) -> Runtime<MemoryEventStore> {
    let runtime = Runtime::builder(events.clone()).storage(storage.clone()).batch_events(7);
    runtime.only(["ledger-in-process", "ledger-memory"]).build().await.unwrap()
}

async fn scanned<S: EventSource>(runtime: &Runtime<S>) -> Vec<u64> {
    let status = runtime.status().await.unwrap();
    status.projectors.iter().map(|one| one.scanned.get()).collect()
}

#[tokio::test]
async fn it_ends_at_or_after_the_position_and_is_stopped_then() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, 0..100).await;
    let runtime = ledgers(&events, &storage).await;
    runtime.catch_up_to(GlobalPosition::new(30)).await.unwrap();
    // Whole batches: of seven, one ends at 35.
    assert_eq!(scanned(&runtime).await, [35, 35]);
    let status = runtime.status().await.unwrap();
    assert!(status.projectors.iter().all(|one| one.state == State::Stopped));
    // What is passed is no work.
    runtime.catch_up_to(GlobalPosition::new(10)).await.unwrap();
    runtime.catch_up_to(GlobalPosition::BEGINNING).await.unwrap();
    assert_eq!(scanned(&runtime).await, [35, 35]);
    runtime.catch_up_to(GlobalPosition::new(100)).await.unwrap();
    assert_eq!(scanned(&runtime).await, [100, 100]);
    assert_eq!(runtime.read::<InProcessLedger, _>(|l| l.ledger.rows.len()).await.unwrap(), 100);
}

#[tokio::test]
async fn a_position_that_is_not_there_yet_is_waited_for() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, 0..10).await;
    let runtime = ledgers(&events, &storage).await;
    let waiting = {
        let runtime = runtime.clone();
        tokio::spawn(async move { runtime.catch_up_to(GlobalPosition::new(12)).await })
    };
    caught_up(&runtime).await;
    append(&events, 10..11).await;
    caught_up(&runtime).await;
    assert!(!waiting.is_finished());
    append(&events, 11..12).await;
    waiting.await.unwrap().unwrap();
    assert_eq!(scanned(&runtime).await, [12, 12]);
}

#[tokio::test]
async fn one_that_runs_here_is_waited_for() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    let runtime = ledgers(&events, &storage).await;
    let running = Running::start(&runtime);
    let receipt = append(&events, 0..50).await;
    runtime.catch_up_to(receipt.last).await.unwrap();
    assert_eq!(scanned(&runtime).await, [50, 50]);
    let status = runtime.status().await.unwrap();
    assert!(status.projectors.iter().all(|one| one.state == State::CaughtUp), "it goes on");
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_lasts_ends_it() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, 0..10).await;
    let runtime = ledgers(&events, &storage).await;
    (1..=60).for_each(|nth| storage.fail(Call::Begin, nth, StoreErrorKind::Unavailable));
    let ended = runtime.catch_up_to(GlobalPosition::new(10));
    let error = tokio::time::timeout(Duration::from_secs(600), ended).await.unwrap().unwrap_err();
    let [halted] = error.halted() else { panic!("{error}") };
    assert!(matches!(*Arc::clone(&halted.reason), HaltReason::Store(_)), "{error}");
    assert_eq!(halted.projector, "ledger-memory");
}
