//! Parked streams: acceptance lines 26, 27, 32 and 33, rule R14.

use projections::{
    AppendRequest, BoxError, Envelope, Event, EventStore, Expected, LetterQuery, NewEvent, Runtime,
    State, handlers,
    memory::MemoryEventStore,
    projector,
    testing::{MemoryStorage, MemoryTx},
};

use crate::books::{Fault, Plan, Written, append, append_in_turn, books, read, shelves, write};

books!(ByStream, "by-stream", retry(max = 1, initial = "1ms"));
books!(ByProjector, "by-projector", retry(none), park_by = "projector");
books!(Skipping, "skipping", retry(none), on_failure = "skip");

/// An event of another domain.
#[derive(Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "loans")]
struct Lent {
    n: u64,
}

#[projector("by-domain", storage = MemoryStorage, register = false, retry(none), park_by = "domain")]
#[derive(Clone)]
struct ByDomain {
    plan: Plan,
}

#[handlers]
impl ByDomain {
    #[handles(Written)]
    fn written(
        &self,
        event: &Written,
        at: &Envelope,
        db: &mut MemoryTx<'_>,
    ) -> Result<(), BoxError> {
        write(db, at.stream(), event.n);
        self.plan.run(event.n)
    }

    #[handles(Lent)]
    fn lent(&self, event: &Lent, at: &Envelope, db: &mut MemoryTx<'_>) {
        write(db, at.stream(), event.n);
    }
}

macro_rules! runtime {
    ($events:expr, $storage:expr, $projector:expr) => {
        Runtime::builder($events.clone())
            .without_linked()
            .storage($storage.clone())
            .projector($projector)
            .build()
            .await
            .unwrap()
    };
}

#[tokio::test]
async fn later_events_of_the_stream_wait_behind_it_and_others_go_on() {
    for batch in [1, 2, 1_000] {
        let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
        append_in_turn(&events, &["a", "b", "c"], 12).await;
        let plan = Plan::failing([(4, Fault::Always)]);
        let runtime = Runtime::builder(events.clone())
            .without_linked()
            .storage(storage.clone())
            .projector(ByStream { plan: plan.clone() })
            .batch_events(batch)
            .build()
            .await
            .unwrap();
        runtime.catch_up().await.unwrap();
        let parked = shelves([("a", &[1]), ("b", &[2, 5, 8, 11]), ("c", &[3, 6, 9, 12])]);
        assert_eq!(read(&storage), parked, "batch {batch}");
        assert_eq!(plan.calls_of(4), 2, "batch {batch}");
        assert_eq!((plan.calls_of(7), plan.calls_of(10)), (0, 0));

        let letters = runtime.dead_letters("by-stream").unwrap();
        let all = letters.list(&LetterQuery::first(10)).await.unwrap();
        let positions: Vec<_> = all.iter().map(|letter| letter.position.get()).collect();
        assert_eq!(positions, [4, 7, 10]);
        let first = &all[0];
        assert_eq!((&*first.stream, first.stream_position.get()), ("a", 2));
        assert_eq!((&*first.name, &*first.domain, &*first.park_key), ("Written", "books", "a"));
        let failure = first.failure.as_ref().unwrap();
        assert_eq!(failure.attempts, 2);
        assert_eq!(failure.error, "handler `written` failed: 4 is unlucky");
        assert!(failure.first_at <= failure.last_at);
        assert!(all[1..].iter().all(|letter| letter.failure.is_none()));
        let event = letters.event(first).await.unwrap().unwrap();
        assert_eq!(event.payload(), br#"{"n":4}"#);

        // A restart goes on, and what comes meanwhile waits, too.
        append(&events, "a", 13).await;
        append(&events, "b", 14).await;
        let again = runtime!(events, storage, ByStream { plan: plan.clone() });
        again.catch_up().await.unwrap();
        assert_eq!(read(&storage)["a"], [1]);
        assert_eq!(read(&storage)["b"], [2, 5, 8, 11, 14]);
        let counts = again.dead_letters("by-stream").unwrap().counts().await.unwrap();
        assert_eq!((counts.keys, counts.letters), (1, 4));
        // Status says so, from any runtime.
        let status = again.status().await.unwrap().projectors.remove(0);
        assert_eq!((status.parking.keys, status.parking.letters), (1, 4));
        assert_eq!(status.scanned.get(), 14);
    }
}

#[tokio::test]
async fn nothing_after_it_is_applied_where_the_projector_is_parked() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, &["a", "b"], 8).await;
    let plan = Plan::failing([(3, Fault::Always)]);
    let runtime = runtime!(events, storage, ByProjector { plan: plan.clone() });
    runtime.catch_up().await.unwrap();
    assert_eq!(read(&storage), shelves([("a", &[1]), ("b", &[2])]));
    let counts = runtime.dead_letters("by-projector").unwrap().counts().await.unwrap();
    assert_eq!((counts.keys, counts.letters), (1, 6));
}

