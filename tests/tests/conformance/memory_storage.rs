//! The storage in memory fails as it is told to.

use projections::{
    AsyncStorage, Checkpoint, CheckpointKey, CheckpointWrite, CommitError, GlobalPosition,
    Previous, RecordedState, StoreErrorKind, StoreId, Subscriptions,
    testing::{Call, MemoryStorage},
};

fn at(position: u64) -> Checkpoint {
    Checkpoint {
        store: StoreId::from_u128(1),
        position: GlobalPosition::new(position),
        scanned: GlobalPosition::new(position),
        event_id: None,
        epoch: 1,
        lease: None,
        version: 1,
        fingerprint: None,
        superseded: Vec::new(),
        subscriptions: Subscriptions::default(),
        effects_mark: GlobalPosition::BEGINNING,
        state: RecordedState::Running,
        last_error: None,
        heartbeat_at: jiff::Timestamp::UNIX_EPOCH,
        tables: projections::rows::TableDigests::default(),
    }
}

fn key() -> CheckpointKey {
    CheckpointKey::new("", "totals")
}

/// Moves the checkpoint from one position to another, and a row with it.
async fn advance(storage: &MemoryStorage, from: u64, to: u64) -> Result<(), CommitError> {
    let session = storage.begin().await?;
    session.tx().set("totals", "alice", to);
    let previous = (from > 0).then(|| Previous::from(&at(from)));
    storage.commit(session, &CheckpointWrite::new(key(), previous, at(to))).await
}

/// Where the row and the checkpoint are.
async fn places(storage: &MemoryStorage) -> (Option<u64>, Option<u64>) {
    let row = storage.rows("totals").get("alice").and_then(|value| value.as_u64());
    let stored = storage.checkpoints("").await.unwrap();
    (row, stored.first().map(|(_, checkpoint)| checkpoint.position.get()))
}

#[tokio::test]
async fn the_nth_call_fails_and_does_nothing() {
    let storage = MemoryStorage::new();
    storage.fail(Call::Commit, 2, StoreErrorKind::Full);
    advance(&storage, 0, 1).await.unwrap();
    let failed = advance(&storage, 1, 2).await;
    assert!(
        matches!(failed, Err(CommitError::Store(error)) if error.kind() == StoreErrorKind::Full)
    );
    assert_eq!(places(&storage).await, (Some(1), Some(1)));
    advance(&storage, 1, 2).await.unwrap();
    assert_eq!(places(&storage).await, (Some(2), Some(2)));
    assert_eq!((storage.calls(Call::Begin), storage.calls(Call::Commit)), (3, 3));

    storage.fail(Call::Load, 1, StoreErrorKind::Io);
    let mut session = storage.begin().await.unwrap();
    let error = storage.load(&mut session, &key()).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(storage.load(&mut session, &key()).await.unwrap(), Some(at(2)));
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_has_happened() {
    let storage = MemoryStorage::new();
    storage.commit_and_fail(1);
    let failed = advance(&storage, 0, 1).await;
    assert!(matches!(failed, Err(CommitError::Store(error)) if error.is_transient()));
    assert_eq!(places(&storage).await, (Some(1), Some(1)));
}

#[tokio::test]
async fn a_commit_that_is_pretended_has_not_happened() {
    let storage = MemoryStorage::new();
    storage.pretend_to_commit(1);
    advance(&storage, 0, 1).await.unwrap();
    assert_eq!(places(&storage).await, (None, None));
    assert!(matches!(advance(&storage, 1, 2).await, Err(CommitError::Conflict)));
}

#[tokio::test]
async fn rows_and_checkpoints_are_set_back_together() {
    let storage = MemoryStorage::new();
    for to in 1..=5 {
        advance(&storage, to - 1, to).await.unwrap();
    }
    assert_eq!(storage.set_back(2), 2);
    assert_eq!(places(&storage).await, (Some(3), Some(3)));
    assert!(matches!(advance(&storage, 5, 6).await, Err(CommitError::Conflict)));
    advance(&storage, 3, 4).await.unwrap();
    assert_eq!(storage.set_back(100), 4);
    assert_eq!(places(&storage).await, (None, None));
    assert_eq!(storage.set_back(1), 0);
}

#[tokio::test]
async fn a_transaction_does_not_outlive_a_setting_back() {
    let storage = MemoryStorage::new();
    advance(&storage, 0, 1).await.unwrap();
    advance(&storage, 1, 2).await.unwrap();
    let session = storage.begin().await.unwrap();
    session.tx().set("totals", "alice", 3);
    storage.set_back(1);
    let write = CheckpointWrite::new(key(), Some(Previous::from(&at(2))), at(3));
    let failed = storage.commit(session, &write).await;
    assert!(matches!(failed, Err(CommitError::Store(error)) if error.is_transient()));
    assert_eq!(places(&storage).await, (Some(1), Some(1)));
}

#[tokio::test]
async fn writers_take_turns() {
    let storage = MemoryStorage::new();
    let first = storage.begin().await.unwrap();
    let other = storage.clone();
    let second = tokio::spawn(async move { advance(&other, 0, 1).await });
    tokio::task::yield_now().await;
    assert!(!second.is_finished());
    storage.rollback(first).await.unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(places(&storage).await, (Some(1), Some(1)));
}

#[tokio::test]
async fn a_table_is_read_and_emptied_inside_a_transaction() {
    let storage = MemoryStorage::new();
    let session = storage.begin().await.unwrap();
    let mut tx = session.tx();
    tx.set("totals", "alice", 1);
    tx.set("totals", "bob", 2);
    assert_eq!(tx.rows("totals").len(), 2);
    assert_eq!(tx.remove("totals", "alice"), Some(1.into()));
    assert_eq!(tx.remove("totals", "alice"), None);
    tx.clear("totals");
    assert_eq!(tx.get("totals", "bob"), None);
}

#[tokio::test]
async fn tables_of_rows_keep_the_rules() {
    projections::testing::conformance::rows(|| async { MemoryStorage::new() }).await;
}
