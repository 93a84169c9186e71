//! Waits for what is parked: rule R30.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use projections::{
    Expected, Runtime, SyncMode, WaitError, memory::MemoryEventStore, testing::MemoryStorage,
};

use crate::books::{Fault, Plan, Written, append, append_in_turn, books};

books!(Books, "books", retry(none));

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_wait_for_what_is_parked_or_waits_behind_it_fails_at_once() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, &["a", "b"], 2).await;
    let plan = Plan::failing([(3, Fault::Permanent)]);
    let build = async || {
        Runtime::builder(events.clone())
            .without_linked()
            .storage(storage.clone())
            .projector(Books { plan: plan.clone() })
            .build()
            .await
            .unwrap()
    };
    let runtime = build().await;
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(std::future::pending()).await }
    });
    let parked = append(&events, "a", 3).await.token();
    let behind = append(&events, "a", 4).await.token();
    let beside = append(&events, "b", 5).await.token();
    // Here, and in a runtime that does not run it.
    for runtime in [&runtime, &build().await] {
        runtime.wait_for("books", &beside, LONG).await.unwrap();
        let error = runtime.wait_for("books", &parked, LONG).await.unwrap_err();
        assert!(matches!(error, WaitError::Parked { .. }), "{error}");
        assert!(error.to_string().contains("position 3: it is parked: handler `written` failed"));
        let error = runtime.wait_for("books", &behind, LONG).await.unwrap_err().to_string();
        assert!(error.contains("position 4: it waits behind that at position 3"), "{error}");
    }
    let synced = runtime.append("a", Expected::Any, [Written { n: 6 }]).sync(SyncMode::Simple);
    let error = synced.timeout(LONG).await.unwrap_err();
    assert!(error.to_string().contains("waits behind"), "{error}");
    // Once it is redriven, the same wait is over.
    plan.repair();
    let letters = runtime.dead_letters("books").unwrap();
    letters.redrive(projections::Chosen::All).await.unwrap();
    runtime.wait_for("books", &parked, LONG).await.unwrap();
    running.abort();
}

/// How a wait has ended, if it has.
type Answer = Option<Result<(), WaitError>>;

/// Looks how a wait ends in the moment in which the runner says that an event is parked.
struct AtTheLog {
    runtime: Runtime<MemoryEventStore>,
    wanted: projections::Token,
    answers: Arc<Mutex<Vec<Answer>>>,
}

/// What a future comes to without waiting.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

impl tracing::Subscriber for AtTheLog {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() == tracing::Level::ERROR
    }

    fn event(&self, _: &tracing::Event<'_>) {
        let answer = at_once(self.runtime.wait_for("books", &self.wanted, LONG));
        self.answers.lock().unwrap().push(answer);
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::Id {
        tracing::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::Id, _: &tracing::Id) {}

    fn enter(&self, _: &tracing::Id) {}

    fn exit(&self, _: &tracing::Id) {}
}

/// No moment is between the position that passes an event and the letter that says that it is parked.
#[tokio::test]
async fn a_wait_that_ends_while_its_event_is_being_parked_does_not_call_it_applied() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    let wanted = append(&events, "a", 1).await.token();
    let plan = Plan::failing([(1, Fault::Permanent)]);
    let builder = Runtime::builder(events).without_linked().storage(storage);
    let runtime = builder.projector(Books { plan }).build().await.unwrap();
    let answers = Arc::default();
    let seen = Arc::clone(&answers);
    let _told =
        tracing::subscriber::set_default(AtTheLog { runtime: runtime.clone(), wanted, answers });
    runtime.catch_up().await.unwrap();
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    assert!(
        matches!(seen[..], [Some(Err(WaitError::Parked { .. }))]),
        "the wait has ended otherwise, or not at all: {seen:?}"
    );
}
