//! Side effects: acceptance line 39, rule R18.

use projections::{
    Chosen, Envelope, Runtime, handlers,
    memory::MemoryEventStore,
    projector,
    testing::{MemoryStorage, MemoryTx},
};

use crate::books::{Fault, Plan, Written, append_in_turn};

/// A page was lost: mail goes out.
#[derive(Clone, Debug, projections::Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "books")]
struct Lost {
    n: u64,
}

#[projector("mailer", storage = MemoryStorage, register = false, retry(none))]
#[derive(Clone)]
struct Mailer {
    plan: Plan,
    mail: Plan,
}

#[handlers]
impl Mailer {
    #[reset]
    fn clear(&self, db: &mut MemoryTx<'_>) {
        db.clear("books");
    }

    #[handles(Written)]
    fn written(&self, event: &Written, db: &mut MemoryTx<'_>) -> Result<(), projections::BoxError> {
        db.set("books", event.n.to_string(), event.n);
        self.plan.run(event.n)
    }

    #[handles(Lost, replay = "skip")]
    fn lost(&self, event: &Lost, at: &Envelope) -> Result<(), projections::BoxError> {
        assert!(!at.is_replay());
        self.mail.run(event.n)
    }
}

async fn lose(events: &MemoryEventStore, stream: &str, n: u64) {
    let event = projections::NewEvent::of(&Lost { n }).unwrap();
    let request = projections::AppendRequest::new(stream, projections::Expected::Any, vec![event]);
    projections::EventStore::append(events, request).await.unwrap();
}

async fn mailer(
    events: &MemoryEventStore,
    storage: &MemoryStorage,
    plan: &Plan,
    mail: &Plan,
) -> Runtime<MemoryEventStore> {
    let projector = Mailer { plan: plan.clone(), mail: mail.clone() };
    let runtime = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    runtime.projector(projector).build().await.unwrap()
}

#[tokio::test]
async fn effects_happen_once_for_what_is_live_and_never_for_history() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    let (plan, mail) = (Plan::default(), Plan::default());
    lose(&events, "a", 1).await; // history, when the projector first starts
    append_in_turn(&events, &["a"], 3).await;
    let runtime = mailer(&events, &storage, &plan, &mail).await;
    runtime.catch_up().await.unwrap();
    assert_eq!(mail.calls_of(1), 0, "the first start over old history");
    // Downtime is not replay.
    lose(&events, "a", 2).await;
    lose(&events, "b", 3).await;
    mailer(&events, &storage, &plan, &mail).await.catch_up().await.unwrap();
    assert_eq!((mail.calls_of(2), mail.calls_of(3)), (1, 1), "after downtime");
    let runtime = mailer(&events, &storage, &plan, &mail).await;
    runtime.rebuild("mailer").await.unwrap();
    assert_eq!((mail.calls_of(1), mail.calls_of(2), mail.calls_of(3)), (0, 1, 1), "a rebuild");
}

/// What its handler does cannot be taken back, so a neighbour that fails must not repeat it.
#[tokio::test]
async fn an_effect_is_not_repeated_because_a_neighbour_fails() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    let (plan, mail) = (Plan::failing([(3, Fault::Always)]), Plan::default());
    let runtime = mailer(&events, &storage, &plan, &mail).await;
    runtime.catch_up().await.unwrap(); // the first start, with an empty log
    append_in_turn(&events, &["a", "b"], 2).await;
    lose(&events, "c", 100).await;
    crate::books::append(&events, "a", 3).await; // fails
    lose(&events, "c", 101).await;
    lose(&events, "c", 102).await;
    crate::books::append(&events, "b", 4).await;
    runtime.catch_up().await.unwrap();
    for n in [100, 101, 102] {
        assert_eq!(mail.calls_of(n), 1, "{n}");
    }
    assert_eq!(storage.rows("books").len(), 3);
}

#[tokio::test]
async fn a_letter_remembers_whether_it_was_history() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    let (plan, mail) = (Plan::default(), Plan::failing([(7, Fault::Permanent)]));
    let runtime = mailer(&events, &storage, &plan, &mail).await;
    runtime.catch_up().await.unwrap();
    lose(&events, "a", 7).await;
    runtime.catch_up().await.unwrap();
    assert_eq!(mail.calls_of(7), 1);
    mail.repair();
    let letters = runtime.dead_letters("mailer").unwrap();
    letters.redrive(Chosen::All).await.unwrap();
    assert_eq!(mail.calls_of(7), 2, "a live letter, redriven");

    // Parked by a rebuild: a plain event before it, of its stream, fails then.
    lose(&events, "b", 8).await;
    crate::books::append(&events, "c", 9).await;
    lose(&events, "c", 10).await;
    runtime.catch_up().await.unwrap();
    assert_eq!((mail.calls_of(8), mail.calls_of(10)), (1, 1));
    let broken = mailer(&events, &storage, &Plan::failing([(9, Fault::Permanent)]), &mail).await;
    broken.rebuild("mailer").await.unwrap();
    let counts = broken.dead_letters("mailer").unwrap().counts().await.unwrap();
    assert_eq!(counts.letters, 2);
    let runtime = mailer(&events, &storage, &plan, &mail).await;
    let handled = runtime.dead_letters("mailer").unwrap().redrive(Chosen::All).await.unwrap();
    assert_eq!(handled.applied, 2);
    assert_eq!(mail.calls_of(10), 1, "a rebuild's letter, redriven");
}
