//! `from = "now"` that is taken back.

use projections::{
    HaltReason, Runtime, handlers,
    memory::MemoryEventStore,
    projector,
    testing::{MemoryStorage, MemoryTx},
};
use projections_tests::ledger::Added;

use crate::support::append;

#[projector("pinned", storage = MemoryStorage, register = false)]
#[derive(Clone)]
struct Pinned;

#[handlers]
impl Pinned {
    #[reset]
    fn clear(&self, db: &mut MemoryTx<'_>) {
        db.clear("rows");
    }

    #[handles(Added, from = "now")]
    fn added(&self, event: &Added, db: &mut MemoryTx<'_>) {
        db.set("rows", format!("{:03}", event.n), event.n);
    }
}

#[projector("pinned", storage = MemoryStorage, register = false)]
#[derive(Clone)]
struct Unpinned;

#[handlers]
impl Unpinned {
    #[reset]
    fn clear(&self, db: &mut MemoryTx<'_>) {
        db.clear("rows");
    }

    #[handles(Added)]
    fn added(&self, event: &Added, db: &mut MemoryTx<'_>) {
        db.set("rows", format!("{:03}", event.n), event.n);
    }
}

#[tokio::test]
async fn a_handler_that_is_not_from_now_any_longer_takes_everything_or_refuses() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, 0..10).await;
    let builder = || Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    let pinned = builder().projector(Pinned).build().await.unwrap();
    pinned.catch_up().await.unwrap();
    append(&events, 10..15).await;
    pinned.catch_up().await.unwrap();
    assert_eq!(storage.rows("rows").len(), 5);
    // A rebuild keeps the place where the handler begins.
    pinned.rebuild("pinned").await.unwrap();
    assert_eq!(storage.rows("rows").len(), 5);

    let unpinned = builder().projector(Unpinned).build().await.unwrap();
    let error = unpinned.catch_up().await.unwrap_err();
    assert!(matches!(&*error.halted()[0].reason, HaltReason::StaleCode { .. }), "{error}");
    assert!(error.to_string().contains("10 of them were passed"), "{error}");
    unpinned.rebuild("pinned").await.unwrap();
    assert_eq!(storage.rows("rows").len(), 15);
}
