//! The storages that the builder was given, one a type.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::Arc,
};

use crate::{
    Changes, Checkpoint, CheckpointKey, InProcess, SnapshotStore, Storage, StoreError,
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
    fn changes(&self) -> Option<Box<dyn Changes>>;
    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>>;
}

type Listing<'a> = BoxFuture<'a, Result<Vec<(CheckpointKey, Checkpoint)>, StoreError>>;

impl<S: Storage> Erased for S {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn checkpoints<'a>(&'a self, namespace: &'a str) -> Listing<'a> {
        S::Execution::checkpoints(self, namespace)
    }

    fn changes(&self) -> Option<Box<dyn Changes>> {
        Storage::changes(self)
    }

    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        Storage::snapshots(self)
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
