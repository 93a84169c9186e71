//! What is checked before the first event: acceptance line 14, rules R2, R3 and R19, versions.

use std::path::PathBuf;

use projections::{
    Event, EventStore, HaltReason, RunError, Runtime, State, handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::Sqlite,
    testing::{MemoryStorage, MemoryTx},
};
use projections_tests::ledger::{Added, expected, read_memory, read_sqlite};

use crate::support::{append, append_raw, sqlite_events};

/// The only reason that a run ended with.
fn reason(error: &RunError) -> &HaltReason {
    &error.halted()[0].reason
}

async fn ledger<S: EventStore>(events: S, storage: &MemoryStorage) -> Runtime<S> {
    let runtime = Runtime::builder(events).storage(storage.clone());
    runtime.only(["ledger-memory"]).build().await.unwrap()
}

#[tokio::test]
async fn a_checkpoint_of_another_store_is_refused() {
    let (one, other) = (MemoryEventStore::new(), MemoryEventStore::new());
    append(&one, "a", [1, 2]).await;
    append(&other, "a", [7, 8, 9]).await;
    let storage = MemoryStorage::new();
    ledger(one, &storage).await.catch_up().await.unwrap();
    let before = read_memory(&storage);
    let runtime = ledger(other, &storage).await;
    // Status says so before anyone runs it.
    assert_eq!(runtime.status().await.unwrap().projectors[0].state, State::Diverged);
    let error = runtime.catch_up().await.unwrap_err();
    assert!(matches!(reason(&error), HaltReason::Diverged { .. }), "{error}");
    assert!(error.to_string().contains("the checkpoint is of event store"), "{error}");
    assert_eq!(read_memory(&storage), before);
    // The way out that the error names.
    runtime.rebuild("ledger-memory").await.unwrap();
    assert_eq!(read_memory(&storage), expected(&[(1, 7), (2, 8), (3, 9)]));
}

/// Copies a SQLite event store as it is now, through SQLite.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    let db = rusqlite::Connection::open(from).unwrap();
    db.execute("VACUUM INTO ?1", [to.to_str().unwrap()]).unwrap();
}

#[tokio::test]
async fn a_log_that_went_back_in_time_halts_the_restarted_projector() {
    let folder = tempfile::tempdir().unwrap();
    let (live, backup) = (folder.path().join("events.db"), folder.path().join("backup.db"));
    let storage = MemoryStorage::new();
    {
        let events = sqlite_events(folder.path());
        append(&events, "a", 0..950).await;
        copy(&live, &backup);
        append(&events, "a", 950..1_000).await;
        ledger(events, &storage).await.catch_up().await.unwrap();
    }
    let before = read_memory(&storage);
    let events = projections::sqlite::SqliteEventStore::open(&backup).unwrap();
    append(&events, "b", 0..100).await;
    let error = ledger(events, &storage).await.catch_up().await.unwrap_err();
    assert!(matches!(reason(&error), HaltReason::Diverged { .. }), "{error}");
    assert!(error.to_string().contains("position 1000"), "{error}");
    assert_eq!(read_memory(&storage), before);
}

#[tokio::test]
async fn a_log_that_went_back_in_time_halts_the_running_projector() {
    let folder = tempfile::tempdir().unwrap();
    let events = sqlite_events(folder.path());
    append(&events, "a", 0..50).await;
    let storage = MemoryStorage::new();
    let runtime = ledger(events.clone(), &storage).await;
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(std::future::pending()).await }
    });
    let seen = append(&events, "a", [50]).await;
    let wait = std::time::Duration::from_secs(20);
    runtime.wait_for("ledger-memory", &seen.token(), wait).await.unwrap();
    let before = read_memory(&storage);
    // Another program restores an older state of the same file in place, and events follow.
    {
        let db = rusqlite::Connection::open(folder.path().join("events.db")).unwrap();
        db.busy_timeout(wait).unwrap();
        db.execute_batch(
            "BEGIN IMMEDIATE; DELETE FROM events WHERE position > 40;
             UPDATE sqlite_sequence SET seq = 40 WHERE name = 'events'; COMMIT",
        )
        .unwrap();
    }
    append(&events, "b", 0..100).await;
    let error = tokio::time::timeout(wait, running).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(reason(&error), HaltReason::Diverged { .. }), "{error}");
    assert_eq!(read_memory(&storage), before);
}

