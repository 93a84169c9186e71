//! Waits for what is parked: rule R30.

use std::time::Duration;

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
