//! What is said when the server fails, and whether trying again helps.

use projections::{
    AppendError, AppendRequest, EventSource, EventStore, Expected, StoreError, StoreErrorKind,
    postgres::PostgresEventStore,
};
use projections_tests::postgres::{self, Place};

use crate::support::{Reader, append, event, process_of, run, until};

async fn refused(url: &str) -> StoreError {
    PostgresEventStore::connect(url).await.expect_err(url)
}

/// The message with its causes.
fn text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    // Whoever binds a port and listens to nobody keeps others off it.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let error = refused(&format!("postgres://shop:s3cret@127.0.0.1:{port}/orders")).await;
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.is_transient());
    let text = text(&error);
    for part in [&format!("orders on 127.0.0.1:{port}"), "public.events", "check that it runs"] {
        assert!(text.contains(part), "{text} does not say {part}");
    }
    assert!(!text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn a_url_that_is_none_is_not_repeated() {
    for url in
        ["host=a s3cret", "mysql://shop:s3cret@localhost/a", "postgres://shop:se@cret@localhost/a"]
    {
        let error = refused(url).await;
        assert_eq!(error.kind(), StoreErrorKind::NotOpened, "{url}");
        let text = text(&error);
        assert!(text.contains("postgres://user:password@host") && !text.contains("cret"), "{text}");
    }
}

#[tokio::test]
async fn a_missing_database_is_lasting() {
    let config: tokio_postgres::Config = postgres::url().parse().unwrap();
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let Some(tokio_postgres::config::Host::Tcp(host)) = config.get_hosts().first() else {
        println!("skipped: the server is not reached by TCP");
        return;
    };
    let password = config.get_password().map(String::from_utf8_lossy).unwrap_or_default();
    let user = config.get_user().unwrap_or("postgres");
    let error =
        refused(&format!("postgres://{user}:{password}@{host}:{port}/no_such_database")).await;
    assert_eq!(error.kind(), StoreErrorKind::NotOpened);
    assert!(!error.is_transient());
    assert!(error.to_string().contains("create it"), "{error}");
}

#[tokio::test]
async fn connections_that_the_server_ends_are_made_anew() {
    let place = Place::new();
    let store = place.open().await;
    append(&store, "order-1", 1).await;
    let session = place.stranger().await;
    let schema = place.schema();
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{schema}'"
    );
    for round in 2..6 {
        run(&session, &end).await;
        let gone = format!(
            "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = '{schema}')"
        );
        until(&session, &gone).await;
        // What this process has not heard of yet is an outage, and passes.
        let mut outcome = store.head().await;
        while let Err(error) = &outcome {
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
            outcome = store.head().await;
        }
        assert_eq!(append(&store, "order-1", 1).await.stream_position.get(), round);
    }
    assert_eq!(Reader::new(&store).positions().await.len(), 5);
}

#[tokio::test]
async fn an_append_whose_connection_is_ended_before_its_commit_is_not_stored() {
    let place = Place::new();
    let store = place.open().await;
    append(&store, "order-1", 1).await;
    let (holder, killer) = (place.session().await, place.stranger().await);
    // The stream's lock: the append waits for it.
    run(&holder, "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('order-1', 'events'::regclass::oid::bigint))").await;
    let schema = place.schema();
    let holder_process = process_of(&holder).await;
    let waits = format!(
        "application_name = '{schema}' AND pid <> {holder_process} AND wait_event_type = 'Lock'"
    );
    let appending = store.append(AppendRequest::new("order-1", Expected::Any, vec![event(1)]));
    let killing = async {
        until(&killer, &format!("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE {waits})"))
            .await;
        run(
            &killer,
            &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {waits}"),
        )
        .await;
    };
    let (outcome, ()) = tokio::join!(appending, killing);
    let Err(AppendError::Store(error)) = outcome else { panic!("it is not stored: {outcome:?}") };
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    let text = text(&error);
    assert!(
        text.contains(schema) && text.contains("try again") && text.contains("57P01"),
        "{text}"
    );
    run(&holder, "ROLLBACK").await;
    assert_eq!(append(&store, "order-1", 1).await.stream_position.get(), 2);
}

#[tokio::test]
async fn a_lock_that_takes_too_long_is_busy() {
    let place = Place::new();
    let holder = place.session().await;
    drop(place.open().await);
    let separator = if place.url().contains('?') { '&' } else { '?' };
    let url = format!("{}{separator}options=-c%20lock_timeout%3D50", place.url());
    let impatient = place.options().open_events(&url).await.unwrap();
    run(&holder, "BEGIN; LOCK TABLE events IN EXCLUSIVE MODE").await;
    let outcome =
        impatient.append(AppendRequest::new("order-1", Expected::Any, vec![event(1)])).await;
    let Err(AppendError::Store(error)) = outcome else { panic!("it is not stored: {outcome:?}") };
    assert_eq!(error.kind(), StoreErrorKind::Busy);
    assert!(error.is_transient());
    run(&holder, "ROLLBACK").await;
    assert_eq!(append(&impatient, "order-1", 1).await.stream_position.get(), 1);
}

#[tokio::test]
async fn a_value_that_is_refused_is_not_repeated_in_the_error() {
    let place = Place::new();
    let store = place.open().await;
    let session = place.session().await;
    run(&session, "ALTER TABLE events ADD CONSTRAINT tidy CHECK (stream <> 'ada@example.org')")
        .await;
    let request = AppendRequest::new("ada@example.org", Expected::Any, vec![event(1)]);
    let Err(AppendError::Store(error)) = store.append(request).await else { panic!("refused") };
    assert_eq!((error.kind(), error.is_transient()), (StoreErrorKind::Other, false));
    let text = text(&error);
    assert!(text.contains("tidy") && !text.contains("ada@"), "{text}");
}
