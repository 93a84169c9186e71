//! Sources that hand events out again, as a reader does that starts over.

use projections::{
    Envelope, EventSource, Filter, GlobalPosition, Page, ReadError, ReadRequest, Runtime, Scanned,
    StoreError, StoreId, handlers,
    memory::MemoryEventStore,
    projector,
    testing::{MemoryStorage, MemoryTx},
};
use projections_tests::ledger::Added;

use crate::support::append;

/// Where there is something new, it hands out all events from the first.
#[derive(Clone)]
struct StartsOver(MemoryEventStore);

impl EventSource for StartsOver {
    fn store_id(&self) -> StoreId {
        self.0.store_id()
    }

    fn label(&self) -> String {
        "memory, over and over".to_owned()
    }

    async fn head(&self) -> Result<Option<Scanned>, StoreError> {
        self.0.head().await
    }

    async fn read(&self, request: ReadRequest<'_>) -> Result<Page, ReadError> {
        let page = self.0.read(request).await?;
        match page.is_empty() {
            true => Ok(page),
            false => self.0.read(ReadRequest::new(GlobalPosition::BEGINNING, request.filter)).await,
        }
    }

    async fn count(
        &self,
        filter: &Filter,
        after: GlobalPosition,
        up_to: GlobalPosition,
    ) -> Result<u64, StoreError> {
        self.0.count(filter, after, up_to).await
    }

    async fn wait(&self, after: GlobalPosition) -> Result<(), StoreError> {
        self.0.wait(after).await
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
    let runtime = Runtime::builder(StartsOver(events.clone()))
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
