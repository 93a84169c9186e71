//! Every event takes effect once, in order: acceptance lines 10 to 14 and 16, and rules R1 and R4.

use std::{path::PathBuf, sync::Arc};

use projections::{
    AppendError, AppendRequest, EventStore, Expected, NewEvent, Runtime, StoreErrorKind,
    sqlite::Sqlite,
    testing::{Call, MemoryStorage},
};
use projections_tests::ledger::{
    Added, InProcessLedger, Ledger, expected, read_memory, read_sqlite,
};
use proptest::prelude::*;

use crate::support::{append, append_raw, sqlite_events};

/// Positions and numbers of a log that holds nothing but numbers.
fn numbered(numbers: &[u64]) -> Vec<(u64, u64)> {
    (1..).zip(numbers.iter().copied()).collect()
}

async fn a_storage_that_commits_and_reports_failure<S: EventStore + Clone>(events: S, _: PathBuf) {
    let numbers: Vec<_> = (0..50).collect();
    append(&events, "a", numbers.clone()).await;
    let storage = MemoryStorage::new();
    for nth in [1, 2, 5, 9] {
        storage.commit_and_fail(nth);
    }
    catch_up_memory(&events, &storage, 7).await;
    assert_eq!(read_memory(&storage), expected(&numbered(&numbers)));
}

async fn a_storage_that_reports_success_and_did_not_commit<S: EventStore + Clone>(
    events: S,
    _: PathBuf,
) {
    let numbers: Vec<_> = (0..50).collect();
    append(&events, "a", numbers.clone()).await;
    let storage = MemoryStorage::new();
    for nth in [2, 4, 5] {
        storage.pretend_to_commit(nth);
    }
    catch_up_memory(&events, &storage, 7).await;
    assert_eq!(read_memory(&storage), expected(&numbered(&numbers)));
}

async fn a_storage_set_back_under_a_running_owner<S: EventStore + Clone>(events: S, _: PathBuf) {
    append(&events, "a", 0..40).await;
    let storage = MemoryStorage::new();
    let runtime = memory_runtime(&events, &storage, 1).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(async { drop(stopped.await) }).await }
    });
    let before = append(&events, "a", [40]).await;
    let wait = std::time::Duration::from_secs(20);
    runtime.wait_for("ledger-memory", &before.token(), wait).await.unwrap();
    storage.set_back(20);
    assert!(read_memory(&storage).rows.len() < 41, "the storage was not set back");
    let after = append(&events, "a", [41]).await;
    runtime.wait_for("ledger-memory", &after.token(), wait).await.unwrap();
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(read_memory(&storage), expected(&numbered(&(0..42).collect::<Vec<_>>())));
}

async fn a_checkpoint_that_cannot_be_written_blames_no_event<S: EventStore + Clone>(
    events: S,
    _: PathBuf,
) {
    append(&events, "a", 0..30).await;
    let storage = MemoryStorage::new();
    for nth in [2, 3, 4] {
        storage.fail(Call::Commit, nth, StoreErrorKind::Full);
    }
    storage.fail(Call::Begin, 6, StoreErrorKind::Unavailable);
    storage.fail(Call::Load, 2, StoreErrorKind::Io);
    catch_up_memory(&events, &storage, 7).await;
    assert_eq!(read_memory(&storage), expected(&numbered(&(0..30).collect::<Vec<_>>())));
}

async fn memory_runtime<S: EventStore + Clone>(
    events: &S,
    storage: &MemoryStorage,
    batch: u32,
) -> Runtime<S> {
    let runtime = Runtime::builder(events.clone()).storage(storage.clone());
    runtime.only(["ledger-memory"]).batch_events(batch).build().await.unwrap()
}

async fn catch_up_memory<S: EventStore + Clone>(events: &S, storage: &MemoryStorage, batch: u32) {
    memory_runtime(events, storage, batch).await.catch_up().await.unwrap();
}

async fn a_restart_delivers_the_first_event_after_the_checkpoint_first<S: EventStore + Clone>(
    events: S,
    folder: PathBuf,
) {
    let path = folder.join("read.db");
    for round in 0..5_u64 {
        append(&events, "a", [round, round + 100]).await;
        let runtime = Runtime::builder(events.clone())
            .storage(Sqlite::open(&path).unwrap())
            .only(["ledger-sqlite"]);
        runtime.build().await.unwrap().catch_up().await.unwrap();
        let numbers: Vec<_> = (0..=round).flat_map(|r| [r, r + 100]).collect();
        assert_eq!(read_sqlite(&path), expected(&numbered(&numbers)));
    }
}

async fn a_page_in_which_nothing_matches_moves_the_scanned_position<S: EventStore + Clone>(
    events: S,
    folder: PathBuf,
) {
    append(&events, "a", [1]).await;
    for _ in 0..20 {
        append_raw(&events, "other", "Else", "{}").await;
    }
    let runtime = Runtime::builder(events.clone())
        .storage(Sqlite::open(folder.join("read.db")).unwrap())
        .batch_events(2)
        .only(["ledger-sqlite"]);
    let runtime = runtime.build().await.unwrap();
    runtime.catch_up().await.unwrap();
    let status = runtime.status().await.unwrap().projectors.remove(0);
    // The clean stop saved it: it is read from the storage, not from a live runner.
    assert_eq!((status.position.get(), status.scanned.get(), status.behind), (1, 21, 0));
}

