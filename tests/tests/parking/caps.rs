//! Caps: acceptance line 33, rule R17. Each halts at exactly its number.

use projections::{HaltReason, Runtime, memory::MemoryEventStore, testing::MemoryStorage};

use crate::books::{Fault, Plan, append_in_turn, books, read};

books!(PerKey, "per-key", retry(none), park(per_key = 3));
books!(Keys, "keys", retry(none), park(keys = 2));
books!(Total, "total", retry(none), park(total = 4));

async fn halts<P>(projector: P, streams: &[&str], plan: &Plan) -> (u64, String, u64)
where
    P: projections::Projector + projections::Handlers + Clone + Send + Sync + 'static,
{
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, streams, 20).await;
    let runtime = Runtime::builder(events).without_linked().storage(storage.clone());
    let runtime = runtime.projector(projector).build().await.unwrap();
    let error = runtime.catch_up().await.unwrap_err();
    let HaltReason::ParkedFull { position, .. } = &*error.halted()[0].reason else {
        panic!("{error}")
    };
    let letters = runtime.dead_letters(P::NAME).unwrap().counts().await.unwrap().letters;
    // The next start halts there again, and nothing is lost or parked meanwhile.
    assert!(runtime.catch_up().await.is_err());
    let again = runtime.dead_letters(P::NAME).unwrap().counts().await.unwrap().letters;
    assert_eq!(letters, again);
    // What is discarded makes room.
    plan.repair();
    runtime.dead_letters(P::NAME).unwrap().redrive(projections::Chosen::All).await.unwrap();
    runtime.catch_up().await.unwrap();
    let applied: usize = read(&storage).values().map(Vec::len).sum();
    assert_eq!(applied, 20);
    (position.get(), error.to_string(), letters)
}

#[tokio::test]
async fn as_many_events_wait_behind_one_as_may() {
    let plan = Plan::failing([(1, Fault::Always)]);
    let (position, text, letters) = halts(PerKey { plan: plan.clone() }, &["a", "b"], &plan).await;
    // 3, 5 and 7 wait behind 1; 9 may not.
    assert_eq!((position, letters), (9, 4));
    assert!(
        text.contains("3 events of its key wait already, which is the cap `per_key`"),
        "{text}"
    );
}

#[tokio::test]
async fn as_many_keys_are_parked_as_may_be() {
    let plan = Plan::failing([1, 2, 3].map(|n| (n, Fault::Permanent)));
    let streams = ["a", "b", "c", "d"];
    let (position, text, letters) = halts(Keys { plan: plan.clone() }, &streams, &plan).await;
    assert_eq!((position, letters), (3, 2));
    assert!(text.contains("2 keys are parked already, which is the cap `keys`"), "{text}");
}

#[tokio::test]
async fn as_many_events_are_parked_in_all_as_may_be() {
    let plan = Plan::failing([1, 2].map(|n| (n, Fault::Permanent)));
    let streams = ["a", "b", "c"];
    let (position, text, letters) = halts(Total { plan: plan.clone() }, &streams, &plan).await;
    // 1, 2, 4 and 5.
    assert_eq!((position, letters), (7, 4));
    assert!(
        text.contains("4 events are parked or wait already, which is the cap `total`"),
        "{text}"
    );
}
