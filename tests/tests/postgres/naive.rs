//! Readers that ignore the register, or use it the wrong way round, lose events: what the other tests
//! rest on.

use projections::{EventSource, StoreErrorKind};
use projections_tests::postgres::Place;
use tokio_postgres::Client;

use crate::support::{Reader, append, insert, run, until};

/// Reads all rows that it sees.
async fn rows_after(session: &Client, after: i64, up_to: i64) -> Vec<i64> {
    let sql =
        "SELECT position FROM events WHERE position > $1 AND position <= $2 ORDER BY position";
    let rows = session.query(sql, &[&after, &up_to]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_reader_that_ignores_the_register_loses_an_event() {
    let place = Place::new();
    let store = place.open().await;
    let (slow, naive) = (place.session().await, place.session().await);
    run(&slow, "BEGIN").await;
    insert(&slow, "slow", 1).await;
    append(&store, "order-1", 1).await;
    let seen = rows_after(&naive, 0, i64::MAX).await;
    assert_eq!(seen, [2], "it sees what is committed");
    run(&slow, "COMMIT").await;
    assert_eq!(rows_after(&naive, 2, i64::MAX).await, [0; 0], "and has passed position 1");
    assert_eq!(Reader::new(&store).positions().await, [1, 2]);
}

#[tokio::test]
async fn a_reader_that_takes_the_sequence_after_the_locks_loses_an_event() {
    let place = Place::new();
    let store = place.open().await;
    let (slow, wrong) = (place.session().await, place.session().await);
    let locks = "SELECT count(*) FROM projections_in_flight(0)";
    let drawn = "SELECT last_value FROM projections_positions";
    assert_eq!(wrong.query_one(locks, &[]).await.unwrap().get::<_, i64>(0), 0);
    run(&slow, "BEGIN").await;
    insert(&slow, "slow", 1).await;
    append(&store, "order-1", 1).await;
    let up_to: i64 = wrong.query_one(drawn, &[]).await.unwrap().get(0);
    assert_eq!(rows_after(&wrong, 0, up_to).await, [2], "no lock was held, and 2 was drawn");
    run(&slow, "COMMIT").await;
    assert_eq!(rows_after(&wrong, 2, up_to).await, [0; 0], "and it has passed position 1");
}

#[tokio::test]
async fn without_the_trigger_an_event_is_lost_and_the_store_is_not_opened() {
    let place = Place::new();
    let store = place.open().await;
    let slow = place.session().await;
    let mut reader = Reader::new(&store);
    run(&slow, "DROP TRIGGER projections_register ON events").await;
    run(&slow, "BEGIN").await;
    insert(&slow, "slow", 1).await;
    append(&store, "order-1", 1).await;
    assert_eq!(reader.positions().await, [2], "nobody knows of position 1");
    run(&slow, "COMMIT").await;
    assert_eq!(reader.positions().await, [0; 0], "it is lost");
    let error = place.options().open_events(place.url()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    assert!(error.to_string().contains("projections_register"), "{error}");
    assert!(store.head().await.is_ok());
}

/// Between the reader's first two questions, whichever comes first, there is an append that waits and
/// another one that commits.
#[tokio::test]
async fn the_sequence_is_asked_before_the_locks() {
    let place = Place::new();
    let store = place.open().await;
    let (slow, gate, watcher) =
        (place.session().await, place.session().await, place.session().await);
    let schema = place.schema();
    let paused = format!(
        "ALTER FUNCTION projections_in_flight RENAME TO projections_in_flight_now;
         CREATE FUNCTION projections_in_flight(_drawn bigint)
         RETURNS TABLE (bound bigint, pid int, virtualtransaction text) LANGUAGE plpgsql AS $$
         DECLARE _found bigint[];
         BEGIN
             SELECT array_agg(n.bound) INTO _found FROM {schema}.projections_in_flight_now(_drawn) n;
             PERFORM pg_advisory_xact_lock_shared(hashtextextended('{schema}', 0));
             RETURN QUERY SELECT b, 0, ''::text FROM unnest(_found) AS held(b);
         END $$"
    );
    run(&watcher, &paused).await;
    run(&gate, "BEGIN").await;
    run(&gate, &format!("SELECT pg_advisory_xact_lock(hashtextextended('{schema}', 0))")).await;
    let mut reader = Reader::new(&store);
    let appending = async {
        let waits = format!(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = '{schema}' \
             AND wait_event_type = 'Lock')"
        );
        until(&watcher, &waits).await;
        run(&slow, "BEGIN").await;
        insert(&slow, "slow", 1).await;
        append(&store, "order-1", 1).await;
        run(&gate, "COMMIT").await;
    };
    let (seen, ()) = tokio::join!(reader.positions(), appending);
    assert_eq!(seen, [0; 0], "position 1 may still be filled");
    run(&slow, "COMMIT").await;
    assert_eq!(reader.positions().await, [1, 2]);
}
