//! The register itself: savepoints, many statements, prepared transactions, large positions, other
//! schemas, and appends that take turns.

use std::pin::pin;

use projections::{EventSource, postgres::AppendOrder};
use projections_tests::postgres::Place;
use tokio_postgres::{
    binary_copy::BinaryCopyInWriter,
    types::{ToSql, Type},
};
use uuid::Uuid;

use crate::support::{Reader, append, insert, process_of, run, until};

#[tokio::test]
async fn an_append_after_a_savepoint_was_rolled_back_is_waited_for() {
    let place = Place::new();
    let store = place.open().await;
    let slow = place.session().await;
    let mut reader = Reader::new(&store);
    run(&slow, "BEGIN; SAVEPOINT before").await;
    insert(&slow, "slow", 1).await;
    assert_eq!(store.appends_in_flight().await.unwrap().len(), 1);
    run(&slow, "ROLLBACK TO before").await;
    assert_eq!(store.appends_in_flight().await.unwrap(), [], "the lock went with the savepoint");
    append(&store, "order-1", 1).await;
    assert_eq!(reader.positions().await, [2]);
    assert_eq!(insert(&slow, "slow", 1).await, 3);
    append(&store, "order-1", 1).await;
    assert_eq!(reader.positions().await, [0; 0], "position 3 may still be filled");
    run(&slow, "COMMIT").await;
    assert_eq!(reader.positions().await, [3, 4]);
}

#[tokio::test]
async fn a_transaction_of_many_statements_takes_one_lock() {
    let place = Place::new();
    let store = place.open().await;
    let slow = place.session().await;
    run(&slow, "BEGIN").await;
    for version in 1..=20 {
        insert(&slow, "slow", version).await;
    }
    let appends = store.appends_in_flight().await.unwrap();
    assert_eq!(appends.iter().map(|append| append.from.get()).collect::<Vec<_>>(), [1]);
    run(&slow, "COMMIT; BEGIN").await;
    insert(&slow, "slow", 21).await;
    assert_eq!(store.appends_in_flight().await.unwrap().len(), 1, "the next one takes its own");
    run(&slow, "ROLLBACK").await;
}

#[tokio::test]
async fn copied_events_are_appends_too() {
    let place = Place::new();
    let store = place.open().await;
    let slow = place.session().await;
    let mut reader = Reader::new(&store);
    let copy =
        "COPY events (id, stream, stream_position, domain, type, time, payload) FROM STDIN BINARY";
    let types = [
        Type::UUID,
        Type::TEXT,
        Type::INT8,
        Type::TEXT,
        Type::TEXT,
        Type::TIMESTAMPTZ,
        Type::BYTEA,
    ];
    run(&slow, "BEGIN").await;
    let mut rows = pin!(BinaryCopyInWriter::new(slow.copy_in(copy).await.unwrap(), &types));
    for version in 1..=2_i64 {
        let (id, time) = (Uuid::new_v4(), jiff::Timestamp::UNIX_EPOCH);
        let row: [&(dyn ToSql + Sync); 7] =
            [&id, &"copied", &version, &"notes", &"Noted", &time, &&b"{}"[..]];
        rows.as_mut().write(&row).await.unwrap();
    }
    rows.finish().await.unwrap();
    append(&store, "order-1", 1).await;
    assert_eq!(reader.positions().await, [0; 0], "position 1 may still be filled");
    run(&slow, "COMMIT").await;
    assert_eq!(reader.positions().await, [1, 2, 3]);
}

#[tokio::test]
async fn a_prepared_transaction_is_waited_for_and_named() {
    let place = Place::new();
    let store = place.open().await;
    let slow = place.session().await;
    let allowed = "SELECT current_setting('max_prepared_transactions')::int";
    if slow.query_one(allowed, &[]).await.unwrap().get::<_, i32>(0) == 0 {
        println!("skipped: the server has max_prepared_transactions = 0");
        return;
    }
    let mut reader = Reader::new(&store);
    let name = place.schema();
    run(&slow, "BEGIN").await;
    insert(&slow, "slow", 1).await;
    run(&slow, &format!("PREPARE TRANSACTION '{name}'")).await;
    append(&store, "order-1", 1).await;
    assert_eq!(reader.positions().await, [0; 0], "position 1 may still be filled");
    let appends = store.appends_in_flight().await.unwrap();
    assert_eq!(appends[0].prepared.as_deref(), Some(name));
    assert!(appends[0].to_string().contains(name), "{}", appends[0]);
    run(&slow, &format!("COMMIT PREPARED '{name}'")).await;
    assert_eq!(reader.positions().await, [1, 2]);
}

