//! Honest status and waits: acceptance lines 43 and 44, rule R35 as far as it is here.

use std::{path::PathBuf, time::Duration};

use projections::{
    AsyncStorage, EventStore, GlobalPosition, Runtime, State, StoreErrorKind, Token, WaitError,
    memory::MemoryEventStore,
    sqlite::Sqlite,
    testing::{Call, MemoryStorage},
};

use crate::support::{append, append_raw, sqlite_events};

async fn ledger<S: EventStore + Clone>(events: &S, storage: &MemoryStorage) -> Runtime<S> {
    let runtime = Runtime::builder(events.clone()).storage(storage.clone());
    runtime.only(["ledger-memory"]).build().await.unwrap()
}

async fn a_projector_without_a_row_is_not_caught_up<S: EventStore + Clone>(
    events: S,
    folder: PathBuf,
) {
    let runtime = Runtime::builder(events.clone())
        .storage(MemoryStorage::new())
        .storage(Sqlite::open(folder.join("read.db")).unwrap())
        .only(["ledger-memory", "ledger-sqlite", "ledger-in-process"]);
    let runtime = runtime.build().await.unwrap();
    for _appended in 0..2 {
        for status in runtime.status().await.unwrap().projectors {
            assert_eq!(status.state, State::Stopped, "{}", status.projector);
            assert!(!status.state.is_healthy());
            assert_eq!(status.position, GlobalPosition::BEGINNING);
            assert_eq!(status.behind, status.head.get());
        }
        append(&events, "a", [1, 2]).await;
    }
}

async fn behind_and_age_speak_of_the_oldest_unapplied_event<S: EventStore + Clone>(
    events: S,
    _: PathBuf,
) {
    append(&events, "a", 0..5).await;
    let storage = MemoryStorage::new();
    let runtime = ledger(&events, &storage).await;
    runtime.catch_up().await.unwrap();
    let status = runtime.status().await.unwrap().projectors.remove(0);
    assert_eq!((status.state, status.behind, status.age), (State::Stopped, 0, None));
    assert_eq!(status.domains, ["numbers"]);

    // Events that nobody takes put it behind, but nothing it wants is old.
    append_raw(&events, "other", "Else", "{}").await;
    let status = runtime.status().await.unwrap().projectors.remove(0);
    assert_eq!((status.behind, status.age), (1, None));
    let exact = runtime.status_exact().await.unwrap().projectors.remove(0);
    assert_eq!(exact.behind, 0);

    // Ten years old by its producer, just stored by the store.
    let old = projections::NewEvent::json("Added", r#"{"n":1}"#)
        .in_domain("numbers")
        .at("2016-01-01T00:00:00Z".parse().unwrap());
    let request = projections::AppendRequest::new("a", projections::Expected::Any, vec![old]);
    events.append(request).await.unwrap();
    let status = runtime.status().await.unwrap().projectors.remove(0);
    assert_eq!(status.behind, 2);
    assert!(status.age.unwrap() < Duration::from_secs(60), "{:?}", status.age);
    let exact = runtime.status_exact().await.unwrap().projectors.remove(0);
    assert_eq!(exact.behind, 1);
}

async fn a_live_owner_at_the_head_is_caught_up_and_a_stopped_one_stopped<S: EventStore + Clone>(
    events: S,
    _: PathBuf,
) {
    let storage = MemoryStorage::new();
    let runtime = ledger(&events, &storage).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(async { drop(stopped.await) }).await }
    });
    let token = append(&events, "a", 0..5).await.token();
    runtime.wait_for("ledger-memory", &token, Duration::from_secs(20)).await.unwrap();
    // The wait ends with the commit; a moment later the runner finds the head.
    let state = async || runtime.status().await.unwrap().projectors.remove(0).state;
    while state().await == State::CatchingUp {
        tokio::task::yield_now().await;
    }
    assert_eq!(state().await, State::CaughtUp);
    // Another process sees the same in the storage.
    let other = ledger(&events, &storage).await;
    assert_eq!(other.status().await.unwrap().projectors[0].state, State::CaughtUp);
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(other.status().await.unwrap().projectors[0].state, State::Stopped);
    assert_eq!(state().await, State::Stopped);
}

async fn a_second_start_leaves_the_first_alone<S: EventStore + Clone>(events: S, _: PathBuf) {
    let storage = MemoryStorage::new();
    let (first, second) = (ledger(&events, &storage).await, ledger(&events, &storage).await);
    let running = tokio::spawn({
        let first = first.clone();
        async move { first.run(std::future::pending()).await }
    });
    let wait = Duration::from_secs(20);
    let token = append(&events, "a", [1]).await.token();
    first.wait_for("ledger-memory", &token, wait).await.unwrap();
    let epoch = async || storage.checkpoints("").await.unwrap().remove(0).1.epoch;
    let before = epoch().await;
    let last = append(&events, "a", [2]).await.last;
    // It waits for the owner, and takes nothing from it.
    second.catch_up().await.unwrap();
    assert_eq!((storage.rows("rows").len(), epoch().await), (2, before));
    append(&events, "a", [3]).await;
    second.catch_up_to(last).await.unwrap();
    second.catch_up().await.unwrap();
    assert_eq!((storage.rows("rows").len(), epoch().await), (3, before));
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
}

