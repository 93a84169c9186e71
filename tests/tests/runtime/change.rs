//! Other code under one version: the fingerprint and `on_change`; rule R20, acceptance line 42.

use projections::{
    EventStore, HaltReason, ProjectorStatus, Runtime, handlers,
    memory::MemoryEventStore,
    projector,
    testing::{MemoryStorage, MemoryTx},
};
use projections_tests::ledger::Added;

use crate::support::append;

/// A projector `changing` that writes its own factor.
macro_rules! changing {
    ($name:ident, $factor:literal $(, $option:tt = $value:literal)*) => {
        #[projector("changing", storage = MemoryStorage, register = false $(, $option = $value)*)]
        #[derive(Clone)]
        struct $name;

        #[handlers]
        impl $name {
            #[handles(Added)]
            fn added(&self, event: &Added, db: &mut MemoryTx<'_>) {
                db.set("changing", event.n.to_string(), event.n * $factor);
            }

            #[reset]
            fn reset(&self, db: &mut MemoryTx<'_>) {
                db.clear("changing");
            }
        }
    };
}

changing!(Old, 1);
changing!(Tuned, 1, unregistered = "warn", on_change = "refuse");
changing!(Ignores, 2, on_change = "ignore");
changing!(Warns, 2);
changing!(Refuses, 2, on_change = "refuse");
changing!(Rebuilds, 2, on_change = "rebuild");
changing!(Raised, 2, version = 2);

/// Makes the runtime of one of them.
macro_rules! runtime {
    ($events:expr, $storage:expr, $projector:expr) => {
        Runtime::builder($events.clone())
            .without_linked()
            .storage($storage.clone())
            .projector($projector)
            .build()
            .await
            .unwrap()
    };
}

async fn status<S: EventStore>(runtime: &Runtime<S>) -> ProjectorStatus {
    runtime.status().await.unwrap().projectors.remove(0)
}

async fn built_by_old() -> (MemoryEventStore, MemoryStorage) {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, "a", [5]).await;
    runtime!(events, storage, Old).catch_up().await.unwrap();
    (events, storage)
}

#[tokio::test]
async fn tuning_is_no_change() {
    let (events, storage) = built_by_old().await;
    let tuned = runtime!(events, storage, Tuned);
    assert!(!status(&tuned).await.changed);
    tuned.catch_up().await.unwrap();
}

#[tokio::test]
async fn a_change_that_goes_on_shows_until_the_old_code_is_back_or_a_rebuild() {
    let (events, storage) = built_by_old().await;
    for runtime in [runtime!(events, storage, Ignores), runtime!(events, storage, Warns)] {
        assert!(status(&runtime).await.changed);
        runtime.catch_up().await.unwrap();
        assert!(status(&runtime).await.changed);
    }
    assert!(!status(&runtime!(events, storage, Old)).await.changed);
    let warns = runtime!(events, storage, Warns);
    warns.rebuild("changing").await.unwrap();
    assert!(!status(&warns).await.changed);
    assert!(status(&runtime!(events, storage, Old)).await.changed);
}

#[tokio::test]
async fn a_refused_change_names_the_ways_out() {
    let (events, storage) = built_by_old().await;
    let before = storage.rows("changing");
    let refuses = runtime!(events, storage, Refuses);
    let error = refuses.catch_up().await.unwrap_err();
    assert!(matches!(&*error.halted()[0].reason, HaltReason::StaleCode { .. }), "{error}");
    for part in ["the handlers changed", "rebuild the projector", "`version`", "on_change"] {
        assert!(error.to_string().contains(part), "{part} is not in: {error}");
    }
    assert!(status(&refuses).await.changed);
    assert_eq!(storage.rows("changing"), before);
}

#[tokio::test]
async fn a_change_that_rebuilds_and_a_raised_version_say_so_before() {
    for is_raised in [false, true] {
        let (events, storage) = built_by_old().await;
        let before = storage.rows("changing");
        let runtime = match is_raised {
            true => runtime!(events, storage, Raised),
            false => runtime!(events, storage, Rebuilds),
        };
        let shown = status(&runtime).await;
        assert_eq!(shown.changed, !is_raised);
        assert!(shown.last_error.unwrap().starts_with("the next start rebuilds it: "));
        runtime.catch_up().await.unwrap();
        assert!(!status(&runtime).await.changed);
        assert_ne!(storage.rows("changing"), before);
    }
}