#[tokio::test]
async fn positions_beyond_32_bits_are_told_apart() {
    let place = Place::new();
    let store = place.open().await;
    let (slow, slower) = (place.session().await, place.session().await);
    let mut reader = Reader::new(&store);
    for border in [1_u64 << 31, 1 << 32, (1 << 32) + (1 << 31), 1 << 40] {
        run(&slow, &format!("SELECT setval('projections_positions', {})", border - 3)).await;
        append(&store, "order-1", 1).await;
        assert_eq!(reader.positions().await, [border - 2], "a jump is no gap");
        run(&slower, "BEGIN").await;
        insert(&slower, &format!("slower-{border}"), 1).await;
        append(&store, "order-1", 3).await;
        run(&slow, "BEGIN").await;
        insert(&slow, &format!("slow-{border}"), 1).await;
        assert_eq!(reader.positions().await, [0; 0], "{border} - 1 may still be filled");
        run(&slower, "COMMIT").await;
        let filled = border - 1..border + 3;
        assert_eq!(reader.positions().await, filled.collect::<Vec<_>>());
        run(&slow, "COMMIT").await;
        assert_eq!(reader.positions().await, [border + 3]);
    }
}

#[tokio::test]
async fn an_append_in_one_schema_holds_up_nobody_in_another() {
    let (place, other) = (Place::new(), Place::new());
    let (store, _others) = (place.open().await, other.open().await);
    let slow = other.session().await;
    run(&slow, "BEGIN").await;
    insert(&slow, "slow", 1).await;
    append(&store, "order-1", 1).await;
    assert_eq!(Reader::new(&store).positions().await, [1]);
    run(&slow, "ROLLBACK").await;
}

#[tokio::test]
async fn serialised_appends_commit_in_the_order_of_their_positions() {
    let place = Place::new();
    let options = place.options().append_order(AppendOrder::Serialised);
    let store = options.open_events(place.url()).await.unwrap();
    let (first, second, watcher) =
        (place.session().await, place.session().await, place.session().await);
    run(&first, "BEGIN").await;
    assert_eq!(insert(&first, "first", 1).await, 1);
    let process = process_of(&second).await;
    let waiting = async {
        let waits = format!(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {process} AND wait_event_type = 'Lock')"
        );
        until(&watcher, &waits).await;
        run(&first, "COMMIT").await;
    };
    let (position, ()) = tokio::join!(insert(&second, "second", 1), waiting);
    assert_eq!(position, 2);
    assert_eq!(Reader::new(&store).positions().await, [1, 2]);
}

#[tokio::test]
async fn the_order_of_appends_is_set_while_none_is_in_flight() {
    let place = Place::new();
    let store = place.open().await;
    append(&store, "order-1", 1).await;
    let (slow, watcher) = (place.session().await, place.session().await);
    run(&slow, "BEGIN").await;
    insert(&slow, "slow", 1).await;
    let opening = place.options().append_order(AppendOrder::Serialised).open_events(place.url());
    let waiting = async {
        let waits = "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
                     WHERE NOT l.granted AND l.relation = 'events'::regclass)";
        until(&watcher, waits).await;
        run(&slow, "COMMIT").await;
    };
    let (serialised, ()) = tokio::join!(opening, waiting);
    let serialised = serialised.unwrap();
    assert_eq!(serialised.store_id(), store.store_id());
    // The handle that was opened before appends in the same way.
    run(&slow, "BEGIN").await;
    insert(&slow, "slow", 2).await;
    let waiting = async {
        let waits =
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)";
        until(&watcher, waits).await;
        run(&slow, "COMMIT").await;
    };
    let (receipt, ()) = tokio::join!(append(&store, "order-1", 1), waiting);
    assert_eq!(receipt.first.get(), 4);
    // Opening it without saying anything leaves it so.
    drop(place.open().await);
    let order = "SELECT value FROM projections_meta WHERE key = 'append_order'";
    assert_eq!(watcher.query_one(order, &[]).await.unwrap().get::<_, &str>(0), "serialised");
}
