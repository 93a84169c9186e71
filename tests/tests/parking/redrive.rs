//! Redrive and discard: acceptance line 28, rules R14 and R15.

use projections::{
    Chosen, Envelope, LetterQuery, RedriveError, Runtime, handlers,
    memory::MemoryEventStore,
    projector,
    testing::{MemoryStorage, MemoryTx},
};

use crate::books::{Fault, Plan, Written, append, append_in_turn, books, read, shelves};

books!(Books, "books", retry(none));

struct Shop {
    events: MemoryEventStore,
    storage: MemoryStorage,
    plan: Plan,
    runtime: Runtime<MemoryEventStore>,
}

/// Twelve events of three streams, of which the fourth fails: 4, 7 and 10 of `a` are parked.
async fn shop() -> Shop {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, &["a", "b", "c"], 12).await;
    let plan = Plan::failing([(4, Fault::Always)]);
    let runtime = Runtime::builder(events.clone())
        .without_linked()
        .storage(storage.clone())
        .projector(Books { plan: plan.clone() })
        .build()
        .await
        .unwrap();
    runtime.catch_up().await.unwrap();
    Shop { events, storage, plan, runtime }
}

impl Shop {
    fn letters(&self) -> projections::DeadLetters<MemoryEventStore> {
        self.runtime.dead_letters("books").unwrap()
    }

    async fn parked(&self) -> Vec<u64> {
        let all = self.letters().list(&LetterQuery::first(100)).await.unwrap();
        all.iter().map(|letter| letter.position.get()).collect()
    }

    fn read(&self, stream: &str) -> Vec<u64> {
        read(&self.storage).remove(stream).unwrap_or_default()
    }
}

#[tokio::test]
async fn redrive_applies_the_stream_in_order_and_it_flows_again() {
    for chosen in [Chosen::All, Chosen::Key("a".to_owned()), Chosen::Event(4.into())] {
        let shop = shop().await;
        shop.plan.repair();
        let handled = shop.letters().redrive(chosen.clone()).await.unwrap();
        assert_eq!((handled.applied, handled.left), (3, 0), "{chosen:?}");
        assert_eq!(shop.read("a"), [1, 4, 7, 10]);
        assert!(shop.parked().await.is_empty());
        append(&shop.events, "a", 13).await;
        shop.runtime.catch_up().await.unwrap();
        assert_eq!(shop.read("a"), [1, 4, 7, 10, 13]);
    }
}

#[tokio::test]
async fn redrive_while_the_projector_runs() {
    let shop = shop().await;
    let running = tokio::spawn({
        let runtime = shop.runtime.clone();
        async move { runtime.run(std::future::pending()).await }
    });
    shop.plan.repair();
    let handled = shop.letters().redrive(Chosen::All).await.unwrap();
    assert_eq!(handled.applied, 3);
    let token = append(&shop.events, "a", 13).await.token();
    shop.runtime.wait_for("books", &token, std::time::Duration::from_secs(20)).await.unwrap();
    assert_eq!(shop.read("a"), [1, 4, 7, 10, 13]);
    running.abort();
}

/// As the command line does beside a service: its owner does it, and goes on.
#[tokio::test]
async fn redrive_while_another_runtime_runs_the_projector() {
    let shop = shop().await;
    let running = tokio::spawn({
        let runtime = shop.runtime.clone();
        async move { runtime.run(std::future::pending()).await }
    });
    let token = append(&shop.events, "b", 13).await.token();
    shop.runtime.wait_for("books", &token, std::time::Duration::from_secs(20)).await.unwrap();
    shop.plan.repair();
    let other = Runtime::builder(shop.events.clone())
        .without_linked()
        .storage(shop.storage.clone())
        .projector(Books { plan: shop.plan.clone() })
        .build()
        .await
        .unwrap();
    let handled = other.dead_letters("books").unwrap().redrive(Chosen::All).await.unwrap();
    assert_eq!((handled.applied, handled.left), (3, 0));
    // Its owner knows that nothing waits any longer.
    let token = append(&shop.events, "a", 14).await.token();
    shop.runtime.wait_for("books", &token, std::time::Duration::from_secs(20)).await.unwrap();
    assert_eq!(shop.read("a"), [1, 4, 7, 10, 14]);
    assert!(!running.is_finished());
    running.abort();
}

#[tokio::test]
async fn a_redrive_that_fails_parks_again_and_loses_nothing() {
    let shop = shop().await;
    let handled = shop.letters().redrive(Chosen::All).await.unwrap();
    assert_eq!((handled.applied, handled.left), (0, 3));
    let failure = handled.failed[0].failure.as_ref().unwrap();
    assert_eq!((handled.failed[0].position.get(), failure.attempts), (4, 2));
    assert_eq!(shop.parked().await, [4, 7, 10]);
    assert_eq!(shop.read("a"), [1]);
    // Half-way: the third of them fails now.
    shop.plan.repair();
    let poison = Plan::failing([(7, Fault::Always)]);
    let runtime = Runtime::builder(shop.events.clone())
        .without_linked()
        .storage(shop.storage.clone())
        .projector(Books { plan: poison.clone() })
        .build()
        .await
        .unwrap();
    let letters = runtime.dead_letters("books").unwrap();
    let handled = letters.redrive(Chosen::All).await.unwrap();
    assert_eq!((handled.applied, handled.left, handled.failed.len()), (1, 2, 1));
    assert_eq!(shop.read("a"), [1, 4]);
    poison.repair();
    letters.redrive(Chosen::All).await.unwrap();
    assert_eq!(shop.read("a"), [1, 4, 7, 10]);
}

