//! Every place for snapshots keeps the rules, and the suite catches those that do not.

use std::sync::Arc;

use projections::{
    __private::BoxFuture,
    CheckpointKey, EventSource, SnapshotStore, Storage, StoreError,
    memory::MemoryEventStore,
    sqlite::{Sqlite, SqliteEventStore},
    testing::{MemoryStorage, conformance},
};

#[tokio::test]
async fn the_places_in_memory_keep_the_rules() {
    conformance::snapshot_store(|| async { MemoryEventStore::new().snapshots().unwrap() }).await;
    conformance::snapshot_store(|| async { MemoryStorage::new().snapshots().unwrap() }).await;
}

#[tokio::test]
async fn the_places_on_sqlite_keep_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    let path = || {
        number.set(number.get() + 1);
        folder.path().join(format!("{}.db", number.get()))
    };
    conformance::snapshot_store(|| async {
        SqliteEventStore::open(path()).unwrap().snapshots().unwrap()
    })
    .await;
    conformance::snapshot_store(|| async { Sqlite::open(path()).unwrap().snapshots().unwrap() })
        .await;
}

#[tokio::test]
async fn a_snapshot_outlives_the_handles_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let key = CheckpointKey::new("", "orders");
    let open = || Sqlite::open(folder.path().join("read.db")).unwrap().snapshots().unwrap();
    open().save(&key, vec![1, 2, 3]).await.unwrap();
    assert_eq!(open().load(&key).await.unwrap(), Some(vec![1, 2, 3]));
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    CutsLongOnes,
    IgnoresLanes,
    KeepsTheFirst,
    RemovesAll,
    RemovesNothing,
}

struct Broken {
    fault: Fault,
    inner: Arc<dyn SnapshotStore>,
    saved: std::sync::Mutex<Vec<CheckpointKey>>,
}

impl Broken {
    fn key(&self, key: &CheckpointKey) -> CheckpointKey {
        match self.fault {
            Fault::IgnoresLanes => CheckpointKey { lane: 0, ..key.clone() },
            _ => key.clone(),
        }
    }
}

impl SnapshotStore for Broken {
    fn load<'a>(
        &'a self,
        key: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move { self.inner.load(&self.key(key)).await })
    }

    fn save<'a>(
        &'a self,
        key: &'a CheckpointKey,
        mut snapshot: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let is_known = self.saved.lock().unwrap().contains(key);
            self.saved.lock().unwrap().push(key.clone());
            match self.fault {
                Fault::CutsLongOnes => snapshot.truncate(1 << 20),
                Fault::KeepsTheFirst if is_known => return Ok(()),
                _ => {}
            }
            self.inner.save(&self.key(key), snapshot).await
        })
    }

    fn remove<'a>(&'a self, key: &'a CheckpointKey) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            match self.fault {
                Fault::RemovesNothing => {}
                Fault::RemovesAll => {
                    let saved = std::mem::take(&mut *self.saved.lock().unwrap());
                    for key in saved {
                        self.inner.remove(&key).await?;
                    }
                }
                _ => self.inner.remove(&self.key(key)).await?,
            }
            Ok(())
        })
    }
}

#[tokio::test]
async fn every_broken_place_is_caught_by_its_check() {
    let caught_by: [(Fault, &[&str]); 5] = [
        (Fault::CutsLongOnes, &["snapshots_come_back_byte_for_byte"]),
        (Fault::IgnoresLanes, &["snapshot_keys_do_not_mix"]),
        (
            Fault::KeepsTheFirst,
            &["snapshots_come_back_byte_for_byte", "a_later_snapshot_replaces_the_one_before"],
        ),
        (Fault::RemovesAll, &["a_removed_snapshot_is_gone"]),
        (Fault::RemovesNothing, &["a_removed_snapshot_is_gone"]),
    ];
    for (fault, expected) in caught_by {
        let failures = conformance::snapshot_store_failures(|| async move {
            let inner = MemoryEventStore::new().snapshots().unwrap();
            Arc::new(Broken { fault, inner, saved: std::sync::Mutex::default() })
                as Arc<dyn SnapshotStore>
        })
        .await;
        let checks: Vec<_> = failures.iter().map(|failure| failure.check).collect();
        assert!(expected.iter().all(|check| checks.contains(check)), "{fault:?}: {checks:?}");
    }
}
