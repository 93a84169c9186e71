//! A source of the user's own that panics.

use projections::{EventSource, Page, ReadError, ReadRequest, Runtime, memory::MemoryEventStore};
use projections_tests::around::{Around, Hooks};

use crate::support::{append, soon};

struct Panicking;

impl Hooks<MemoryEventStore> for Panicking {
    async fn read(
        &self,
        events: &MemoryEventStore,
        request: ReadRequest<'_>,
    ) -> Result<Page, ReadError> {
        assert!(request.filter.is_empty(), "it cannot be read");
        events.read(request).await
    }
}

#[tokio::test]
async fn a_panic_outside_handlers_halts_the_projector_by_name() {
    let events = MemoryEventStore::new();
    let source = Around { inner: events.clone(), hooks: Panicking };
    let runtime = Runtime::builder(source).only(["ledger-in-process"]);
    let runtime = runtime.build().await.unwrap();
    append(&events, 0..1).await;
    let error = soon(runtime.run(std::future::pending())).await.unwrap_err();
    assert_eq!(error.halted()[0].projector, "ledger-in-process");
    assert!(error.to_string().contains("it cannot be read"), "{error}");
    let token = append(&events, 1..2).await.token();
    let waited = runtime.wait_for("ledger-in-process", &token, crate::support::LONG).await;
    assert!(matches!(waited, Err(projections::WaitError::Halted(_))), "{waited:?}");
}
