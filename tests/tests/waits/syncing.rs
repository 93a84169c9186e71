//! Appends that wait.

use std::path::PathBuf;

use projections::{
    EventStore, Expected, Runtime, SyncError, SyncMode, WaitError,
    memory::MemoryEventStore,
    sqlite::{Sqlite, SqliteEventStore},
    testing::MemoryStorage,
};
use projections_tests::ledger::{Added, InProcessLedger, read_memory, read_sqlite};

use crate::support::{LONG, Run, SHORT, Written, append, memory, runtime, soon, sync};

async fn whoever_is_told_reads<S: EventStore + Clone>(events: S, folder: PathBuf) {
    let (storage, read) = (MemoryStorage::new(), folder.join("read.db"));
    let runtime = Runtime::builder(events)
        .storage(storage.clone())
        .storage(Sqlite::open(&read).unwrap())
        .only(["ledger-in-process", "ledger-memory", "ledger-sqlite"]);
    let runtime = runtime.build().await.unwrap();
    let run = Run::of(&runtime);
    for round in 1..=20_u64 {
        let receipt = sync(&runtime, [2 * round, 2 * round + 1], LONG).await.unwrap();
        assert_eq!(receipt.last.get(), 2 * round);
        let in_process = runtime.read::<InProcessLedger, _>(|p| p.ledger.clone()).await.unwrap();
        for ledger in [in_process, read_memory(&storage), read_sqlite(&read)] {
            assert_eq!(ledger.rows.len() as u64, 2 * round);
            assert_eq!(ledger.rows.last(), Some(&(2 * round, 2 * round + 1)));
        }
    }
    run.stop().await;
}

#[tokio::test]
async fn a_sync_append_returns_once_everybody_has_applied_it() {
    let folder = tempfile::tempdir().unwrap();
    whoever_is_told_reads(MemoryEventStore::new(), folder.path().to_owned()).await;
    let events = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
    let other = tempfile::tempdir().unwrap();
    whoever_is_told_reads(events, other.path().to_owned()).await;
}

/// Nobody runs the projector, and nobody is waited for.
#[tokio::test]
async fn async_is_the_default_and_returns_at_once() {
    let (events, storage) = memory();
    let runtime = runtime(&events, &storage, &["ledger-memory"]).await;
    assert_eq!(SyncMode::default(), SyncMode::Async);
    let receipt = append(&runtime, [1]).await;
    assert_eq!(receipt.first.get(), 1);
    let added = runtime.append("a", Expected::Any, [Added { n: 2 }]);
    let receipt = soon(added.sync(SyncMode::Async).into_future()).await.unwrap();
    assert_eq!(receipt.last.get(), 2);
    // A caller that decides by a value can name projectors, too.
    let added = runtime.append("a", Expected::Any, [Added { n: 3 }]).sync(SyncMode::Async);
    soon(added.projectors(["ledger-memory"]).into_future()).await.unwrap();
}

#[tokio::test]
async fn a_time_out_names_all_who_are_behind_and_the_events_are_stored() {
    let (events, storage) = memory();
    let runtime = runtime(&events, &storage, &["ledger-in-process", "ledger-memory", "letters"]);
    let runtime = runtime.await;
    append(&runtime, [1]).await;
    runtime.catch_up().await.unwrap();
    append(&runtime, [2]).await;
    let error = sync(&runtime, [3, 4], SHORT).await.unwrap_err();
    assert!(error.is_timed_out());
    let receipt = error.receipt().expect("they are stored").clone();
    assert_eq!((receipt.first.get(), receipt.last.get()), (3, 4));
    let text = error.to_string();
    let SyncError::Unapplied { reasons, .. } = &error else { panic!("{error:?}") };
    let late: Vec<_> = reasons
        .iter()
        .map(|reason| match reason {
            WaitError::TimedOut { projector, at, wanted, behind, here, .. } => {
                (&**projector, at.get(), wanted.get(), *behind, *here)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = |name| (name, 1, 4, 3, false);
    assert_eq!(late, ["ledger-in-process", "ledger-memory"].map(expected));
    assert!(text.starts_with("the events are stored at positions 3 to 4 of the log"), "{text}");
    assert!(text.contains("`ledger-memory` did not reach position 4 within"), "{text}");
    assert!(text.contains("it is at 1, 3 behind, stopped: nobody runs it"), "{text}");
    // The receipt is as good as any.
    runtime.catch_up().await.unwrap();
    runtime.wait_for("ledger-memory", &receipt.token(), SHORT).await.unwrap();
}

#[tokio::test]
async fn who_takes_no_such_event_is_not_waited_for_unless_he_is_named() {
    let (events, storage) = memory();
    let runtime = runtime(&events, &storage, &["ledger-memory", "letters"]).await;
    let letter = || runtime.append("b", Expected::Any, [Written { letter: 'x' }]);
    // The ledger does not run, and takes no letters.
    let named = letter().sync(SyncMode::Simple).projectors(["ledger-memory"]).timeout(SHORT);
    let error = named.await.unwrap_err();
    assert!(error.to_string().contains("nobody has run it yet"), "{error}");
    let run = Run::of(&runtime);
    letter().sync(SyncMode::Simple).timeout(LONG).await.unwrap();
    // Once it has scanned past it has applied what there is to apply.
    let both = letter().sync(SyncMode::Simple).projectors(["ledger-memory", "letters"]);
    both.timeout(LONG).await.unwrap();
    run.stop().await;
    // Nobody takes it at all.
    let event = projections::NewEvent::json("Unheard", "{}").in_domain("silence");
    let nobody = runtime.append("c", Expected::Any, [event]).sync(SyncMode::Simple);
    nobody.timeout(SHORT).await.unwrap();
}

#[tokio::test]
async fn what_is_refused_is_not_stored() {
    let (events, storage) = memory();
    let runtime = runtime(&events, &storage, &["ledger-memory"]).await;
    let misspelt = runtime.append("a", Expected::Any, [Added { n: 1 }]);
    let error = misspelt.sync(SyncMode::Simple).projectors(["ledgre-memory"]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "nothing was appended: there is no projector `ledgre-memory`; there are `ledger-memory`"
    );
    assert!(error.receipt().is_none() && !error.is_timed_out());
    append(&runtime, [1]).await;
    let late = runtime.append("a", Expected::NoStream, [Added { n: 2 }]);
    let error = late.sync(SyncMode::Simple).await.unwrap_err();
    assert!(matches!(error, SyncError::Append(_)), "{error:?}");
    let undecided = projections::NewEvent::json("Added", r#"{"n":3}"#);
    let error = runtime.append("a", Expected::Any, [undecided.clone()]).sync(SyncMode::Simple);
    assert!(error.await.unwrap_err().to_string().contains("has no domain"));
    assert_eq!(projections::EventSource::head(&events).await.unwrap().unwrap().position.get(), 1);
    // With a domain it is taken, by those who take that domain's.
    let decided = runtime.append("a", Expected::Any, [undecided]).sync(SyncMode::Simple);
    let error = decided.domain("numbers").timeout(SHORT).await.unwrap_err();
    assert!(error.is_timed_out());
}
