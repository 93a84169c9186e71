//! What fails changes no rows.

use projections::{
    Expected, StoreErrorKind,
    rows::OwnedValue,
    testing::{Call, MemoryStorage},
};

use crate::players::*;

#[tokio::test]
async fn no_failure_of_the_storage_changes_the_rows() {
    let events = program(42, 60);
    let expected = shown("rows-on-memory", &events, 9, &MemoryStorage::new()).await;
    let calls = [Call::Begin, Call::LoadRows, Call::FindRows, Call::WriteRows, Call::PrepareTable];
    for nth in 1..=8 {
        for call in calls {
            let storage = MemoryStorage::new();
            storage.fail(call, nth, StoreErrorKind::Unavailable);
            let shown = shown("rows-on-memory", &events, 9, &storage).await;
            assert_eq!(shown, expected, "{call}, the {nth}th");
            assert_eq!(stored(&storage), expected, "{call}, the {nth}th");
        }
        for lies in [MemoryStorage::commit_and_fail, MemoryStorage::pretend_to_commit] {
            let storage = MemoryStorage::new();
            lies(&storage, nth);
            assert_eq!(shown("rows-on-memory", &events, 9, &storage).await, expected, "{nth}");
            assert_eq!(stored(&storage), expected, "the {nth}th commit");
        }
    }
}

#[tokio::test]
async fn a_table_that_refuses_a_row_blames_the_event_whose_it_is() {
    let storage = MemoryStorage::new();
    storage.check_rows("players", |row| !matches!(row[2], OwnedValue::Integer(13..)));
    let runtime = runtime("rows-on-memory", &storage, 100).await;
    let events: Vec<_> =
        (0..20).map(|n| complete(NAMES[n % 6], if n == 8 { 12 } else { 1 })).collect();
    runtime.append("all", Expected::Any, events).await.unwrap();
    let error = chain(&runtime.catch_up().await.unwrap_err());
    assert!(
        error.contains("table `players`: a check refuses") && error.contains("position 9"),
        "{error}"
    );
    let hands = stored(&storage).iter().map(|player| player.hands).sum::<i64>();
    assert_eq!(hands, 8, "the events before it are committed");
    // It is found at once, and not by leaving out one event after the other.
    assert!(storage.calls(Call::Begin) <= 8, "{} transactions", storage.calls(Call::Begin));
}
