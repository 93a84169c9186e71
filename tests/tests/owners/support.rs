//! What the tests share.

use std::time::Duration;

use projections::{
    AsyncStorage, BlockingStorage, Checkpoint, CheckpointWrite, Lease, OwnerId, RecordedState,
    sqlite::Sqlite, testing::MemoryStorage,
};
pub(crate) use projections_tests::ledger::{append, memory_ledger as ledger, run};

/// The lease that the builder sets by itself.
pub(crate) const LEASE: Duration = Duration::from_secs(10);

/// The one checkpoint of a storage.
pub(crate) async fn stored(storage: &MemoryStorage) -> Checkpoint {
    storage.checkpoints("").await.unwrap().remove(0).1
}

pub(crate) fn stored_on_sqlite(storage: &Sqlite) -> Option<Checkpoint> {
    storage.checkpoints("").unwrap().pop().map(|(_, stored)| stored)
}

/// An owner of another process, as its row shows it.
pub(crate) struct Elsewhere {
    storage: MemoryStorage,
}

impl Elsewhere {
    /// Takes the projector of a storage where it has run before, and was stopped.
    pub(crate) async fn take(storage: &MemoryStorage, time: Duration) -> Self {
        let owner = Self { storage: storage.clone() };
        owner
            .write(|row| {
                let process = "process 1 of another machine".to_owned();
                let id = OwnerId::from_u128(7);
                row.lease = Some(Lease { owner: id, process, time, beat: 0 });
                row.epoch += 1;
                row.state = RecordedState::Running;
            })
            .await;
        owner
    }

    /// Writes the row as an owner does who is alive.
    pub(crate) async fn beat(&self) {
        self.write(|row| row.lease.as_mut().unwrap().beat += 1).await;
    }

    /// Releases the projector, as a clean stop does.
    pub(crate) async fn release(&self) {
        self.write(|row| (row.lease, row.state) = (None, RecordedState::Stopped)).await;
    }

    /// Changes the row in any way.
    pub(crate) async fn write(&self, change: impl FnOnce(&mut Checkpoint)) {
        let (key, row) = self.storage.checkpoints("").await.unwrap().remove(0);
        let mut next = row.clone();
        change(&mut next);
        let session = self.storage.begin().await.unwrap();
        let write = CheckpointWrite::new(key, Some((&row).into()), next);
        self.storage.commit(session, &write).await.unwrap();
    }

    /// Tells whether the row is still its own.
    pub(crate) async fn owns(&self) -> bool {
        let lease = stored(&self.storage).await.lease;
        lease.is_some_and(|lease| lease.owner == OwnerId::from_u128(7))
    }
}
