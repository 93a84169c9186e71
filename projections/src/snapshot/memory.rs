//! Snapshots in memory, for the event store and the storage there.

use std::{
    collections::BTreeMap,
    future::ready,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::SnapshotStore;
use crate::{CheckpointKey, StoreError, engine::BoxFuture};

/// Snapshots that live as long as their handles. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct MemorySnapshots(Arc<Mutex<BTreeMap<CheckpointKey, Vec<u8>>>>);

impl MemorySnapshots {
    // A poisoned lock is taken all the same: what it guards is replaced whole.
    fn all(&self) -> MutexGuard<'_, BTreeMap<CheckpointKey, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SnapshotStore for MemorySnapshots {
    fn load<'a>(
        &'a self,
        key: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(ready(Ok(self.all().get(key).cloned())))
    }

    fn save<'a>(
        &'a self,
        key: &'a CheckpointKey,
        snapshot: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.all().insert(key.clone(), snapshot);
        Box::pin(ready(Ok(())))
    }

    fn remove<'a>(&'a self, key: &'a CheckpointKey) -> BoxFuture<'a, Result<(), StoreError>> {
        self.all().remove(key);
        Box::pin(ready(Ok(())))
    }
}
