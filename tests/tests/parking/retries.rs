//! Retries: acceptance lines 24 and 25, rule R17.

use std::time::Duration;

use projections::{Runtime, memory::MemoryEventStore, testing::MemoryStorage};

use crate::books::{Fault, Plan, append_in_turn, books, read, shelves};

books!(
    Patient,
    "patient",
    on_failure = "halt",
    retry(max = 4, initial = "1s", factor = 10, cap = "50s", jitter = 0.5)
);
books!(Plain, "plain");
books!(Hasty, "hasty", retry(none));
books!(Hourly, "hourly", retry(max = 3, initial = "1h", cap = "1h", jitter = 0.0));

async fn runtime_of<P>(
    events: &MemoryEventStore,
    storage: &MemoryStorage,
    projector: P,
) -> Runtime<MemoryEventStore>
where
    P: projections::Projector + projections::Handlers + Clone + Send + Sync + 'static,
{
    let runtime = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    runtime.projector(projector).build().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_event_that_fails_twice_is_applied_once_and_leaves_no_letter() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, &["a"], 30).await;
    let plan = Plan::failing([(14, Fault::Times(2))]);
    let runtime = runtime_of(&events, &storage, Plain { plan: plan.clone() }).await;
    runtime.catch_up().await.unwrap();
    let all: Vec<u64> = (1..=30).collect();
    assert_eq!(read(&storage), shelves([("a", &all)]));
    assert_eq!(plan.calls_of(14), 3);
    assert_eq!(runtime.dead_letters("plain").unwrap().counts().await.unwrap().letters, 0);
    let waits = plan.waits_of(14);
    for (wait, full) in waits.iter().zip([200, 400]) {
        let full = Duration::from_millis(full);
        // Timers tick in milliseconds.
        assert!(*wait >= full * 9 / 10 && *wait <= full + Duration::from_millis(2), "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn delays_grow_are_capped_and_jittered() {
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
        append_in_turn(&events, &["a"], 1).await;
        let plan = Plan::failing([(1, Fault::Always)]);
        let runtime = runtime_of(&events, &storage, Patient { plan: plan.clone() }).await;
        runtime.catch_up().await.unwrap_err();
        let waits = plan.waits_of(1);
        assert_eq!(waits.len(), 4);
        for (wait, full) in waits.iter().zip([1_000, 10_000, 50_000, 50_000]) {
            let full = Duration::from_millis(full);
            assert!(*wait >= full / 2 && *wait <= full + Duration::from_millis(2), "{waits:?}");
        }
        seen.extend(waits);
    }
    assert!(seen.len() > 16, "chance has no part in {seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_is_not_tried_again() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, &["a"], 5).await;
    let plan = Plan::failing([(3, Fault::Permanent)]);
    let runtime = runtime_of(&events, &storage, Plain { plan: plan.clone() }).await;
    runtime.catch_up().await.unwrap();
    assert_eq!(plan.calls_of(3), 1);
    assert_eq!(read(&storage), shelves([("a", &[1, 2])]));
}

#[tokio::test(start_paused = true)]
async fn no_retries_are_none() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, &["a"], 1).await;
    let plan = Plan::failing([(1, Fault::Always)]);
    let runtime = runtime_of(&events, &storage, Hasty { plan: plan.clone() }).await;
    runtime.catch_up().await.unwrap();
    assert_eq!(plan.calls_of(1), 1);
}

/// A wait of half a minute ends with the stop, and holds no other projector up.
#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_wait_for_a_retry_and_others_go_on() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, &["a"], 2).await;
    let plan = Plan::failing([(1, Fault::Always)]);
    let other = Plan::default();
    let runtime = Runtime::builder(events.clone())
        .without_linked()
        .storage(storage.clone())
        .projector(Patient { plan: plan.clone() })
        .projector(Plain { plan: other.clone() })
        .build()
        .await
        .unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(async { drop(stopped.await) }).await }
    });
    let token = append_token(&events).await;
    runtime.wait_for("plain", &token, Duration::from_secs(600)).await.unwrap();
    let is_retrying =
        |status: &projections::ProjectorStatus| status.state == projections::State::Retrying;
    let status = loop {
        let status = runtime.status().await.unwrap();
        let patient = status.projectors.into_iter().find(|one| one.projector == "patient").unwrap();
        if is_retrying(&patient) {
            break patient;
        }
        tokio::task::yield_now().await;
    };
    let told = status.last_error.unwrap();
    assert!(told.contains("attempt") && told.contains("position 1"), "{told}");
    let before = tokio::time::Instant::now();
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert!(before.elapsed() < Duration::from_millis(100), "{:?}", before.elapsed());
    assert_eq!(other.calls_of(2), 1);
}

async fn append_token(events: &MemoryEventStore) -> projections::Token {
    crate::books::append(events, "b", 3).await.token()
}

/// What failed belongs to the read model that is gone: the new one tries it as any other event.
#[tokio::test(start_paused = true)]
async fn a_rebuild_does_not_wait_for_the_next_attempt_at_an_event() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, &["a"], 5).await;
    let plan = Plan::failing([(3, Fault::Always)]);
    let runtime = runtime_of(&events, &storage, Hourly { plan: plan.clone() }).await;
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(std::future::pending()).await }
    });
    while runtime.status().await.unwrap().projectors[0].state != projections::State::Retrying {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    plan.repair();
    let before = tokio::time::Instant::now();
    runtime.rebuild("hourly").await.unwrap();
    assert!(before.elapsed() < Duration::from_secs(60), "{:?}", before.elapsed());
    assert_eq!(read(&storage), shelves([("a", &[1, 2, 3, 4, 5])]));
    running.abort();
}
