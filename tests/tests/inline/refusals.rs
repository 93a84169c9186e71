//! Who cannot run a projector inline, and what an append is told that cannot.

use projections::{
    AppendError, AppendRequest, BuildError, EventStore, Expected, Runtime, handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteEventStore},
    testing::MemoryStorage,
};
use projections_tests::{
    inline::{InlineLedger, NextInlineLedger},
    ledger::Added,
};

use crate::support::{Place, added, append};

fn says(error: &BuildError, words: &[&str]) {
    let text = error.to_string();
    assert_eq!(error.faults().len(), 1, "{text}");
    for word in ["`ledger`", "`mode = \"inline\"`"].iter().chain(words) {
        assert!(text.contains(word), "`{word}` is missing: {text}");
    }
}

#[tokio::test]
async fn a_storage_that_the_event_store_did_not_make_is_refused() {
    let (place, other) = (Place::new(), Place::new());
    let apart = Sqlite::open(&place.path).unwrap();
    let elsewhere = Sqlite::open(other.path.with_file_name("read.db")).unwrap();
    let foreign = other.events().read_models();
    for storage in [apart, elsewhere, foreign] {
        let builder = Runtime::builder(place.events()).without_linked().storage(storage);
        let error = builder.projector(InlineLedger).build().await.unwrap_err();
        says(&error, &["was not made by the event store", ".storage(events.read_models())"]);
    }
    // A copy of the file has the same identity, and is another database.
    let copy = other.path.with_file_name("copy.db");
    drop(place.events());
    place.look().execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    let copied = SqliteEventStore::open(&copy).unwrap();
    let builder = Runtime::builder(place.events()).without_linked().storage(copied.read_models());
    let error = builder.projector(InlineLedger).build().await.unwrap_err();
    says(&error, &["copy.db", "events.db"]);
}

#[tokio::test]
async fn an_event_store_without_inline_projectors_is_refused() {
    let place = Place::new();
    let storage = place.events().read_models();
    let builder = Runtime::builder(MemoryEventStore::new()).without_linked().storage(storage);
    let error = builder.projector(InlineLedger).build().await.unwrap_err();
    says(&error, &["memory, runs no projectors", "`SqliteEventStore`"]);
}

/// On a storage behind a network.
#[projector("ledger", storage = MemoryStorage, mode = "inline", register = false)]
#[derive(Clone)]
struct Far;

#[handlers]
impl Far {
    #[handles(Added)]
    fn added(&self, _event: &Added) {}
}

#[tokio::test]
async fn a_storage_that_cannot_take_part_is_refused() {
    let place = Place::new();
    let builder = Runtime::builder(place.events()).without_linked().storage(MemoryStorage::new());
    let error = builder.projector(Far).build().await.unwrap_err();
    says(&error, &["was not made by the event store"]);
}

/// The projector and the reason of an append that was refused.
fn refused(error: AppendError) -> (String, String) {
    match error {
        AppendError::NotRun { projector, reason } => (projector, reason),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_append_without_the_projector_is_refused_by_name() {
    let place = Place::new();
    let runtime = place.active().await;
    let events = place.events();
    let request = AppendRequest::new("a", Expected::Any, added(0..3));
    let receipt = events.append(request.clone()).await.unwrap();
    drop(runtime);

    let (projector, reason) = refused(append(&events, [3]).await.unwrap_err());
    assert_eq!(projector, "ledger");
    assert!(reason.contains("this program does not have it"), "{reason}");
    assert_eq!(place.ledger().rows.len(), 3);
    // A repeat stores nothing, and is answered.
    assert_eq!(events.append(request).await.unwrap(), receipt);

    // Who has it built goes on, whether or not it was ever run there.
    let runtime = place.builder().projector(InlineLedger).build().await.unwrap();
    append(&events, [3]).await.unwrap();
    assert_eq!(place.ledger().rows.len(), 4);
    drop(runtime);
    let other = place.builder().namespace("b").projector(InlineLedger).build().await.unwrap();
    let (projector, _) = refused(append(&events, [4]).await.unwrap_err());
    assert_eq!(projector, "ledger", "that of another application is another projector");
    drop(other);
}

#[tokio::test]
async fn an_append_with_other_code_of_the_projector_is_refused() {
    let place = Place::new();
    let old = place.active().await;
    let events = place.events();
    append(&events, 0..3).await.unwrap();
    drop(old);
    let next = place.builder().projector(NextInlineLedger).build().await.unwrap();
    let (projector, reason) = refused(append(&events, [3]).await.unwrap_err());
    assert_eq!(projector, "ledger");
    assert!(reason.contains("version 2") && reason.contains("version 1"), "{reason}");
    // Its run takes the projector over: a higher version is a rebuild.
    next.catch_up().await.unwrap();
    append(&events, [3]).await.unwrap();
    assert_eq!(place.ledger().rows.len(), 4);
    drop(next);
    let old = place.builder().projector(InlineLedger).build().await.unwrap();
    refused(append(&events, [4]).await.unwrap_err());
    let error = old.catch_up().await.unwrap_err();
    assert!(error.to_string().contains("run the newer program"), "{error}");
    refused(append(&events, [4]).await.unwrap_err());
}

#[tokio::test]
async fn programs_of_before_are_told_to_be_too_old() {
    let place = Place::new();
    let version = "SELECT value FROM projections_meta WHERE key = 'events_schema'";
    drop(place.events());
    assert_eq!(place.one::<String>(version), "2", "until then they may go on");
    let runtime = place.active().await;
    assert_eq!(place.one::<String>(version), "3");
    let inline = "SELECT projector || ' ' || version FROM projections_inline";
    assert_eq!(place.one::<String>(inline), "ledger 1");
    drop(runtime);
}

/// What a program that knows of no inline projector had open before, or a shell, stores in between.
#[tokio::test]
async fn an_event_that_was_stored_past_the_library_is_applied_before_the_next() {
    let place = Place::new();
    let runtime = place.active().await;
    let events = place.events();
    append(&events, [0, 1]).await.unwrap();
    for (n, at) in [(2, 3), (3, 4)] {
        let insert = "INSERT INTO events (id, stream, stream_position, domain, type, time, \
             recorded_at, payload) VALUES (randomblob(16), 'a', ?2, 'numbers', 'Added', 1, 1, \
             json_object('n', ?1))";
        place.look().execute(insert, [n, at]).unwrap();
    }
    append(&events, [4]).await.unwrap();
    assert_eq!(place.ledger().rows.len(), 5);
    drop(runtime);
}
