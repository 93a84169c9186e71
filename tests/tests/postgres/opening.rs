//! What is opened, created and refused.

use projections::{EventSource, StoreErrorKind, postgres::PostgresOptions};
use projections_tests::postgres::Place;

use crate::support::{append, run};

#[tokio::test]
async fn many_may_open_a_new_store_at_once() {
    let place = Place::new();
    let opened = tokio::join!(place.open(), place.open(), place.open(), place.open());
    let id = opened.0.store_id();
    for other in [opened.1, opened.2, opened.3] {
        assert_eq!(other.store_id(), id);
    }
}

#[tokio::test]
async fn a_table_of_somebody_else_is_refused() {
    let place = Place::new();
    let session = place.session().await;
    run(&session, &format!("CREATE SCHEMA {}", place.schema())).await;
    run(&session, "CREATE TABLE events (x int)").await;
    let error = place.options().open_events(place.url()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotOpened);
    assert!(error.to_string().contains("choose another schema"), "{error}");
    let columns =
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'events'::regclass AND attnum > 0";
    assert_eq!(session.query_one(columns, &[]).await.unwrap().get::<_, i64>(0), 1);
}

#[tokio::test]
async fn tables_of_a_newer_version_are_refused() {
    let place = Place::new();
    drop(place.open().await);
    let session = place.session().await;
    run(&session, "UPDATE projections_meta SET value = '99' WHERE key = 'events_schema'").await;
    let error = place.options().open_events(place.url()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Newer);
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_schema_may_have_any_name_but_one_with_a_dollar() {
    let place = Place::new();
    let name = format!("{} it's \"one\"", place.schema());
    let store = PostgresOptions::new().schema(&name).open_events(place.url()).await.unwrap();
    append(&store, "order-1", 2).await;
    assert_eq!(store.head().await.unwrap().unwrap().position.get(), 2);
    let session = place.session().await;
    run(&session, &format!("DROP SCHEMA \"{}\" CASCADE", name.replace('"', "\"\""))).await;
    for wrong in ["", "a$b", &"x".repeat(64)] {
        let error =
            PostgresOptions::new().schema(wrong).open_events(place.url()).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::NotOpened);
    }
}

#[tokio::test]
async fn a_store_uses_no_more_connections_than_it_may() {
    let place = Place::new();
    let store = place.options().connections(2).open_events(place.url()).await.unwrap();
    let mut appends = tokio::task::JoinSet::new();
    for number in 0..20 {
        let store = store.clone();
        appends.spawn(async move { append(&store, &format!("order-{number}"), 1).await });
    }
    appends.join_all().await;
    let session = place.stranger().await;
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
    let count: i64 = session.query_one(count, &[&place.schema()]).await.unwrap().get(0);
    assert_eq!(count, 2);
}

#[tokio::test]
async fn an_append_is_on_the_disk_also_where_the_session_would_not_wait_for_it() {
    let place = Place::new();
    drop(place.open().await);
    let session = place.session().await;
    run(&session, "SET synchronous_commit = off").await;
    run(&session, "BEGIN").await;
    let call = "SELECT projections_append('order-1', 0, ARRAY[gen_random_uuid()], ARRAY['notes'], \
                ARRAY['Noted'], ARRAY[1::bigint], ARRAY[now()], ARRAY['{}'::bytea], ARRAY[NULL])";
    run(&session, call).await;
    let setting: String = session.query_one("SHOW synchronous_commit", &[]).await.unwrap().get(0);
    assert_eq!(setting, "on");
    run(&session, "COMMIT").await;
    run(&session, "BEGIN ISOLATION LEVEL SERIALIZABLE").await;
    let error = session.batch_execute(call).await.unwrap_err();
    assert!(error.as_db_error().unwrap().message().contains("READ COMMITTED"), "{error:?}");
}
