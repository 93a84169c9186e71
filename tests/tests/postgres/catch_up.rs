//! From the event store on PostgreSQL into read models: in SQLite, and in process.

use projections::{
    EventStore, Expected, Runtime, State, postgres::PostgresEventStore, sqlite::Sqlite,
};
use projections_tests::{
    ledger::{self, Added, InProcessLedger},
    postgres::Place,
};
use tokio_postgres::Client;

use crate::support::{LONG, insert, run};

/// What a read model of these events must hold, by the table itself.
async fn expected(session: &Client) -> ledger::Ledger {
    let sql = "SELECT position, (convert_from(payload, 'UTF8')::json ->> 'n')::bigint FROM events \
               WHERE domain = 'numbers' ORDER BY position";
    let rows = session.query(sql, &[]).await.unwrap();
    let number = |row: &tokio_postgres::Row, column| row.get::<_, i64>(column).cast_unsigned();
    let events: Vec<_> = rows.iter().map(|row| (number(row, 0), number(row, 1))).collect();
    ledger::expected(&events)
}

async fn runtime(store: &PostgresEventStore, storage: &Sqlite) -> Runtime<PostgresEventStore> {
    let runtime = Runtime::builder(store.clone())
        .only(["ledger-sqlite", "ledger-in-process"])
        .storage(storage.clone());
    runtime.build().await.unwrap()
}

#[tokio::test]
async fn read_models_are_caught_up_and_followed_across_holes_and_restarts() {
    let place = Place::new();
    let store = place.open().await;
    let session = place.session().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read.db");
    let storage = Sqlite::open(&path).unwrap();
    {
        let runtime = runtime(&store, &storage).await;
        for n in 0..300 {
            runtime
                .append(format!("numbers-{}", n % 7), Expected::Any, [Added { n }])
                .await
                .unwrap();
            if n % 50 == 0 {
                // A hole, and an event that nobody handles.
                run(&session, "BEGIN").await;
                insert(&session, "rolled back", 1).await;
                run(&session, "ROLLBACK").await;
                insert(&session, &format!("another-{n}"), 1).await;
            }
        }
        runtime.catch_up().await.unwrap();
    }
    // Opened again, as after a restart, and followed.
    let store = place.open().await;
    let runtime = runtime(&store, &storage).await;
    let stop = tokio::sync::oneshot::channel::<()>();
    let running = {
        let runtime = runtime.clone();
        tokio::spawn(async move { runtime.run(async { drop(stop.1.await) }).await })
    };
    let mut last = None;
    for n in 300..400 {
        last = Some(runtime.append("numbers-1", Expected::Any, [Added { n }]).await.unwrap());
    }
    let token = last.unwrap().token();
    for projector in ["ledger-sqlite", "ledger-in-process"] {
        runtime.wait_for(projector, &token, LONG).await.unwrap();
    }
    let expected = expected(&session).await;
    assert_eq!(expected.rows.len(), 400);
    assert_eq!(ledger::read_sqlite(&path), expected);
    let in_process = runtime.read::<InProcessLedger, _>(|own| own.ledger.clone()).await.unwrap();
    assert_eq!(in_process, expected);
    for projector in runtime.status().await.unwrap().projectors {
        assert_eq!(projector.behind, 0, "{projector:?}");
    }
    stop.0.send(()).unwrap();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_log_that_went_back_in_time_is_told() {
    let place = Place::new();
    let store = place.open().await;
    let session = place.session().await;
    let folder = tempfile::tempdir().unwrap();
    let storage = Sqlite::open(folder.path().join("read.db")).unwrap();
    let runtime = runtime(&store, &storage).await;
    for n in 0..3 {
        runtime.append("numbers", Expected::Any, [Added { n }]).await.unwrap();
    }
    runtime.catch_up().await.unwrap();
    run(&session, "DELETE FROM events WHERE position = 3").await;
    run(&session, "SELECT setval('projections_positions', 2)").await;
    store
        .append(projections::AppendRequest::new(
            "numbers",
            Expected::Any,
            vec![projections::NewEvent::of(&Added { n: 9 }).unwrap()],
        ))
        .await
        .unwrap();
    let error = runtime.catch_up().await.unwrap_err().to_string();
    assert!(error.contains("ledger-sqlite"), "{error}");
    let status = runtime.status().await.unwrap();
    assert!(status.projectors.iter().any(|own| own.state == State::Diverged), "{status:?}");
}
