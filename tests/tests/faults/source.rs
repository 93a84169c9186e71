//! An event source that can fail.

use std::sync::Arc;

use projections::{
    EventSource, Filter, GlobalPosition, Page, PresenceStore, ReadError, ReadRequest, Scanned,
    SnapshotStore, StoreError, StoreId, sqlite::SqliteEventStore,
};

use crate::points::{Point, Points};

#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) events: SqliteEventStore,
    pub(crate) points: Points,
}

impl EventSource for Source {
    fn store_id(&self) -> StoreId {
        self.events.store_id()
    }

    fn label(&self) -> String {
        self.events.label()
    }

    async fn head(&self) -> Result<Option<Scanned>, StoreError> {
        self.points.pass(Point::ReadHead)?;
        self.events.head().await
    }

    async fn read(&self, request: ReadRequest<'_>) -> Result<Page, ReadError> {
        self.points.pass(Point::BeforeRead)?;
        let page = self.events.read(request).await?;
        self.points.pass(Point::AfterRead)?;
        Ok(page)
    }

    async fn count(
        &self,
        filter: &Filter,
        after: GlobalPosition,
        up_to: GlobalPosition,
    ) -> Result<u64, StoreError> {
        self.events.count(filter, after, up_to).await
    }

    async fn wait(&self, after: GlobalPosition) -> Result<(), StoreError> {
        self.events.wait(after).await
    }

    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        self.events.snapshots()
    }

    fn presences(&self) -> Option<Arc<dyn PresenceStore>> {
        self.events.presences()
    }
}
