//! Rebuilds in place: acceptance line 38.

use std::path::PathBuf;

use projections::{
    EventStore, GlobalPosition, RebuildError, Runtime, State, handlers, projector,
    sqlite::Sqlite,
    testing::{MemoryStorage, MemoryTx},
};
use projections_tests::ledger::{Added, expected, read_memory, read_sqlite};

use crate::support::append;

async fn build<S: EventStore + Clone>(
    events: &S,
    storage: &MemoryStorage,
    folder: &std::path::Path,
) -> Runtime<S> {
    let runtime = Runtime::builder(events.clone())
        .storage(storage.clone())
        .storage(Sqlite::open(folder.join("read.db")).unwrap())
        .only(["ledger-memory", "ledger-sqlite", "ledger-in-process"]);
    runtime.build().await.unwrap()
}

async fn a_rebuild_leaves_what_the_log_says_and_nothing_else<S: EventStore + Clone>(
    events: S,
    folder: PathBuf,
) {
    append(&events, "a", 0..20).await;
    let storage = MemoryStorage::new();
    let runtime = build(&events, &storage, &folder).await;
    runtime.catch_up().await.unwrap();
    let path = folder.join("read.db");
    // A row that no replay can produce.
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute("INSERT INTO ledger VALUES (1000, 1000)", []).unwrap();
    let numbers: Vec<_> = (1..).zip(0..20).collect();
    let commits = storage.calls(projections::testing::Call::Commit);
    for _twice in 0..2 {
        runtime.rebuild("ledger-sqlite").await.unwrap();
        assert_eq!(read_sqlite(&path), expected(&numbers));
    }
    // The other one was left alone.
    assert_eq!(storage.calls(projections::testing::Call::Commit), commits);
    assert_eq!(read_memory(&storage), expected(&numbers));
}

async fn a_rebuild_of_nothing_is_no_error<S: EventStore + Clone>(events: S, folder: PathBuf) {
    let storage = MemoryStorage::new();
    let runtime = build(&events, &storage, &folder).await;
    runtime.rebuild("ledger-memory").await.unwrap();
    runtime.rebuild("ledger-sqlite").await.unwrap();
    assert_eq!(read_memory(&storage), expected(&[]));
    let status = runtime.status().await.unwrap();
    let position = |status: &projections::ProjectorStatus| status.scanned;
    assert!(status.projectors.iter().all(|s| position(s) == GlobalPosition::BEGINNING));
}

async fn a_running_projector_is_rebuilt_between_two_batches<S: EventStore + Clone>(
    events: S,
    folder: PathBuf,
) {
    let storage = MemoryStorage::new();
    let runtime = build(&events, &storage, &folder).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(async { drop(stopped.await) }).await }
    });
    let wait = std::time::Duration::from_secs(20);
    let mut numbers = Vec::new();
    for round in 0..5_u64 {
        append(&events, "a", [round]).await;
        numbers.push((round + 1, round));
        runtime.rebuild("ledger-sqlite").await.unwrap();
        assert_eq!(read_sqlite(&folder.join("read.db")), expected(&numbers));
    }
    let last = append(&events, "a", [5]).await;
    numbers.push((6, 5));
    runtime.wait_for("ledger-sqlite", &last.token(), wait).await.unwrap();
    assert_eq!(read_sqlite(&folder.join("read.db")), expected(&numbers));
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}

#[projector("no-reset", storage = MemoryStorage, register = false)]
#[derive(Clone)]
struct NoReset;

#[handlers]
impl NoReset {
    #[handles(Added)]
    fn added(&self, event: &Added, db: &mut MemoryTx<'_>) {
        db.set("no-reset", event.n.to_string(), event.n);
    }
}

async fn what_cannot_be_rebuilt_says_why<S: EventStore + Clone>(events: S, folder: PathBuf) {
    let storage = MemoryStorage::new();
    let runtime = build(&events, &storage, &folder).await;
    let error = runtime.rebuild("ledger-in-process").await.unwrap_err();
    assert!(matches!(error, RebuildError::InProcess { .. }));
    assert!(error.to_string().contains("replayed at each start"), "{error}");
    let error = runtime.rebuild("leger").await.unwrap_err().to_string();
    assert!(
        error.contains("there is no projector `leger`; there are `ledger-in-process`"),
        "{error}"
    );
    let runtime = Runtime::builder(events.clone()).without_linked().storage(storage);
    let runtime = runtime.projector(NoReset).build().await.unwrap();
    let error = runtime.rebuild("no-reset").await.unwrap_err();
    assert!(matches!(error, RebuildError::NoReset { .. }));
    assert!(error.to_string().contains("has no `#[reset]` method"), "{error}");
}

/// Fails at 13 whenever it is told to, so that a rebuild stops half-way.
#[projector("half", storage = MemoryStorage, register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
struct Half {
    broken: bool,
}

#[handlers]
impl Half {
    #[reset]
    fn clear(&self, db: &mut MemoryTx<'_>) {
        db.clear("half");
    }

    #[handles(Added)]
    fn added(&self, event: &Added, db: &mut MemoryTx<'_>) -> Result<(), String> {
        if self.broken && event.n == 13 {
            return Err("half-way".to_owned());
        }
        db.set("half", format!("{:03}", event.n), self.broken);
        Ok(())
    }
}

async fn an_interrupted_rebuild_goes_on_and_never_mixes<S: EventStore + Clone>(
    events: S,
    _: PathBuf,
) {
    append(&events, "a", 0..30).await;
    let storage = MemoryStorage::new();
    let build = async |broken: bool| {
        let runtime = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
        runtime.projector(Half { broken }).batch_events(5).build().await.unwrap()
    };
    build(false).await.catch_up().await.unwrap();
    let error = build(true).await.rebuild("half").await.unwrap_err();
    assert!(error.to_string().contains("position 14"), "{error}");
    // What is there was built by the rebuild, up to the failing event.
    let rows = storage.rows("half");
    assert_eq!(rows.len(), 13);
    assert!(rows.values().all(|by_broken| by_broken == true));
    let runtime = build(false).await;
    assert_eq!(runtime.status().await.unwrap().projectors[0].state, State::Halted);
    runtime.catch_up().await.unwrap();
    assert_eq!(storage.rows("half").len(), 30);
}

on_both_stores!(
    a_rebuild_leaves_what_the_log_says_and_nothing_else,
    a_rebuild_of_nothing_is_no_error,
    a_running_projector_is_rebuilt_between_two_batches,
    an_interrupted_rebuild_goes_on_and_never_mixes,
    what_cannot_be_rebuilt_says_why,
);
