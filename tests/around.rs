//! [`Around`]: an event store with something between it and who reads it. A test says in [`Hooks`]
//! what is different; all else is as in the store.

use std::sync::Arc;

use projections::{
    AppendError, AppendRequest, EventSource, EventStore, Filter, GlobalPosition, ImportChunk,
    ImportProgress, ImportReceipt, Page, PresenceStore, ReadError, ReadRequest, Receipt, Scanned,
    SnapshotStore, StoreError, StoreId, inline::Database,
};

/// An event store, and what is different about it.
#[derive(Clone, Debug)]
pub struct Around<S, H> {
    /// What is read and appended to in the end.
    pub inner: S,
    /// What stands between.
    pub hooks: H,
}

/// What stands between an event store and who reads it: each method is given what stands behind, and
/// does nothing else unless it is written out.
pub trait Hooks<S: EventSource>: Send + Sync + 'static {
    /// See [`EventSource::label`].
    fn label(&self, inner: &S) -> String {
        inner.label()
    }

    /// See [`EventSource::head`].
    fn head(&self, inner: &S) -> impl Future<Output = Result<Option<Scanned>, StoreError>> + Send {
        inner.head()
    }

    /// See [`EventSource::read`].
    fn read(
        &self,
        inner: &S,
        request: ReadRequest<'_>,
    ) -> impl Future<Output = Result<Page, ReadError>> + Send {
        inner.read(request)
    }

    /// See [`EventSource::snapshots`].
    fn snapshots(&self, inner: &S) -> Option<Arc<dyn SnapshotStore>> {
        inner.snapshots()
    }

    /// See [`EventStore::append`].
    fn append(
        &self,
        inner: &S,
        request: AppendRequest,
    ) -> impl Future<Output = Result<Receipt, AppendError>> + Send
    where
        S: EventStore,
    {
        inner.append(request)
    }
}

impl<S: EventSource, H: Hooks<S>> EventSource for Around<S, H> {
    fn store_id(&self) -> StoreId {
        self.inner.store_id()
    }

    fn label(&self) -> String {
        self.hooks.label(&self.inner)
    }

    async fn head(&self) -> Result<Option<Scanned>, StoreError> {
        self.hooks.head(&self.inner).await
    }

    async fn read(&self, request: ReadRequest<'_>) -> Result<Page, ReadError> {
        self.hooks.read(&self.inner, request).await
    }

    async fn count(
        &self,
        filter: &Filter,
        after: GlobalPosition,
        up_to: GlobalPosition,
    ) -> Result<u64, StoreError> {
        self.inner.count(filter, after, up_to).await
    }

    async fn wait(&self, after: GlobalPosition) -> Result<(), StoreError> {
        self.inner.wait(after).await
    }

    async fn now(&self) -> Result<jiff::Timestamp, StoreError> {
        self.inner.now().await
    }

    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        self.hooks.snapshots(&self.inner)
    }

    fn presences(&self) -> Option<Arc<dyn PresenceStore>> {
        self.inner.presences()
    }

    async fn unfinished_imports(&self) -> Result<Vec<ImportProgress>, StoreError> {
        self.inner.unfinished_imports().await
    }

    fn database(&self) -> Option<Database> {
        self.inner.database()
    }
}

impl<S: EventStore, H: Hooks<S>> EventStore for Around<S, H> {
    async fn append(&self, request: AppendRequest) -> Result<Receipt, AppendError> {
        self.hooks.append(&self.inner, request).await
    }

    async fn import(&self, chunk: ImportChunk) -> Result<ImportReceipt, AppendError> {
        self.inner.import(chunk).await
    }
}
