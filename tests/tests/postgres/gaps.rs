//! Hand-made interleavings: acceptance lines 18, 20, 21, 22 and 23.

use std::pin::pin;

use projections::{EventSource, GlobalPosition};
use projections_tests::postgres::Place;

use crate::support::{LONG, Reader, append, insert, process_of, run};

#[tokio::test]
async fn an_event_between_two_of_a_faster_transaction_is_delivered() {
    let place = Place::new();
    let store = place.open().await;
    let (fast, slow) = (place.session().await, place.session().await);
    let mut reader = Reader::new(&store);
    run(&fast, "BEGIN").await;
    run(&slow, "BEGIN").await;
    assert_eq!(insert(&fast, "fast", 1).await, 1);
    assert_eq!(insert(&slow, "slow", 1).await, 2);
    assert_eq!(insert(&fast, "fast", 2).await, 3);
    assert_eq!(reader.positions().await, [0; 0], "nothing is committed");
    run(&fast, "COMMIT").await;
    assert_eq!(reader.positions().await, [1], "position 2 may still be filled");
    assert_eq!(store.head().await.unwrap().unwrap().position.get(), 1, "so is the head below it");
    run(&slow, "COMMIT").await;
    assert_eq!(reader.positions().await, [2, 3]);
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_leaves_a_hole_that_readers_pass_at_once() {
    let place = Place::new();
    let store = place.open().await;
    let slow = place.session().await;
    let mut reader = Reader::new(&store);
    run(&slow, "BEGIN").await;
    insert(&slow, "slow", 1).await;
    append(&store, "order-1", 2).await;
    assert_eq!(reader.positions().await, [0; 0], "position 1 may still be filled");
    run(&slow, "ROLLBACK").await;
    assert_eq!(reader.positions().await, [2, 3]);
}

#[tokio::test]
async fn a_transaction_that_is_killed_leaves_a_hole_that_readers_pass() {
    let place = Place::new();
    let store = place.open().await;
    let (slow, killer) = (place.session().await, place.stranger().await);
    let mut reader = Reader::new(&store);
    run(&slow, "BEGIN").await;
    insert(&slow, "slow", 1).await;
    append(&store, "order-1", 2).await;
    assert_eq!(reader.positions().await, [0; 0], "position 1 may still be filled");
    let process = process_of(&slow).await;
    run(&killer, &format!("SELECT pg_terminate_backend({process})")).await;
    reader.wait().await;
    assert_eq!(reader.positions().await, [2, 3]);
}

#[tokio::test]
async fn a_transaction_that_has_written_other_tables_holds_nobody_up() {
    let place = Place::new();
    let store = place.open().await;
    let stranger = place.session().await;
    run(&stranger, "CREATE TABLE others (x int); BEGIN; INSERT INTO others VALUES (1)").await;
    let mut reader = Reader::new(&store);
    append(&store, "order-1", 2).await;
    reader.wait().await;
    assert_eq!(reader.positions().await, [1, 2]);
    assert_eq!(store.appends_in_flight().await.unwrap(), []);
}

#[tokio::test]
async fn the_append_that_readers_wait_for_is_named() {
    let place = Place::new();
    let store = place.open().await;
    let (slow, other) = (place.session().await, place.session().await);
    append(&store, "order-1", 3).await;
    run(&slow, "SET application_name = 'nightly import'; BEGIN").await;
    insert(&slow, "slow", 1).await;
    run(&other, "BEGIN").await;
    insert(&other, "other", 1).await;
    let appends = store.appends_in_flight().await.unwrap();
    assert_eq!(appends.len(), 2, "{appends:?}");
    let first = &appends[0];
    assert_eq!(first.from, GlobalPosition::new(4));
    assert_eq!(first.process, Some(process_of(&slow).await.cast_unsigned()));
    assert_eq!((&*first.application, &*first.state), ("nightly import", "idle in transaction"));
    let text = first.to_string();
    for part in ["\"nightly import\"", "idle in transaction", "position 4", "user "] {
        assert!(text.contains(part), "{text} does not say {part}");
    }
    run(&slow, "COMMIT").await;
    let appends = store.appends_in_flight().await.unwrap();
    assert_eq!(appends.iter().map(|append| append.from.get()).collect::<Vec<_>>(), [5]);
    run(&other, "ROLLBACK").await;
    // The session's own end is not waited for.
    assert_eq!(store.appends_in_flight().await.unwrap(), []);
}

#[tokio::test]
async fn an_event_that_was_hidden_when_the_wake_up_came_is_delivered_when_the_blocker_commits() {
    let place = Place::new();
    let store = place.open().await;
    let slow = place.session().await;
    let mut reader = Reader::new(&store);
    run(&slow, "BEGIN").await;
    insert(&slow, "slow", 1).await;
    {
        let mut wait = pin!(reader.wait());
        // It is told of an append, and goes on waiting: the event is hidden.
        let appended = async {
            append(&store, "order-1", 1).await;
            for _ in 0..50 {
                assert!(store.head().await.unwrap().is_none());
            }
        };
        tokio::select! {
            biased;
            () = &mut wait => panic!("nothing can be read yet"),
            () = appended => {}
        }
        // It commits without a word to anybody, and nothing is appended after it.
        run(&slow, "COMMIT").await;
        tokio::time::timeout(LONG, wait).await.expect("the wait ends");
    }
    assert_eq!(reader.positions().await, [1, 2]);
}

#[tokio::test]
async fn a_long_transaction_that_appends_late_does_not_turn_a_stream_round() {
    let place = Place::new();
    let store = place.open().await;
    let long = place.session().await;
    let mut reader = Reader::new(&store);
    run(&long, "BEGIN").await;
    insert(&long, "another", 1).await;
    append(&store, "order-1", 1).await;
    assert_eq!(reader.positions().await, [0; 0]);
    let late = "SELECT projections_append('order-1', 1, ARRAY[gen_random_uuid()], ARRAY['notes'], \
                ARRAY['Noted'], ARRAY[1::bigint], ARRAY[now()], ARRAY['{}'::bytea], ARRAY[NULL])";
    run(&long, late).await;
    run(&long, "COMMIT").await;
    let events = reader.events().await;
    let places: Vec<_> =
        events.iter().map(|event| (event.stream(), event.stream_position().get())).collect();
    assert_eq!(places, [("another", 1), ("order-1", 1), ("order-1", 2)]);
}