#[projector("newcomer", storage = MemoryStorage, from = "now", register = false)]
#[derive(Clone)]
struct Newcomer;

#[handlers]
impl Newcomer {
    #[handles(Added)]
    fn added(&self, event: &Added, db: &mut MemoryTx<'_>) {
        db.set("seen", format!("{:03}", event.n), event.n);
    }
}

async fn from_now_is_pinned_before_anything_is_read<S: EventStore + Clone>(events: S, _: PathBuf) {
    append(&events, "a", 0..10).await;
    let storage = MemoryStorage::new();
    let start = || async {
        let runtime = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
        let runtime = runtime.projector(Newcomer).build().await.unwrap();
        runtime.catch_up().await.unwrap();
    };
    // Registered, and gone before any match.
    start().await;
    assert!(storage.rows("seen").is_empty());
    append(&events, "a", 100..150).await;
    start().await;
    let seen: Vec<_> = storage.rows("seen").into_values().filter_map(|n| n.as_u64()).collect();
    assert_eq!(seen, (100..150).collect::<Vec<_>>());
}

#[derive(Event, serde::Deserialize)]
#[event(domain = "numbers", name = "B")]
struct B {}

macro_rules! grown {
    ($name:ident $(, $option:ident = $value:tt)*) => {
        #[projector("grown", storage = MemoryStorage, register = false)]
        #[derive(Clone)]
        struct $name;

        #[handlers]
        impl $name {
            #[reset]
            fn clear(&self, db: &mut MemoryTx<'_>) {
                db.clear("grown");
            }

            #[handles(Added)]
            fn added(&self, event: &Added, db: &mut MemoryTx<'_>) {
                db.set("grown", format!("a{}", event.n), true);
            }

            #[handles(B $(, $option = $value)*)]
            fn b(&self, _event: &B, at: &projections::Envelope, db: &mut MemoryTx<'_>) {
                db.set("grown", format!("b{}", at.position()), true);
            }
        }
    };
}

#[projector("grown", storage = MemoryStorage, register = false)]
#[derive(Clone)]
struct Young;

#[handlers]
impl Young {
    #[handles(Added)]
    fn added(&self, event: &Added, db: &mut MemoryTx<'_>) {
        db.set("grown", format!("a{}", event.n), true);
    }
}

grown!(Grown);
grown!(GrownNow, from = "now");

async fn a_handler_added_for_passed_events_never_starts_silently<S: EventStore + Clone>(
    events: S,
    _: PathBuf,
) {
    append(&events, "a", [1]).await;
    for _ in 0..3 {
        append_raw(&events, "numbers", "B", "{}").await;
    }
    append(&events, "a", [2]).await;
    let storage = MemoryStorage::new();
    let build = || Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    let keys = || storage.rows("grown").into_keys().collect::<Vec<_>>();
    build().projector(Young).build().await.unwrap().catch_up().await.unwrap();

    let grown = build().projector(Grown).build().await.unwrap();
    let status = grown.status().await.unwrap().projectors.remove(0);
    assert_eq!(status.state, State::StaleCode);
    let error = grown.catch_up().await.unwrap_err();
    assert!(matches!(reason(&error), HaltReason::StaleCode { .. }), "{error}");
    let text = error.to_string();
    for part in ["B was added, 3 of them were passed", "rebuild the projector", "from = \"now\""] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    assert_eq!(keys(), ["a1", "a2"]);

    // One way out: begin with new events. The place is kept over restarts.
    for _start in 0..2 {
        build().projector(GrownNow).build().await.unwrap().catch_up().await.unwrap();
        assert_eq!(keys(), ["a1", "a2"]);
    }
    let new = append_raw(&events, "numbers", "B", "{}").await.last;
    build().projector(GrownNow).build().await.unwrap().catch_up().await.unwrap();
    assert_eq!(keys(), ["a1".to_owned(), "a2".to_owned(), format!("b{new}")]);

    // A rolling deploy back: the old code passes a B, so the new code is refused again.
    append_raw(&events, "numbers", "B", "{}").await;
    build().projector(Young).build().await.unwrap().catch_up().await.unwrap();
    let error = grown.catch_up().await.unwrap_err();
    assert!(error.to_string().contains("B was added, 5 of them were passed"), "{error}");

    // The other way out: rebuild.
    grown.rebuild("grown").await.unwrap();
    assert_eq!(keys().len(), 2 + 5);
    grown.catch_up().await.unwrap();
}

