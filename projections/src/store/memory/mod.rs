//! An event store in memory, for tests and examples.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use jiff::Timestamp;
use tokio::sync::watch;

use self::log::Log;
use crate::{
    AppendError, AppendRequest, EventSource, EventStore, Filter, GlobalPosition, ImportChunk,
    ImportProgress, ImportReceipt, Page, PresenceStore, ReadError, ReadRequest, Receipt, Scanned,
    SnapshotStore, StoreError, StoreErrorKind, StoreId, presence::MemoryPresences,
    snapshot::MemorySnapshots, source,
};

mod log;

/// An event store that lives as long as its handles: for tests, examples and demonstrations.
///
/// It keeps every rule that the stores on disk keep, but durability. Clones share the events.
///
/// ```
/// use projections::{
///     AppendRequest, EventSource, EventStore, Expected, Filter, GlobalPosition, NewEvent, ReadRequest,
///     memory::MemoryEventStore,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let events = MemoryEventStore::new();
/// let placed = NewEvent::json("OrderPlaced", r#"{"order":7}"#).in_domain("orders");
/// let receipt = events.append(AppendRequest::new("order-7", Expected::NoStream, vec![placed])).await?;
/// assert_eq!(receipt.first, GlobalPosition::new(1));
///
/// let orders = Filter::none().domain("orders");
/// let page = events.read(ReadRequest::new(GlobalPosition::BEGINNING, &orders)).await?;
/// let placed = page.events().next().unwrap();
/// assert_eq!((placed.stream(), placed.name()), ("order-7", "OrderPlaced"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryEventStore {
    shared: Arc<Shared>,
}

struct Shared {
    id: StoreId,
    log: RwLock<Log>,
    snapshots: MemorySnapshots,
    presences: MemoryPresences,
    /// The head, for those who wait; it is raised after the events can be read.
    head: watch::Sender<GlobalPosition>,
}

impl MemoryEventStore {
    /// Makes an empty store with an identity of its own.
    #[must_use]
    pub fn new() -> Self {
        let head = watch::Sender::new(GlobalPosition::BEGINNING);
        let shared = Shared {
            id: StoreId::random(),
            log: RwLock::default(),
            snapshots: MemorySnapshots::default(),
            presences: MemoryPresences::default(),
            head,
        };
        Self { shared: Arc::new(shared) }
    }

    // A poisoned lock is taken all the same: `Log` is changed only once nothing can fail.
    fn log(&self) -> RwLockReadGuard<'_, Log> {
        self.shared.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn log_mut(&self) -> RwLockWriteGuard<'_, Log> {
        self.shared.log.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self, head: GlobalPosition) {
        self.shared.head.send_if_modified(|known| {
            let risen = head > *known;
            *known = head.max(*known);
            risen
        });
    }
}

impl Default for MemoryEventStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryEventStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryEventStore")
            .field("id", &self.shared.id)
            .field("head", &*self.shared.head.borrow())
            .finish_non_exhaustive()
    }
}

impl EventSource for MemoryEventStore {
    fn store_id(&self) -> StoreId {
        self.shared.id
    }

    fn label(&self) -> String {
        "memory".to_owned()
    }

    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        Some(Arc::new(self.shared.snapshots.clone()))
    }

    fn presences(&self) -> Option<Arc<dyn PresenceStore>> {
        Some(Arc::new(self.shared.presences.clone()))
    }

    async fn head(&self) -> Result<Option<Scanned>, StoreError> {
        Ok(self.log().head())
    }

    async fn read(&self, request: ReadRequest<'_>) -> Result<Page, ReadError> {
        self.log().read(&request)
    }

    async fn count(
        &self,
        filter: &Filter,
        after: GlobalPosition,
        up_to: GlobalPosition,
    ) -> Result<u64, StoreError> {
        Ok(self.log().count(filter, after, up_to))
    }

    async fn wait(&self, after: GlobalPosition) -> Result<(), StoreError> {
        // Subscribing comes before comparing, so an append in between is not missed.
        let mut head = self.shared.head.subscribe();
        match head.wait_for(|head| *head > after).await {
            Ok(_) => Ok(()),
            Err(closed) => {
                Err(StoreError::new(StoreErrorKind::Other, "watch the event store in memory")
                    .with_source(closed))
            }
        }
    }

    async fn unfinished_imports(&self) -> Result<Vec<ImportProgress>, StoreError> {
        Ok(self.log().unfinished_imports())
    }
}

impl EventStore for MemoryEventStore {
    async fn append(&self, request: AppendRequest) -> Result<Receipt, AppendError> {
        request.validate()?;
        let receipt = self.log_mut().append(self.shared.id, request, Timestamp::now())?;
        self.announce(receipt.last);
        Ok(receipt)
    }

    async fn import(&self, chunk: ImportChunk) -> Result<ImportReceipt, AppendError> {
        for (stream, event) in &chunk.events {
            source::check_name("stream", stream)?;
            source::check_event(event)?;
        }
        let (receipt, head) = {
            let mut log = self.log_mut();
            let receipt = log.import(chunk, Timestamp::now());
            (receipt, log.head())
        };
        if let Some(head) = head {
            self.announce(head.position);
        }
        Ok(receipt)
    }
}
