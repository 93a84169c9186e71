//! The storages that the builder was given, one a type.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::Arc,
};

use jiff::Timestamp;

use crate::{
    Changes, Checkpoint, CheckpointKey, InProcess, Letter, LetterQuery, Parking, RequestStore,
    SnapshotStore, Storage, StoreError,
    engine::{BoxFuture, Execution},
};

/// One value per storage type in use.
pub struct Storages {
    values: HashMap<TypeId, Entry>,
}

struct Entry {
    label: String,
    value: Box<dyn Erased>,
}

/// A storage whose type is forgotten.
trait Erased: Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn checkpoints<'a>(&'a self, namespace: &'a str) -> Listing<'a>;
    fn now(&self) -> BoxFuture<'_, Result<Timestamp, StoreError>>;
    fn changes(&self) -> Option<Box<dyn Changes>>;
    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>>;
    fn requests(&self) -> Option<Arc<dyn RequestStore>>;
    fn letters<'a>(
        &'a self,
        key: &'a CheckpointKey,
        query: &'a LetterQuery,
    ) -> BoxFuture<'a, Result<Vec<Letter>, StoreError>>;
    fn parking<'a>(&'a self, key: &'a CheckpointKey) -> BoxFuture<'a, Result<Parking, StoreError>>;
}

type Listing<'a> = BoxFuture<'a, Result<Vec<(CheckpointKey, Checkpoint)>, StoreError>>;

impl<S: Storage> Erased for S {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn checkpoints<'a>(&'a self, namespace: &'a str) -> Listing<'a> {
        S::Execution::checkpoints(self, namespace)
    }

    fn now(&self) -> BoxFuture<'_, Result<Timestamp, StoreError>> {
        S::Execution::now(self)
    }

    fn changes(&self) -> Option<Box<dyn Changes>> {
        Storage::changes(self)
    }

    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        Storage::snapshots(self)
    }

    fn requests(&self) -> Option<Arc<dyn RequestStore>> {
        Storage::requests(self)
    }

    fn letters<'a>(
        &'a self,
        key: &'a CheckpointKey,
        query: &'a LetterQuery,
    ) -> BoxFuture<'a, Result<Vec<Letter>, StoreError>> {
        S::Execution::letters(self, key, query)
    }

    fn parking<'a>(&'a self, key: &'a CheckpointKey) -> BoxFuture<'a, Result<Parking, StoreError>> {
        S::Execution::parking(self, key)
    }
}

impl Storages {
    pub(crate) fn new() -> Self {
        let mut storages = Self { values: HashMap::new() };
        storages.insert(InProcess);
        storages
    }

    /// Adds a storage; tells whether there was one of its type.
    pub(crate) fn insert<S: Storage>(&mut self, storage: S) -> bool {
        let entry = Entry { label: storage.label(), value: Box::new(storage) };
        self.values.insert(TypeId::of::<S>(), entry).is_some()
    }

    pub(crate) fn get<S: Storage>(&self) -> Option<S> {
        self.values.get(&TypeId::of::<S>())?.value.as_any().downcast_ref::<S>().cloned()
    }

    /// The place for snapshots that one storage has.
    pub(crate) fn snapshots(&self, storage: TypeId) -> Option<Arc<dyn SnapshotStore>> {
        (*self.values.get(&storage)?.value).snapshots()
    }

    /// The place for requests that one storage has.
    pub(crate) fn requests(&self, storage: TypeId) -> Option<Arc<dyn RequestStore>> {
        (*self.values.get(&storage)?.value).requests()
    }

    /// Names the storage of a type; nothing, where there is none.
    pub(crate) fn label(&self, storage: TypeId) -> &str {
        self.values.get(&storage).map_or("", |entry| &entry.label)
    }

    /// Reads the checkpoints that one storage holds of a namespace.
    pub(crate) fn checkpoints<'a>(&'a self, storage: TypeId, namespace: &'a str) -> Listing<'a> {
        match self.values.get(&storage) {
            Some(entry) => (*entry.value).checkpoints(namespace),
            None => Box::pin(std::future::ready(Ok(Vec::new()))),
        }
    }

    /// Reads one checkpoint without a transaction, which its owner could hold up.
    pub(crate) async fn checkpoint(
        &self,
        storage: TypeId,
        key: &CheckpointKey,
    ) -> Result<Option<Checkpoint>, StoreError> {
        let mut all = self.checkpoints(storage, &key.namespace).await?;
        let place = all.iter().position(|(other, _)| other == key);
        Ok(place.map(|place| all.swap_remove(place).1))
    }

    /// The time by the clock of one storage.
    pub(crate) fn now(&self, storage: TypeId) -> BoxFuture<'_, Result<Timestamp, StoreError>> {
        match self.values.get(&storage) {
            Some(entry) => (*entry.value).now(),
            None => Box::pin(std::future::ready(Ok(Timestamp::now()))),
        }
    }

    /// Reads letters that one storage holds.
    pub(crate) fn letters<'a>(
        &'a self,
        storage: TypeId,
        key: &'a CheckpointKey,
        query: &'a LetterQuery,
    ) -> BoxFuture<'a, Result<Vec<Letter>, StoreError>> {
        match self.values.get(&storage) {
            Some(entry) => (*entry.value).letters(key, query),
            None => Box::pin(std::future::ready(Ok(Vec::new()))),
        }
    }

    /// Counts what is parked in one storage.
    pub(crate) fn parking<'a>(
        &'a self,
        storage: TypeId,
        key: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Parking, StoreError>> {
        match self.values.get(&storage) {
            Some(entry) => (*entry.value).parking(key),
            None => Box::pin(std::future::ready(Ok(Parking::default()))),
        }
    }

    /// What tells of commits to one storage, where it can.
    pub(crate) fn changes(&self, storage: TypeId) -> Option<Box<dyn Changes>> {
        self.values.get(&storage)?.value.changes()
    }
}

impl fmt::Debug for Storages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.values().map(|entry| &entry.label)).finish()
    }
}