async fn a_handler_added_for_events_that_never_were_starts<S: EventStore + Clone>(
    events: S,
    _: PathBuf,
) {
    append(&events, "a", [1]).await;
    let storage = MemoryStorage::new();
    let build = || Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    build().projector(Young).build().await.unwrap().catch_up().await.unwrap();
    append_raw(&events, "numbers", "B", "{}").await;
    build().projector(Grown).build().await.unwrap().catch_up().await.unwrap();
    assert_eq!(storage.rows("grown").into_keys().collect::<Vec<_>>(), ["a1", "b2"]);
}

macro_rules! versioned {
    ($name:ident, $version:tt, $mark:literal) => {
        #[projector("versioned", storage = MemoryStorage, version = $version, register = false)]
        #[derive(Clone)]
        struct $name;

        #[handlers]
        impl $name {
            #[reset]
            fn clear(&self, db: &mut MemoryTx<'_>) {
                db.clear("versioned");
            }

            #[handles(Added)]
            fn added(&self, event: &Added, db: &mut MemoryTx<'_>) {
                db.set("versioned", format!("{}-{}", $mark, event.n), true);
            }
        }
    };
}

versioned!(VersionOne, 1, "one");
versioned!(VersionTwo, 2, "two");

async fn a_higher_version_rebuilds_and_a_lower_one_is_stale<S: EventStore + Clone>(
    events: S,
    _: PathBuf,
) {
    append(&events, "a", [1, 2]).await;
    let storage = MemoryStorage::new();
    let build = || Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    let keys = || storage.rows("versioned").into_keys().collect::<Vec<_>>();
    build().projector(VersionOne).build().await.unwrap().catch_up().await.unwrap();
    assert_eq!(keys(), ["one-1", "one-2"]);
    build().projector(VersionTwo).build().await.unwrap().catch_up().await.unwrap();
    assert_eq!(keys(), ["two-1", "two-2"]);
    let old = build().projector(VersionOne).build().await.unwrap();
    let error = old.catch_up().await.unwrap_err();
    assert!(matches!(reason(&error), HaltReason::StaleCode { .. }), "{error}");
    let error = old.rebuild("versioned").await.unwrap_err();
    assert!(error.to_string().contains("run the newer program"), "{error}");
    assert_eq!(keys(), ["two-1", "two-2"]);
}

async fn two_applications_share_a_database<S: EventStore + Clone>(events: S, folder: PathBuf) {
    append(&events, "a", [1, 2]).await;
    let path = folder.join("read.db");
    let storage = MemoryStorage::new();
    let start = async |namespace: &str| {
        let runtime = Runtime::builder(events.clone()).storage(storage.clone());
        let runtime = runtime.only(["ledger-memory"]).namespace(namespace).build().await.unwrap();
        runtime.status().await.unwrap().projectors.remove(0).position.get()
    };
    let one = Runtime::builder(events.clone()).storage(Sqlite::open(&path).unwrap());
    let one = one.only(["ledger-sqlite"]).namespace("one").build().await.unwrap();
    one.catch_up().await.unwrap();
    assert_eq!(read_sqlite(&path), expected(&[(1, 1), (2, 2)]));
    let two = Runtime::builder(events.clone()).storage(Sqlite::open(&path).unwrap());
    let two = two.only(["ledger-sqlite"]).namespace("two").build().await.unwrap();
    // The other application's checkpoint is not this one's.
    assert_eq!(two.status().await.unwrap().projectors[0].position.get(), 0);
    assert_eq!(start("three").await, 0);
}

on_both_stores!(
    a_handler_added_for_events_that_never_were_starts,
    a_handler_added_for_passed_events_never_starts_silently,
    a_higher_version_rebuilds_and_a_lower_one_is_stale,
    from_now_is_pinned_before_anything_is_read,
    two_applications_share_a_database,
);
