//! What handlers say of their own failures, and the function that gives the key.

use std::fmt;

use projections::{
    BoxError, Envelope, LetterQuery, RawEvent, Runtime, handlers,
    memory::MemoryEventStore,
    projector,
    testing::{MemoryStorage, MemoryTx},
};

use crate::books::{Fault, Plan, TABLE, Written, append, read, shelves, write};

/// A page was torn out.
#[derive(Clone, Debug, projections::Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "books")]
struct Torn {
    n: u64,
}

/// Nobody handles it.
#[derive(Clone, Debug, projections::Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "books")]
struct Read {
    n: u64,
}

/// An error of a handler's own, which says nothing of `Permanent`.
#[derive(Debug)]
struct Unreadable {
    n: u64,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "page {} is unreadable", self.n)
    }
}

impl std::error::Error for Unreadable {}

fn is_odd(error: &Unreadable) -> bool {
    error.n % 2 == 1
}

#[projector("binder", storage = MemoryStorage, register = false, retry(none))]
#[derive(Clone, Default)]
struct Binder {
    plan: Plan,
}

#[handlers]
impl Binder {
    #[reset]
    fn clear(&self, db: &mut MemoryTx<'_>) {
        db.clear(TABLE);
    }

    #[handles(Written, retry(max = 2, initial = "1ms"))]
    fn written(
        &self,
        event: &Written,
        at: &Envelope,
        db: &mut MemoryTx<'_>,
    ) -> Result<(), BoxError> {
        write(db, at.stream(), event.n);
        self.plan.run(event.n)
    }

    #[handles(Torn, retry(max = 3, initial = "1ms"), permanent = is_odd)]
    async fn torn(&self, event: &Torn) -> Result<(), Unreadable> {
        std::future::ready(()).await;
        self.plan.run(event.n).map_err(|_| Unreadable { n: event.n })
    }

    #[fallback(replay = "skip", retry(max = 1, initial = "1ms"))]
    fn other(&self, event: &RawEvent<'_>) -> Result<(), BoxError> {
        let read: Read = serde_json::from_slice(event.payload())?;
        self.plan.run(read.n)
    }

    /// The shelf: `a` of `a-1`.
    #[park_key]
    fn shelf(at: &Envelope) -> &str {
        at.stream().split('-').next().unwrap_or_default()
    }
}

async fn runtime(
    events: &MemoryEventStore,
    storage: &MemoryStorage,
    plan: &Plan,
) -> Runtime<MemoryEventStore> {
    let runtime = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    runtime.projector(Binder { plan: plan.clone() }).build().await.unwrap()
}

async fn store<E: projections::ToEvent>(events: &MemoryEventStore, stream: &str, event: &E) {
    let event = event.to_event().unwrap();
    let request = projections::AppendRequest::new(stream, projections::Expected::Any, vec![event]);
    projections::EventStore::append(events, request).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_handlers_own_retries_are_tried() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, "a", 1).await;
    append(&events, "b", 2).await;
    let plan = Plan::failing([(1, Fault::Always), (2, Fault::Times(2))]);
    runtime(&events, &storage, &plan).await.catch_up().await.unwrap();
    assert_eq!((plan.calls_of(1), plan.calls_of(2)), (3, 3));
    assert_eq!(read(&storage), shelves([("b", &[2])]));
}

#[tokio::test(start_paused = true)]
async fn a_function_knows_the_errors_that_will_not_go_away() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    for (stream, n) in [("a", 7), ("b", 8)] {
        store(&events, stream, &Torn { n }).await;
    }
    let plan = Plan::failing([(7, Fault::Always), (8, Fault::Always)]);
    let runtime = runtime(&events, &storage, &plan).await;
    runtime.catch_up().await.unwrap();
    assert_eq!((plan.calls_of(7), plan.calls_of(8)), (1, 4));
    let letters = runtime.dead_letters("binder").unwrap();
    let letters = letters.list(&LetterQuery::first(10)).await.unwrap();
    let told: Vec<_> =
        letters.iter().map(|letter| &*letter.failure.as_ref().unwrap().error).collect();
    assert_eq!(
        told,
        [
            "handler `torn` failed: page 7 is unreadable",
            "handler `torn` failed: page 8 is unreadable"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_fallback_has_its_own_retries_and_may_leave_history_out() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    store(&events, "a", &Read { n: 1 }).await; // history, when the projector first starts
    append(&events, "a", 2).await;
    let plan = Plan::failing([(3, Fault::Always)]);
    let runtime = runtime(&events, &storage, &plan).await;
    runtime.catch_up().await.unwrap();
    assert_eq!((plan.calls_of(1), plan.calls_of(2)), (0, 1));
    for (stream, n) in [("b", 3), ("c", 4)] {
        store(&events, stream, &Read { n }).await;
    }
    append(&events, "c", 5).await;
    runtime.catch_up().await.unwrap();
    assert_eq!((plan.calls_of(3), plan.calls_of(4)), (2, 1));
    runtime.rebuild("binder").await.unwrap();
    assert_eq!((plan.calls_of(1), plan.calls_of(4), plan.calls_of(5)), (0, 1, 2));
}

/// It is stored as its beginning and a hash, and asked for as it is.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_longer_than_what_is_stored_of_it_is_found() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    for (stream, n) in [("a-1", 1), ("a-2", 2), ("b-1", 3)] {
        append(&events, stream, n).await;
    }
    let plan = Plan::failing([(1, Fault::Permanent)]);
    let builder = Runtime::builder(events).without_linked().storage(storage.clone());
    let runtime = builder.projector(LongWinded { plan }).build().await.unwrap();
    runtime.catch_up().await.unwrap();
    let letters = runtime.dead_letters("long-winded").unwrap();
    let long = LetterQuery::first(10).of_key(LONG);
    assert_eq!(letters.list(&long).await.unwrap().len(), 3);
    // The stored form is its own.
    let stored = letters.list(&long).await.unwrap().remove(0).park_key;
    assert!(stored.len() < LONG.len());
    let stored = LetterQuery::first(10).of_key(stored);
    assert_eq!(letters.list(&stored).await.unwrap().len(), 3);
    assert_eq!(letters.list(&LetterQuery::first(10).of_key("long")).await.unwrap(), []);
}

const LONG: &str = {
    const BYTES: [u8; 1_000] = [b'k'; 1_000];
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => panic!("it is ASCII"),
    }
};

#[projector("long-winded", storage = MemoryStorage, register = false, retry(none))]
#[derive(Clone)]
struct LongWinded {
    plan: Plan,
}

#[handlers]
impl LongWinded {
    #[park_key]
    fn key(_: &Envelope) -> &str {
        LONG
    }

    #[handles(Written)]
    fn written(&self, event: &Written) -> Result<(), BoxError> {
        self.plan.run(event.n)
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_the_same_key_waits() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    for (stream, n) in [("a-1", 1), ("b-1", 2), ("a-2", 3), ("b-2", 4), ("a-1", 5)] {
        append(&events, stream, n).await;
    }
    let plan = Plan::failing([(1, Fault::Permanent)]);
    let runtime = runtime(&events, &storage, &plan).await;
    runtime.catch_up().await.unwrap();
    assert_eq!(read(&storage), shelves([("b-1", &[2]), ("b-2", &[4])]));
    let letters = runtime.dead_letters("binder").unwrap();
    let letters = letters.list(&LetterQuery::first(10)).await.unwrap();
    let parked: Vec<_> =
        letters.iter().map(|letter| (&*letter.park_key, &*letter.stream)).collect();
    assert_eq!(parked, [("a", "a-1"), ("a", "a-2"), ("a", "a-1")]);
}
