//! The SQLite event store: appending, reading, waiting, importing.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::time::Duration;

use projections::{
    AppendError, AppendRequest, EventId, EventSource, EventStore, Expected, Filter, GlobalPosition,
    ImportChunk, ImportProgress, NewEvent, ReadError, ReadRequest, Scanned, StoreErrorKind,
    StreamPosition,
    sqlite::{SqliteEventStore, SqliteOptions},
};
use tempfile::TempDir;

fn store() -> (TempDir, SqliteEventStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
    (folder, store)
}

fn event(name: &'static str) -> NewEvent {
    NewEvent::json(name, format!(r#"{{"is":"{name}"}}"#)).in_domain("letters")
}

fn request(stream: &str, events: Vec<NewEvent>) -> AppendRequest {
    AppendRequest::new(stream, Expected::Any, events)
}

async fn names(store: &SqliteEventStore, filter: &Filter) -> Vec<String> {
    let page = store.read(ReadRequest::new(GlobalPosition::BEGINNING, filter)).await.unwrap();
    page.events().map(|event| event.name().to_owned()).collect()
}

#[tokio::test]
async fn what_is_appended_is_read_back_whole() {
    let (_folder, store) = store();
    let binary = NewEvent::raw("Binary", vec![0xff, 0, 1]).in_domain("letters");
    let with_metadata = event("B").with_metadata(r#"{"user":7}"#);
    let events = vec![event("A"), with_metadata, binary];
    let receipt = store.append(request("s-1", events.clone())).await.unwrap();
    assert_eq!((receipt.first.get(), receipt.last.get()), (1, 3));
    assert_eq!(receipt.stream_position, StreamPosition::new(3));

    let page = store.read(ReadRequest::new(0.into(), &Filter::all())).await.unwrap();
    let read: Vec<_> = page.events().collect();
    assert_eq!(read.len(), 3);
    for (index, (stored, new)) in read.iter().zip(&events).enumerate() {
        assert_eq!(stored.id(), new.id);
        assert_eq!(stored.name(), new.name);
        assert_eq!(Some(stored.domain()), new.domain.as_deref());
        assert_eq!(stored.payload(), new.payload);
        assert_eq!(stored.metadata(), new.metadata.as_deref());
        assert_eq!(stored.stream(), "s-1");
        assert_eq!(stored.stream_position().get(), index as u64 + 1);
        assert_eq!(stored.time().as_microsecond(), new.time.as_microsecond());
    }
    let last = Scanned { position: 3.into(), id: events[2].id };
    assert_eq!(page.scanned(), Some(last));
    assert_eq!(store.head().await.unwrap(), Some(last));
}

#[tokio::test]
async fn an_empty_log_has_no_head_and_pages_without_a_place() {
    let (_folder, store) = store();
    assert_eq!(store.head().await.unwrap(), None);
    let page = store.read(ReadRequest::new(0.into(), &Filter::all())).await.unwrap();
    assert!(page.is_empty() && page.scanned().is_none());
}

#[tokio::test]
async fn a_stream_that_ends_elsewhere_is_a_conflict() {
    let (_folder, store) = store();
    let first = AppendRequest::new("s", Expected::NoStream, vec![event("A")]);
    store.append(first).await.unwrap();
    let at = |expected| AppendRequest::new("s", expected, vec![event("B")]);
    for wrong in [Expected::NoStream, Expected::At(2.into())] {
        let error = store.append(at(wrong)).await.unwrap_err();
        assert!(
            matches!(&error, AppendError::Conflict { actual, .. } if actual.get() == 1),
            "{error:?}"
        );
    }
    store.append(at(Expected::At(1.into()))).await.unwrap();
    assert_eq!(names(&store, &Filter::all()).await, ["A", "B"]);
}

#[tokio::test]
async fn a_repeated_append_returns_the_first_receipt() {
    let (_folder, store) = store();
    let first = AppendRequest::new("s", Expected::NoStream, vec![event("A"), event("B")]);
    let receipt = store.append(first.clone()).await.unwrap();
    store.append(request("s", vec![event("C")])).await.unwrap();
    assert_eq!(store.append(first).await.unwrap(), receipt);
    assert_eq!(names(&store, &Filter::all()).await, ["A", "B", "C"]);
}

#[tokio::test]
async fn an_id_with_other_content_is_refused_and_nothing_is_stored() {
    let (_folder, store) = store();
    let (known, new) = (event("A"), event("B"));
    let both = request("s", vec![known.clone(), new.clone()]);
    store.append(both).await.unwrap();
    let mut other_payload = known.clone();
    other_payload.payload = b"{}".to_vec();
    let twice = event("D");
    let cases = [
        request("s", vec![other_payload]),
        request("other stream", vec![known.clone(), new.clone()]),
        request("s", vec![known.clone().with_metadata("{}"), new.clone()]),
        request("s", vec![known.clone().at(jiff::Timestamp::UNIX_EPOCH), new.clone()]),
        request("s", vec![known.clone(), new.clone(), event("C")]),
        request("s", vec![event("C"), known.clone()]),
        request("s", vec![new, known]),
        request("s", vec![twice.clone(), twice]),
    ];
    for (case, request) in cases.into_iter().enumerate() {
        let error = store.append(request).await.unwrap_err();
        assert!(matches!(error, AppendError::IdReused { .. }), "case {case}: {error:?}");
    }
    assert_eq!(names(&store, &Filter::all()).await, ["A", "B"]);
}

#[tokio::test]
async fn what_no_store_may_take_is_refused() {
    let (_folder, store) = store();
    let domainless = NewEvent::json("A", "{}");
    let cases = [
        request("", vec![event("A")]),
        request("a\0b", vec![event("A")]),
        request(&"s".repeat(513), vec![event("A")]),
        request("s", vec![]),
        request("s", vec![NewEvent::json("", "{}").in_domain("d")]),
        request("s", vec![event("A").with_metadata("[]")]),
        request("s", vec![domainless.clone()]),
    ];
    for (case, request) in cases.into_iter().enumerate() {
        assert!(store.append(request).await.is_err(), "case {case}");
    }
    assert_eq!(store.head().await.unwrap(), None);
    let progress =
        ImportProgress { import: EventId::random(), file: "f".into(), lines: 1, total: 1 };
    let chunk = ImportChunk::new(vec![("s".into(), domainless)], progress);
    assert!(store.import(chunk).await.is_err());
    assert!(store.unfinished_imports().await.unwrap().is_empty());
}

#[tokio::test]
async fn filters_are_pushed_down_and_the_scanned_place_moves_on() {
    let (_folder, store) = store();
    let elsewhere = NewEvent::json("A", "{}").in_domain("else");
    let events = vec![event("A"), event("B"), elsewhere, event("C")];
    let last = events[3].id;
    store.append(request("s", events)).await.unwrap();
    let cases = [
        (Filter::all(), vec!["A", "B", "A", "C"]),
        (Filter::none(), vec![]),
        (Filter::none().domain("else"), vec!["A"]),
        (Filter::none().domain("letters").except("letters", "B"), vec!["A", "C"]),
        (Filter::none().event("letters", "A").event("letters", "C"), vec!["A", "C"]),
        (Filter::none().event("letters", "C").domain("else"), vec!["A", "C"]),
        (Filter::all().except("else", "A").except("letters", "C"), vec!["A", "B"]),
        (Filter::none().event("letters", "' OR 1 --"), vec![]),
    ];
    for (filter, expected) in cases {
        assert_eq!(names(&store, &filter).await, expected, "{filter:?}");
        let page = store.read(ReadRequest::new(0.into(), &filter)).await.unwrap();
        assert_eq!(page.scanned(), Some(Scanned { position: 4.into(), id: last }), "{filter:?}");
        let count = store.count(&filter, 0.into(), 4.into()).await.unwrap();
        assert_eq!(count, expected.len() as u64, "{filter:?}");
    }
    assert_eq!(store.count(&Filter::all(), 1.into(), 3.into()).await.unwrap(), 2);
}

#[tokio::test]
async fn a_page_ends_at_its_limits_and_the_next_goes_on() {
    let (_folder, store) = store();
    let events: Vec<_> = (0..10).map(|_| event("A")).collect();
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    store.append(request("s", events)).await.unwrap();
    let filter = Filter::all();
    for (events, bytes) in [(3, usize::MAX), (usize::MAX, 30)] {
        let mut after = GlobalPosition::BEGINNING;
        let mut read = Vec::new();
        loop {
            let request = ReadRequest::new(after, &filter).at_most(events, bytes);
            let page = store.read(request).await.unwrap();
            let Some(scanned) = page.scanned() else { break };
            assert!(page.len() <= 3, "{}", page.len());
            read.extend(page.events().map(|event| event.id()));
            assert_eq!(Some(scanned.id), read.last().copied());
            after = scanned.position;
        }
        assert_eq!(read, ids);
    }
}

#[tokio::test]
async fn a_rare_filter_moves_on_window_by_window_over_a_gap() {
    let (folder, store) = store();
    let rare = event("Rare").in_domain("rare");
    let progress =
        ImportProgress { import: EventId::random(), file: "f".into(), lines: 1, total: 2 };
    let mut events: Vec<_> = (0..60_000).map(|n| (format!("s-{}", n % 7), event("A"))).collect();
    events.push(("s".into(), rare));
    store.import(ImportChunk::new(events, progress)).await.unwrap();
    // Another program may delete: a gap longer than a window.
    let other = rusqlite::Connection::open(folder.path().join("events.db")).unwrap();
    other.execute("DELETE FROM events WHERE position BETWEEN 10 AND 60000", []).unwrap();
    other.execute("UPDATE events SET position = 200000 WHERE position = 60001", []).unwrap();

    let filter = Filter::none().domain("rare");
    let first = store.read(ReadRequest::new(0.into(), &filter)).await.unwrap();
    assert!(first.is_empty());
    assert_eq!(first.scanned().unwrap().position.get(), 9);
    let second = store.read(ReadRequest::new(9.into(), &filter)).await.unwrap();
    assert_eq!(second.len(), 1);
    assert_eq!(second.scanned().unwrap().position.get(), 200_000);
    let third = store.read(ReadRequest::new(200_000.into(), &filter)).await.unwrap();
    assert!(third.is_empty() && third.scanned().is_none());
    assert_eq!(store.count(&filter, 0.into(), u64::MAX.into()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_log_that_went_back_is_found_out_with_the_page() {
    let (folder, store) = store();
    let receipt = store.append(request("s", vec![event("A"), event("B")])).await.unwrap();
    let seen = store.head().await.unwrap();
    let filter = Filter::all();
    let verifying = ReadRequest::new(receipt.last, &filter).verifying(seen);
    assert!(store.read(verifying).await.unwrap().is_empty());

    let other = rusqlite::Connection::open(folder.path().join("events.db")).unwrap();
    other.execute("UPDATE events SET id = randomblob(16) WHERE position = 2", []).unwrap();
    assert!(matches!(store.read(verifying).await, Err(ReadError::Diverged { .. })));
    other.execute("DELETE FROM events WHERE position = 2", []).unwrap();
    assert!(matches!(store.read(verifying).await, Err(ReadError::Diverged { .. })));
}

#[tokio::test]
async fn positions_of_a_deleted_tail_are_not_handed_out_again() {
    let (folder, store) = store();
    store.append(request("s", vec![event("A"), event("B")])).await.unwrap();
    let other = rusqlite::Connection::open(folder.path().join("events.db")).unwrap();
    other.execute("DELETE FROM events WHERE position = 2", []).unwrap();
    let receipt = store.append(request("s", vec![event("C")])).await.unwrap();
    assert_eq!(receipt.first.get(), 3);
}

#[tokio::test]
async fn an_import_passes_over_what_is_there_and_says_how_far_it_is() {
    let (_folder, store) = store();
    let events: Vec<_> = (0..6).map(|n| (format!("s-{}", n % 2), event("A"))).collect();
    let id = events[0].1.id;
    let progress =
        |lines| ImportProgress { import: id, file: "log.ndjson".into(), lines, total: 6 };
    let chunk = |to: usize| ImportChunk::new(events[to - 3..to].to_vec(), progress(to as u64));

    let receipt = store.import(chunk(3)).await.unwrap();
    assert_eq!((receipt.stored, receipt.known), (3, 0));
    assert_eq!(store.unfinished_imports().await.unwrap(), [progress(3)]);
    let receipt = store.import(chunk(6)).await.unwrap();
    assert_eq!((receipt.stored, receipt.known), (3, 0));
    assert!(store.unfinished_imports().await.unwrap().is_empty());
    let receipt = store.import(chunk(3)).await.unwrap();
    assert_eq!((receipt.stored, receipt.known), (0, 3));
    assert!(store.unfinished_imports().await.unwrap().is_empty(), "a repeat takes nothing back");

    let page = store.read(ReadRequest::new(0.into(), &Filter::all())).await.unwrap();
    let places: Vec<_> = page.events().map(|event| event.stream_position().get()).collect();
    assert_eq!(places, [1, 1, 2, 2, 3, 3]);
    let positions: Vec<_> = page.events().map(|event| event.position().get()).collect();
    assert_eq!(positions, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn a_wait_ends_with_an_append_and_not_before() {
    let (_folder, store) = store();
    let waiting = store.clone();
    let mut waiter = tokio::spawn(async move { waiting.wait(0.into()).await });
    let early = tokio::time::timeout(Duration::from_millis(30), &mut waiter).await;
    assert!(early.is_err(), "nothing was appended yet");
    store.append(request("s", vec![event("A")])).await.unwrap();
    tokio::time::timeout(Duration::from_secs(60), waiter).await.unwrap().unwrap().unwrap();
    store.wait(0.into()).await.unwrap();
    // A wait that was dropped takes nothing with it.
    let dropped = tokio::time::timeout(Duration::from_millis(10), store.wait(1.into())).await;
    assert!(dropped.is_err());
    store.append(request("s", vec![event("B")])).await.unwrap();
    store.wait(1.into()).await.unwrap();
}

#[tokio::test]
async fn a_wait_on_a_log_that_was_set_back_does_not_spin() {
    let (folder, store) = store();
    store.append(request("s", vec![event("A"), event("B")])).await.unwrap();
    let other = rusqlite::Connection::open(folder.path().join("events.db")).unwrap();
    other.execute("DELETE FROM events WHERE position = 2", []).unwrap();
    for _ in 0..2 {
        let waited = tokio::time::timeout(Duration::from_millis(20), store.wait(1.into())).await;
        assert!(waited.is_err(), "there is nothing after 1");
    }
    store.append(request("s", vec![event("C")])).await.unwrap();
    store.wait(1.into()).await.unwrap();
}

#[tokio::test]
async fn a_damaged_row_is_reported_as_damage() {
    let (folder, store) = store();
    store.append(request("s", vec![event("A")])).await.unwrap();
    let other = rusqlite::Connection::open(folder.path().join("events.db")).unwrap();
    for damage in ["id = x'01'", "domain = CAST(x'ff' AS TEXT)", "time = 9223372036854775807"] {
        other.execute(&format!("UPDATE events SET {damage}"), []).unwrap();
        let error = store.read(ReadRequest::new(0.into(), &Filter::all())).await.unwrap_err();
        let ReadError::Store(error) = error else { panic!("{damage}: {error:?}") };
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{damage}: {error:?}");
        assert!(error.to_string().contains("events.db"), "{error}");
    }
}

#[tokio::test]
async fn a_wait_finds_events_that_were_there_before_the_file_was_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let first = SqliteEventStore::open(&path).unwrap();
    first.append(request("s", vec![event("A")])).await.unwrap();
    let id = first.store_id();
    drop(first);
    let second = SqliteOptions::new().open_events(&path).unwrap();
    assert_eq!(second.store_id(), id);
    tokio::time::timeout(Duration::from_secs(60), second.wait(0.into())).await.unwrap().unwrap();
}
