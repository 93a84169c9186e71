//! What is bounded, and what is logged: rule R38.

use std::time::Duration;

use projections::{
    AppendRequest, Event, EventStore, Expected, NewEvent, Runtime, handlers,
    memory::MemoryEventStore, projector,
};
use projections_tests::{
    ledger::{InProcessLedger, expected},
    log::capture_log,
};

use crate::support::{append, sqlite_events};

#[derive(Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "blobs")]
struct Stored<'a> {
    text: &'a str,
}

#[projector("blobs", register = false, on_failure = "halt", retry(none))]
#[derive(Clone, Default)]
struct Blobs {
    lengths: Vec<usize>,
}

#[handlers]
impl Blobs {
    #[handles(Stored)]
    fn stored(&mut self, event: &Stored<'_>) {
        self.lengths.push(event.text.len());
    }
}

/// One event of 200 MB is a batch by itself; its neighbours are batches of their own.
#[tokio::test]
async fn one_huge_event_is_a_batch() {
    let folder = tempfile::tempdir().unwrap();
    let events = sqlite_events(folder.path());
    for length in [10, 200_000_000, 20] {
        let text = "x".repeat(length);
        let event = NewEvent::of(&Stored { text: &text }).unwrap();
        events.append(AppendRequest::new("a", Expected::Any, vec![event])).await.unwrap();
    }
    let runtime = Runtime::builder(events).without_linked().projector(Blobs::default());
    let runtime = runtime.build().await.unwrap();
    runtime.catch_up().await.unwrap();
    let lengths = runtime.read::<Blobs, _>(|blobs| blobs.lengths.clone()).await.unwrap();
    assert_eq!(lengths, [10, 200_000_000, 20]);
}

/// A closure that stays for long is logged with the projector's name. The clock is paused, so the
/// closure is made to last by moving it.
#[tokio::test]
async fn a_read_that_holds_the_writer_up_is_logged() {
    let events = MemoryEventStore::new();
    append(&events, "a", [1]).await;
    let runtime = Runtime::builder(events).only(["ledger-in-process"]).build().await.unwrap();
    runtime.catch_up().await.unwrap();
    let (log, _guard) = capture_log(tracing::Level::INFO);
    let held = Duration::from_millis(150);
    let seen = runtime.read::<InProcessLedger, _>(|p| {
        let until = std::time::Instant::now() + held;
        while std::time::Instant::now() < until {
            std::hint::spin_loop(); // what is tested is a closure that takes its time
        }
        p.ledger.clone()
    });
    assert_eq!(seen.await.unwrap(), expected(&[(1, 1)]));
    assert!(log.text().contains("a read held the projector up"), "{}", log.text());
    assert!(log.text().contains("ledger-in-process"), "{}", log.text());
}

/// Names from data are escaped in error texts.
#[tokio::test]
async fn a_hostile_stream_name_is_escaped() {
    let events = MemoryEventStore::new();
    let name = "\u{1b}]0;x\u{7}\"]; drop<script>";
    let bad = NewEvent::json("Stored", "{}").in_domain("blobs");
    events.append(AppendRequest::new(name, Expected::Any, vec![bad])).await.unwrap();
    let runtime = Runtime::builder(events).without_linked().projector(Blobs::default());
    let error = runtime.build().await.unwrap().catch_up().await.unwrap_err().to_string();
    assert!(!error.contains('\u{1b}') && error.contains("\\u{1b}]0;x"), "{error:?}");
}