#[tokio::test]
async fn nothing_after_it_of_its_domain_is_applied_where_the_domain_is_parked() {
    for batch in [1, 1_000] {
        let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
        append_in_turn(&events, &["a", "b"], 8).await;
        for (stream, n) in [("a", 9), ("c", 10)] {
            let lent = vec![NewEvent::of(&Lent { n }).unwrap()];
            events.append(AppendRequest::new(stream, Expected::Any, lent)).await.unwrap();
        }
        append(&events, "c", 11).await;
        let plan = Plan::failing([(3, Fault::Always)]);
        let builder = Runtime::builder(events).without_linked().storage(storage.clone());
        let builder = builder.projector(ByDomain { plan }).batch_events(batch);
        let runtime = builder.build().await.unwrap();
        runtime.catch_up().await.unwrap();
        // Also of the stream of which an event of the other domain is parked.
        assert_eq!(read(&storage), shelves([("a", &[1, 9]), ("b", &[2]), ("c", &[10])]));
        let letters = runtime.dead_letters("by-domain").unwrap();
        let all = letters.list(&LetterQuery::first(10)).await.unwrap();
        let positions: Vec<_> = all.iter().map(|letter| letter.position.get()).collect();
        assert_eq!(positions, [3, 4, 5, 6, 7, 8, 11]);
        assert!(all.iter().all(|letter| letter.park_key == "books"), "{all:?}");
    }
}

#[tokio::test]
async fn a_skipped_event_is_counted_and_its_stream_goes_on() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, &["a", "b"], 8).await;
    let plan = Plan::failing([(3, Fault::Always)]);
    let runtime = runtime!(events, storage, Skipping { plan });
    runtime.catch_up().await.unwrap();
    assert_eq!(read(&storage), shelves([("a", &[1, 5, 7]), ("b", &[2, 4, 6, 8])]));
    let counts = runtime.dead_letters("skipping").unwrap().counts().await.unwrap();
    assert_eq!((counts.letters, counts.passed.skipped), (0, 1));
}

/// Acceptance line 32: each is tried as often as it may be, and parked; the page is left.
#[tokio::test]
async fn a_page_full_of_permanent_poison_is_parked_and_left() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, &["a", "b", "c", "d", "e"], 50).await;
    let plan = Plan::failing((1..=50).map(|n| (n, Fault::Permanent)));
    let runtime = runtime!(events, storage, ByStream { plan: plan.clone() });
    runtime.catch_up().await.unwrap();
    assert!(read(&storage).is_empty());
    let counts = runtime.dead_letters("by-stream").unwrap().counts().await.unwrap();
    assert_eq!((counts.keys, counts.letters), (5, 50));
    let calls: usize = (1..=50).map(|n| plan.calls_of(n)).sum();
    assert_eq!(calls, 5);
}

#[tokio::test]
async fn a_running_projector_with_something_parked_is_parked_and_not_healthy() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, &["a", "b"], 4).await;
    let plan = Plan::failing([(1, Fault::Permanent)]);
    let runtime = runtime!(events, storage, ByStream { plan });
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(std::future::pending()).await }
    });
    let token = append(&events, "b", 5).await.token();
    runtime.wait_for("by-stream", &token, std::time::Duration::from_secs(20)).await.unwrap();
    let status = runtime.status().await.unwrap().projectors.remove(0);
    assert_eq!(status.state, State::Parked);
    assert!(!status.state.is_healthy());
    running.abort();
}

books!(MovedByStream, "moved", retry(none));
books!(MovedByDomain, "moved", retry(none), park_by = "domain");

/// Keys by the function that `park_by = "stream"` is.
#[projections::projector("moved", storage = MemoryStorage, register = false, retry(none))]
#[derive(Clone)]
struct MovedByFunction {
    plan: Plan,
}

#[projections::handlers]
impl MovedByFunction {
    #[park_key]
    fn key(at: &projections::Envelope) -> &str {
        at.stream()
    }

    #[handles(crate::books::Written)]
    fn written(
        &self,
        event: &crate::books::Written,
        at: &projections::Envelope,
        db: &mut projections::testing::MemoryTx<'_>,
    ) -> Result<(), projections::BoxError> {
        crate::books::write(db, at.stream(), event.n);
        self.plan.run(event.n)
    }
}

/// What waits has the key of the code before: another one would let later events of its stream pass.
#[tokio::test]
async fn another_key_goes_on_only_when_nothing_is_parked() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, &["a", "b"], 6).await;
    let plan = Plan::failing([(3, Fault::Permanent)]);
    runtime!(events, storage, MovedByStream { plan: plan.clone() }).catch_up().await.unwrap();
    append_in_turn(&events, &["a", "b"], 2).await;
    // The same keys by another name are no change.
    runtime!(events, storage, MovedByFunction { plan: plan.clone() }).catch_up().await.unwrap();
    append_in_turn(&events, &["a", "b"], 2).await;
    let changed = runtime!(events, storage, MovedByDomain { plan: plan.clone() });
    let error = changed.catch_up().await.unwrap_err();
    let projections::HaltReason::StaleCode { reason } = &*error.halted()[0].reason else {
        panic!("{error}")
    };
    assert!(
        reason.contains("`park_by` or `#[park_key]` changed while 1 keys are parked"),
        "{reason}"
    );
    assert!(reason.contains("redrive or discard") && reason.contains("rebuild"), "{reason}");
    assert_eq!(read(&storage), shelves([("a", &[1]), ("b", &[2, 4, 6, 2])]));
    // The way out needs no other program.
    plan.repair();
    let letters = changed.dead_letters("moved").unwrap().with_this_code();
    assert_eq!(letters.redrive(projections::Chosen::All).await.unwrap().left, 0);
    changed.catch_up().await.unwrap();
    assert_eq!(read(&storage), shelves([("a", &[1, 3, 5, 1, 1]), ("b", &[2, 4, 6, 2, 2])]));
}
