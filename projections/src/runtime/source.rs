//! [`Source`]: an event source whose type is forgotten, so that the runner is compiled once.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    EventSource, Filter, GlobalPosition, ImportProgress, Page, ReadError, ReadRequest, Scanned,
    StoreError, StoreId, engine::BoxFuture,
};

/// [`EventSource`] with boxed futures: one a page, never one an event.
pub(crate) trait Source: Send + Sync {
    fn store_id(&self) -> StoreId;
    fn label(&self) -> String;
    fn head(&self) -> BoxFuture<'_, Result<Option<Scanned>, StoreError>>;
    fn read<'a>(&'a self, request: ReadRequest<'a>) -> BoxFuture<'a, Result<Page, ReadError>>;
    fn count<'a>(
        &'a self,
        filter: &'a Filter,
        after: GlobalPosition,
        up_to: GlobalPosition,
    ) -> BoxFuture<'a, Result<u64, StoreError>>;
    fn wait(&self, after: GlobalPosition) -> BoxFuture<'_, Result<(), StoreError>>;
    fn now(&self) -> BoxFuture<'_, Result<Timestamp, StoreError>>;
    fn unfinished_imports(&self) -> BoxFuture<'_, Result<Vec<ImportProgress>, StoreError>>;
}

impl<S: EventSource> Source for S {
    fn store_id(&self) -> StoreId {
        EventSource::store_id(self)
    }

    fn label(&self) -> String {
        EventSource::label(self)
    }

    fn head(&self) -> BoxFuture<'_, Result<Option<Scanned>, StoreError>> {
        Box::pin(EventSource::head(self))
    }

    fn read<'a>(&'a self, request: ReadRequest<'a>) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(EventSource::read(self, request))
    }

    fn count<'a>(
        &'a self,
        filter: &'a Filter,
        after: GlobalPosition,
        up_to: GlobalPosition,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(EventSource::count(self, filter, after, up_to))
    }

    fn wait(&self, after: GlobalPosition) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(EventSource::wait(self, after))
    }

    fn now(&self) -> BoxFuture<'_, Result<Timestamp, StoreError>> {
        Box::pin(EventSource::now(self))
    }

    fn unfinished_imports(&self) -> BoxFuture<'_, Result<Vec<ImportProgress>, StoreError>> {
        Box::pin(EventSource::unfinished_imports(self))
    }
}

/// Tells whether the log still holds this event where it was.
pub(crate) async fn verify(
    source: &Arc<dyn Source>,
    seen: Option<Scanned>,
) -> Result<(), ReadError> {
    let Some(seen) = seen else { return Ok(()) };
    let nothing = Filter::none();
    let request = ReadRequest::new(seen.position, &nothing).verifying(Some(seen)).at_most(1, 1);
    source.read(request).await.map(|_| ())
}

/// Returns when the oldest matching event after a position was stored.
pub(crate) async fn oldest_after(
    source: &Arc<dyn Source>,
    filter: &Filter,
    after: GlobalPosition,
) -> Result<Option<Timestamp>, ReadError> {
    let mut after = after;
    loop {
        let page = source.read(ReadRequest::new(after, filter).at_most(1, 1)).await?;
        if let Some(event) = page.events().next() {
            return Ok(Some(event.recorded_at()));
        }
        match page.scanned() {
            Some(scanned) => after = scanned.position,
            None => return Ok(None),
        }
    }
}