async fn a_repeated_append_stores_nothing_twice<S: EventStore>(events: S, _: PathBuf) {
    let numbers: Vec<_> = [1, 2].iter().map(|n| NewEvent::of(&Added { n: *n }).unwrap()).collect();
    let request = AppendRequest::new("a", Expected::NoStream, numbers.clone());
    let first = events.append(request.clone()).await.unwrap();
    append(&events, "b", [3]).await;
    assert_eq!(events.append(request).await.unwrap(), first);
    let other = NewEvent::of(&Added { n: 9 }).unwrap().with_id(numbers[0].id);
    let error = events.append(AppendRequest::new("a", Expected::Any, vec![other])).await;
    assert!(matches!(error, Err(AppendError::IdReused { id }) if id == numbers[0].id));
    assert_eq!(events.head().await.unwrap().unwrap().position.get(), 3);
}

on_both_stores!(
    a_checkpoint_that_cannot_be_written_blames_no_event,
    a_page_in_which_nothing_matches_moves_the_scanned_position,
    a_repeated_append_stores_nothing_twice,
    a_restart_delivers_the_first_event_after_the_checkpoint_first,
    a_storage_set_back_under_a_running_owner,
    a_storage_that_commits_and_reports_failure,
    a_storage_that_reports_success_and_did_not_commit,
);

/// What may happen to a run.
#[derive(Clone, Debug)]
enum Trouble {
    CommitAndFail(u64),
    PretendToCommit(u64),
    FailCommit(u64),
    FailBegin(u64),
    SetBack(usize),
    Restart,
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        (1..8_u64).prop_map(Trouble::CommitAndFail),
        (2..8_u64).prop_map(Trouble::PretendToCommit),
        (1..8_u64).prop_map(Trouble::FailCommit),
        (1..8_u64).prop_map(Trouble::FailBegin),
        (0..6_usize).prop_map(Trouble::SetBack),
        Just(Trouble::Restart),
    ]
}

/// Runs one program of appends and troubles, and returns what is in the read models.
async fn survive(
    appends: &[(u8, Vec<u64>)],
    troubles: &[Trouble],
    batch: u32,
    sqlite: bool,
) -> [Ledger; 2] {
    let folder = tempfile::tempdir().unwrap();
    match sqlite {
        true => survive_on(sqlite_events(folder.path()), appends, troubles, batch).await,
        false => {
            let events = projections::memory::MemoryEventStore::new();
            survive_on(events, appends, troubles, batch).await
        }
    }
}

async fn survive_on<S: EventStore + Clone>(
    events: S,
    appends: &[(u8, Vec<u64>)],
    troubles: &[Trouble],
    batch: u32,
) -> [Ledger; 2] {
    let storage = MemoryStorage::new();
    let build = || async {
        let runtime = Runtime::builder(events.clone()).storage(storage.clone());
        let runtime = runtime.only(["ledger-memory", "ledger-in-process"]).batch_events(batch);
        runtime.build().await.unwrap()
    };
    let mut runtime = build().await;
    let mut troubles = troubles.iter();
    for (stream, numbers) in appends {
        append(&events, &format!("s-{stream}"), numbers.iter().copied()).await;
        match troubles.next() {
            None => {}
            Some(Trouble::CommitAndFail(nth)) => storage.commit_and_fail(*nth),
            Some(Trouble::PretendToCommit(nth)) => storage.pretend_to_commit(*nth),
            Some(Trouble::FailCommit(nth)) => storage.fail(Call::Commit, *nth, StoreErrorKind::Io),
            Some(Trouble::FailBegin(nth)) => storage.fail(Call::Begin, *nth, StoreErrorKind::Busy),
            Some(Trouble::SetBack(commits)) => drop(storage.set_back(*commits)),
            Some(Trouble::Restart) => runtime = build().await,
        }
        runtime.catch_up().await.unwrap();
    }
    runtime.catch_up().await.unwrap();
    let in_process = runtime.read::<InProcessLedger, _>(|p| p.ledger.clone()).await.unwrap();
    [read_memory(&storage), in_process]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Acceptance line 12. A failing case prints its program and the seed.
    #[test]
    fn any_log_any_trouble_any_batch_size_gives_the_uninterrupted_read_model(
        appends in prop::collection::vec((0..3_u8, prop::collection::vec(0..9_u64, 1..12)), 1..6),
        troubles in prop::collection::vec(trouble(), 0..6),
        batch in prop_oneof![Just(1_u32), Just(2), Just(7), Just(1_000)],
        sqlite in any::<bool>(),
    ) {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(!sqlite).build().unwrap();
        let ledgers = tokio.block_on(survive(&appends, &troubles, batch, sqlite));
        let numbers: Vec<_> = appends.iter().flat_map(|(_, numbers)| numbers.clone()).collect();
        let expected = Arc::new(expected(&numbered(&numbers)));
        for ledger in ledgers {
            prop_assert_eq!(&ledger, &*expected);
        }
    }
}
