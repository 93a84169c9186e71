//! What a wait answers of a projector that is not simply behind: rule R30.

use std::sync::Arc;

use projections::{
    Runtime, State, StoreErrorKind, SyncError, WaitError, handlers,
    memory::MemoryEventStore,
    projector,
    testing::{Call, MemoryStorage, MemoryTx},
};
use projections_tests::ledger::Added;
use tokio::sync::Semaphore;

use crate::support::{LONG, Run, SHORT, append, memory, runtime, soon, sync};

#[tokio::test]
async fn a_halted_projector_fails_the_wait_at_once_with_its_reason() {
    let (events, storage) = memory();
    let names = ["ledger-memory", "superstitious"];
    let here = runtime(&events, &storage, &names).await;
    let elsewhere = runtime(&events, &storage, &["superstitious"]).await;
    let run = Run::of(&here);
    sync(&here, [12], LONG).await.unwrap();
    // It halts at this very event.
    let error = sync(&here, [13], LONG).await.unwrap_err();
    let SyncError::Unapplied { receipt, reasons } = &error else { panic!("{error:?}") };
    assert_eq!(receipt.last.get(), 2);
    assert!(matches!(&reasons[..], [WaitError::Halted(_)]), "{reasons:?}");
    let reason = "projector `superstitious` halted: event ";
    assert!(error.to_string().contains(reason), "{error}");
    assert!(error.to_string().contains("thirteen is not a number"), "{error}");
    // It has halted before, and the other one goes on.
    let error = sync(&here, [14], LONG).await.unwrap_err();
    assert!(error.to_string().contains(reason), "{error}");
    assert!(!error.is_timed_out());
    here.wait_for("ledger-memory", &error.receipt().unwrap().token(), LONG).await.unwrap();
    // Another process reads of it in the storage.
    let error = sync(&elsewhere, [15], LONG).await.unwrap_err();
    let SyncError::Unapplied { reasons, .. } = &error else { panic!("{error:?}") };
    let [WaitError::HaltedElsewhere { projector, at, reason }] = &reasons[..] else {
        panic!("{reasons:?}")
    };
    assert_eq!((&**projector, at.get()), ("superstitious", 1));
    assert!(reason.contains("thirteen is not a number"), "{reason}");
    // What it has applied before, it has applied.
    let first = projections::Token::new(
        projections::EventSource::store_id(&events),
        1.into(),
        1.into(),
        "a".into(),
    );
    for runtime in [&here, &elsewhere] {
        runtime.wait_for("superstitious", &first, LONG).await.unwrap();
    }
    run.stop().await;
}

#[tokio::test]
async fn another_process_is_waited_for() {
    let (events, storage) = memory();
    let here = runtime(&events, &storage, &["ledger-memory"]).await;
    let elsewhere = runtime(&events, &storage, &["ledger-memory"]).await;
    let run = Run::of(&elsewhere);
    for n in 1..=20 {
        sync(&here, [n], LONG).await.unwrap();
        assert_eq!(storage.rows("rows").len() as u64, n);
    }
    run.stop().await;
    let error = sync(&here, [21], SHORT).await.unwrap_err().to_string();
    assert!(error.contains("1 behind, stopped: nobody runs it"), "{error}");
}

/// Applies an event once it is let to.
#[projector("gated", storage = MemoryStorage, register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
struct Gated {
    gate: Arc<Semaphore>,
}

#[handlers]
impl Gated {
    #[reset]
    fn clear(&self, db: &mut MemoryTx<'_>) {
        db.clear("gated");
    }

    #[handles(Added)]
    async fn added(&self, event: &Added, db: &mut MemoryTx<'_>) {
        // Dropped without an await in between, because the transaction is behind a lock.
        db.set("gated", event.n.to_string(), event.n);
        self.gate.acquire().await.unwrap().forget();
    }
}

#[tokio::test]
async fn a_wait_during_a_rebuild_waits_and_its_time_out_says_so() {
    let (events, storage) = memory();
    let gate = Arc::new(Semaphore::new(0));
    let build = async || {
        let runtime = Runtime::builder(events.clone()).without_linked().batch_events(1);
        let runtime = runtime.storage(storage.clone()).projector(Gated { gate: gate.clone() });
        runtime.build().await.unwrap()
    };
    let (here, elsewhere) = (build().await, build().await);
    gate.add_permits(2);
    let last = append(&here, [1, 2]).await.token();
    here.catch_up().await.unwrap();
    here.wait_for("gated", &last, SHORT).await.unwrap();
    let rebuilding = tokio::spawn({
        let here = here.clone();
        async move { here.rebuild("gated").await }
    });
    while !storage.rows("gated").is_empty() {
        tokio::task::yield_now().await;
    }
    for runtime in [&here, &elsewhere] {
        let error = runtime.wait_for("gated", &last, SHORT).await.unwrap_err();
        let WaitError::TimedOut { state, behind, .. } = &error else { panic!("{error:?}") };
        assert_eq!((*state, *behind), (Some(State::Rebuilding), 2));
        assert!(error.to_string().ends_with("it is at 0, 2 behind, rebuilding"), "{error}");
    }
    let waiting = tokio::spawn({
        let elsewhere = elsewhere.clone();
        async move { elsewhere.wait_for("gated", &last, LONG).await }
    });
    gate.add_permits(2);
    soon(waiting).await.unwrap().unwrap();
    assert_eq!(storage.rows("gated").len(), 2);
    soon(rebuilding).await.unwrap().unwrap();
}

#[tokio::test]
async fn who_waits_for_his_storage_is_said_to() {
    let (events, storage) = memory();
    let runtime = runtime(&events, &storage, &["ledger-memory"]).await;
    for nth in 1..=100 {
        storage.fail(Call::Begin, nth, StoreErrorKind::Unavailable);
    }
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(std::future::pending()).await }
    });
    while runtime.status().await.unwrap().projectors[0].state != State::Retrying {
        tokio::task::yield_now().await;
    }
    let error = sync(&runtime, [1], SHORT).await.unwrap_err().to_string();
    assert!(error.contains("1 behind, retrying: cannot begin a transaction"), "{error}");
    running.abort();
}

/// Somebody else's positions are no positions of this log.
#[tokio::test]
async fn a_checkpoint_of_another_log_does_not_count() {
    let (events, storage) = memory();
    let other = MemoryEventStore::new();
    let others = runtime(&other, &storage, &["ledger-memory"]).await;
    append(&others, 0..10).await;
    others.catch_up().await.unwrap();
    let here = runtime(&events, &storage, &["ledger-memory"]).await;
    let error = sync(&here, [1], LONG).await.unwrap_err().to_string();
    assert!(error.contains("diverged: its checkpoint is of event store"), "{error}");
}

#[tokio::test]
async fn an_outage_of_the_storage_is_waited_out_and_damage_is_not() {
    let (events, storage) = memory();
    let here = runtime(&events, &storage, &["ledger-memory"]).await;
    let elsewhere = runtime(&events, &storage, &["ledger-memory"]).await;
    let token = append(&here, [1]).await.token();
    elsewhere.catch_up().await.unwrap();
    storage.fail(Call::Checkpoints, 1, StoreErrorKind::Unavailable);
    here.wait_for("ledger-memory", &token, LONG).await.unwrap();
    storage.fail(Call::Checkpoints, 1, StoreErrorKind::Corrupt);
    let error = here.wait_for("ledger-memory", &token, LONG).await.unwrap_err();
    assert!(matches!(error, WaitError::Store(_)), "{error:?}");
    here.wait_for("ledger-memory", &token, std::time::Duration::ZERO).await.unwrap();
}
