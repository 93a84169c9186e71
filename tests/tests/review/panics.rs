//! A source of the user's own that panics.

use projections::{
    EventSource, Filter, GlobalPosition, Page, ReadError, ReadRequest, Runtime, Scanned,
    StoreError, StoreId, memory::MemoryEventStore,
};

use crate::support::{append, soon};

struct Panicking(MemoryEventStore);

impl EventSource for Panicking {
    fn store_id(&self) -> StoreId {
        self.0.store_id()
    }

    fn label(&self) -> String {
        "panicking".to_owned()
    }

    async fn head(&self) -> Result<Option<Scanned>, StoreError> {
        self.0.head().await
    }

    async fn read(&self, request: ReadRequest<'_>) -> Result<Page, ReadError> {
        assert!(request.filter.is_empty(), "it cannot be read");
        self.0.read(request).await
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

#[tokio::test]
async fn a_panic_outside_handlers_halts_the_projector_by_name() {
    let events = MemoryEventStore::new();
    let runtime = Runtime::builder(Panicking(events.clone())).only(["ledger-in-process"]);
    let runtime = runtime.build().await.unwrap();
    append(&events, 0..1).await;
    let error = soon(runtime.run(std::future::pending())).await.unwrap_err();
    assert_eq!(error.halted()[0].projector, "ledger-in-process");
    assert!(error.to_string().contains("it cannot be read"), "{error}");
    let token = append(&events, 1..2).await.token();
    let waited = runtime.wait_for("ledger-in-process", &token, crate::support::LONG).await;
    assert!(matches!(waited, Err(projections::WaitError::Halted(_))), "{waited:?}");
}