#[tokio::test]
async fn discard_drops_one_event_and_lets_the_rest_go_on() {
    let shop = shop().await;
    let handled = shop.letters().discard(Chosen::Event(4.into())).await.unwrap();
    assert_eq!((handled.discarded, handled.applied, handled.left), (1, 2, 0));
    assert_eq!(shop.read("a"), [1, 7, 10]);
    assert_eq!(shop.letters().counts().await.unwrap().passed.discarded, 1);
    append(&shop.events, "a", 13).await;
    shop.runtime.catch_up().await.unwrap();
    assert_eq!(shop.read("a"), [1, 7, 10, 13]);
}

#[tokio::test]
async fn discard_of_one_that_waits_leaves_the_others_waiting() {
    let shop = shop().await;
    let handled = shop.letters().discard(Chosen::Event(7.into())).await.unwrap();
    assert_eq!((handled.discarded, handled.applied, handled.left), (1, 0, 2));
    assert_eq!(shop.parked().await, [4, 10]);
    let handled = shop.letters().discard(Chosen::Key("a".to_owned())).await.unwrap();
    assert_eq!((handled.discarded, handled.left), (2, 0));
    assert_eq!(shop.read("a"), [1]);
}

#[tokio::test]
async fn what_is_not_parked_is_told() {
    let shop = shop().await;
    let error = shop.letters().redrive(Chosen::Event(5.into())).await.unwrap_err();
    assert_eq!(error.to_string(), "projector `books` has not parked the event at position 5");
    let error = shop.letters().discard(Chosen::Key("b".to_owned())).await.unwrap_err();
    assert_eq!(error.to_string(), "projector `books` has not parked `b`");
    let error = shop.letters().redrive(Chosen::Event(10.into())).await.unwrap_err();
    assert!(matches!(error, RedriveError::NotFirst { .. }), "{error}");
    assert!(error.to_string().contains("waits behind that at position 4"), "{error}");
    assert_eq!(shop.parked().await, [4, 7, 10]);
}

/// Rule R15: a rebuild begins without letters, whether or not the bug is repaired.
#[tokio::test]
async fn a_rebuild_forgets_the_letters_of_the_read_model_that_was() {
    let shop = shop().await;
    shop.runtime.rebuild("books").await.unwrap();
    assert_eq!(shop.parked().await, [4, 7, 10]);
    assert_eq!(shop.read("a"), [1]);
    shop.plan.repair();
    shop.letters().redrive_by_rebuild().await.unwrap();
    assert!(shop.parked().await.is_empty());
    let all = shelves([("a", &[1, 4, 7, 10]), ("b", &[2, 5, 8, 11]), ("c", &[3, 6, 9, 12])]);
    assert_eq!(read(&shop.storage), all);
}

/// The last writer of one row, over all streams.
#[projector("last-writer", storage = MemoryStorage, register = false, retry(none))]
#[derive(Clone)]
struct LastWriter {
    plan: Plan,
}

#[handlers]
impl LastWriter {
    #[reset]
    fn clear(&self, db: &mut MemoryTx<'_>) {
        db.clear("last");
    }

    #[handles(Written)]
    fn written(
        &self,
        event: &Written,
        at: &Envelope,
        db: &mut MemoryTx<'_>,
    ) -> Result<(), projections::BoxError> {
        db.set("last", "writer", event.n);
        db.set("last", "late", at.is_redriven());
        self.plan.run(event.n)
    }
}

/// Rule R14.
#[tokio::test]
async fn where_keys_do_not_commute_a_rebuild_is_the_exact_repair() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, &["a", "b"], 2).await;
    let plan = Plan::failing([(1, Fault::Always)]);
    let runtime = Runtime::builder(events)
        .without_linked()
        .storage(storage.clone())
        .projector(LastWriter { plan: plan.clone() })
        .build()
        .await
        .unwrap();
    runtime.catch_up().await.unwrap();
    let row = |key: &str| storage.rows("last")[key].clone();
    assert_eq!(row("writer"), 2);
    plan.repair();
    let letters = runtime.dead_letters("last-writer").unwrap();
    letters.redrive(Chosen::All).await.unwrap();
    assert_eq!((row("writer"), row("late")), (1.into(), true.into()), "the late order");
    letters.redrive_by_rebuild().await.unwrap();
    assert_eq!((row("writer"), row("late")), (2.into(), false.into()), "the order of the log");
}
