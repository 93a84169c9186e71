//! [`Deliveries`]: the log of a specification, which may hand events out again.

use std::sync::Arc;

use crate::{
    EventSource, Filter, GlobalPosition, Page, PresenceStore, ReadError, ReadRequest, Scanned,
    SnapshotStore, StoreError, StoreId, memory::MemoryEventStore,
};

/// So many positions before those that were asked for are handed out again.
const AGAIN: u64 = 3;

/// A log in memory. One that repeats hands out, with each page, events that were asked for before.
#[derive(Clone, Debug)]
pub(super) struct Deliveries {
    pub(super) events: MemoryEventStore,
    pub(super) repeats: bool,
}

impl EventSource for Deliveries {
    fn store_id(&self) -> StoreId {
        self.events.store_id()
    }

    fn label(&self) -> String {
        EventSource::label(&self.events)
    }

    async fn head(&self) -> Result<Option<Scanned>, StoreError> {
        self.events.head().await
    }

    async fn read(&self, request: ReadRequest<'_>) -> Result<Page, ReadError> {
        let page = self.events.read(request).await?;
        if !self.repeats || page.is_empty() {
            return Ok(page);
        }
        let earlier = GlobalPosition::new(request.after.get().saturating_sub(AGAIN));
        let again = self.events.count(request.filter, earlier, request.after).await?;
        let again = usize::try_from(again).unwrap_or(usize::MAX);
        let request = ReadRequest { after: earlier, ..request };
        self.events.read(request.at_most(page.len().saturating_add(again), usize::MAX)).await
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
        EventSource::snapshots(&self.events)
    }

    fn presences(&self) -> Option<Arc<dyn PresenceStore>> {
        EventSource::presences(&self.events)
    }
}
