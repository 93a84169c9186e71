//! Sources that hand events out again, as a reader does that starts over.

use projections::{
    Envelope, EventSource, GlobalPosition, Page, ReadError, ReadRequest, Runtime, handlers,
    memory::MemoryEventStore,
    projector,
    testing::{MemoryStorage, MemoryTx},
};
use projections_tests::{
    around::{Around, Hooks},
    ledger::Added,
};

use crate::support::append;

/// Where there is something new, all events are handed out from the first.
struct StartsOver;

impl Hooks<MemoryEventStore> for StartsOver {
    async fn read(
        &self,
        events: &MemoryEventStore,
        request: ReadRequest<'_>,
    ) -> Result<Page, ReadError> {
        let page = events.read(request).await?;
        match page.is_empty() {
            true => Ok(page),
            false => events.read(ReadRequest::new(GlobalPosition::BEGINNING, request.filter)).await,
        }
    }
}

#[projector("stored", storage = MemoryStorage, register = false)]
#[derive(Clone)]
struct Stored;

#[handlers]
impl Stored {
    #[handles(Added)]
    fn added(&self, event: &Added, at: &Envelope, db: &mut MemoryTx<'_>) {
        let times = db.get("times", &event.n.to_string()).and_then(|n| n.as_u64()).unwrap_or(0);
        db.set("times", event.n.to_string(), times + 1);
        assert_eq!(at.position().get(), event.n);
    }
}

#[projector("in-process", register = false)]
#[derive(Clone, Default)]
struct InProcess {
    seen: Vec<u64>,
}

#[handlers]
impl InProcess {
    #[handles(Added)]
    fn added(&mut self, event: &Added) {
        self.seen.push(event.n);
    }
}

#[tokio::test]
async fn what_a_source_hands_out_again_is_passed_over() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    let runtime = Runtime::builder(Around { inner: events.clone(), hooks: StartsOver })
        .without_linked()
        .storage(storage.clone())
        .projector(Stored)
        .projector(InProcess::default())
        .build()
        .await
        .unwrap();
    for numbers in [1..=3, 4..=4, 5..=9] {
        append(&events, "a", numbers).await;
        runtime.catch_up().await.unwrap();
    }
    let times = storage.rows("times");
    assert_eq!(times.len(), 9);
    assert!(times.values().all(|times| *times == 1), "{times:?}");
    let seen = runtime.read::<InProcess, _>(|state| state.seen.clone()).await.unwrap();
    assert_eq!(seen, (1..=9).collect::<Vec<_>>());
}