async fn waits_name_who_is_behind<S: EventStore + Clone>(events: S, _: PathBuf) {
    let storage = MemoryStorage::new();
    let runtime = ledger(&events, &storage).await;
    append(&events, "a", [1]).await;
    runtime.catch_up().await.unwrap();
    let token = append(&events, "a", [2, 3]).await.token();
    let wait = Duration::from_millis(50);
    let error = runtime.wait_for("ledger-memory", &token, wait).await.unwrap_err();
    assert!(matches!(error, WaitError::TimedOut { behind: 2, .. }), "{error}");
    assert!(
        error.to_string().starts_with("projector `ledger-memory` did not reach position 3 within")
            && error.to_string().ends_with(": it is at 1, 2 behind, stopped: nobody runs it"),
        "{error}"
    );
    // Another runtime carries it on: the wait here sees its commits.
    let other = ledger(&events, &storage).await;
    let (waited, caught_up) = tokio::join!(
        runtime.wait_for("ledger-memory", &token, Duration::from_secs(20)),
        other.catch_up()
    );
    waited.unwrap();
    caught_up.unwrap();
    let foreign = Token::new(projections::StoreId::random(), 1.into(), 1.into(), "a".into());
    let error = runtime.wait_for("ledger-memory", &foreign, wait).await.unwrap_err();
    assert!(matches!(error, WaitError::ForeignToken { .. }));
    let error = runtime.wait_for("nobody", &token, wait).await.unwrap_err();
    assert!(matches!(error, WaitError::Unknown(_)));
}

on_both_stores!(
    a_live_owner_at_the_head_is_caught_up_and_a_stopped_one_stopped,
    a_projector_without_a_row_is_not_caught_up,
    a_second_start_leaves_the_first_alone,
    behind_and_age_speak_of_the_oldest_unapplied_event,
    waits_name_who_is_behind,
);

/// Not that of the newest, and not the sum: what has waited for an hour, and for a minute.
#[tokio::test]
async fn the_age_is_that_of_the_oldest_event_that_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (events, storage) = (sqlite_events(folder.path()), MemoryStorage::new());
    let runtime = ledger(&events, &storage).await;
    append(&events, "a", [0]).await;
    runtime.catch_up().await.unwrap();
    append(&events, "a", [1]).await;
    append(&events, "a", [2]).await;
    let db = rusqlite::Connection::open(folder.path().join("events.db")).unwrap();
    for (position, seconds) in [(1_i64, 90_000_i64), (2, 3_600), (3, 60)] {
        let sql = "UPDATE events SET recorded_at = recorded_at - ?2 WHERE position = ?1";
        db.execute(sql, [position, seconds * 1_000_000]).unwrap();
    }
    let age = async || runtime.status().await.unwrap().projectors[0].age;
    let shown = age().await.unwrap().as_secs();
    assert!((3_600..3_660).contains(&shown), "{shown}");
    let exact = runtime.status_exact().await.unwrap().projectors[0].age.unwrap().as_secs();
    assert!((3_600..3_660).contains(&exact), "{exact}");
    runtime.catch_up().await.unwrap();
    assert_eq!(age().await, None);
}

/// Time is paused here: the store is in memory, so nothing but timers moves it.
#[tokio::test(start_paused = true)]
async fn an_outage_is_waited_out_and_shown() {
    let events = MemoryEventStore::new();
    append(&events, "a", 0..5).await;
    let storage = MemoryStorage::new();
    for nth in 1..=30 {
        storage.fail(Call::Begin, nth, StoreErrorKind::Unavailable);
    }
    let runtime = ledger(&events, &storage).await;
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(std::future::pending()).await }
    });
    let mut seen_retrying = false;
    let outage = async {
        while storage.rows("rows").len() < 5 {
            // The storage is down for everybody: what the runner says is read from the runner.
            if let Ok(status) = runtime.status().await {
                let status = &status.projectors[0];
                seen_retrying |= status.state == State::Retrying && status.last_error.is_some();
            }
            tokio::time::sleep(Duration::from_millis(50)).await; // paused time, not a wait
        }
    };
    tokio::time::timeout(Duration::from_secs(3_600), outage).await.expect("it is never over");
    assert!(seen_retrying);
    running.abort();
}

/// A wider filter saves its scanned position at most once a second, whatever is appended.
#[tokio::test(start_paused = true)]
async fn idle_projectors_write_few_checkpoints() {
    let events = MemoryEventStore::new();
    let storage = MemoryStorage::new();
    let runtime = ledger(&events, &storage).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(async { drop(stopped.await) }).await }
    });
    let before = storage.calls(Call::Commit);
    for _ in 0..1_000 {
        append_raw(&events, "other", "Else", "{}").await;
        tokio::time::sleep(Duration::from_millis(10)).await; // paused time: ten seconds in all
    }
    let saved = storage.calls(Call::Commit) - before;
    assert!((8..=13).contains(&saved), "{saved} checkpoint writes in ten seconds");
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(runtime.status().await.unwrap().projectors[0].scanned.get(), 1_000);
}
