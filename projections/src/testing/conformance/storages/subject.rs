//! The storage under test, and what checks do with it.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Broken, Drive, StorageHarness};
use crate::{
    BoxError, Changes, Checkpoint, CheckpointKey, CheckpointWrite, CommitError, EventId,
    GlobalPosition, Letter, LetterQuery, ParkedKey, Parking, Previous, RecordedState, RequestStore,
    Storage, StoreError, StoreId, Subscriptions, rows::TableDigests,
};

type SessionOf<H> = <<H as StorageHarness>::Storage as Storage>::Session;
type ExecutionOf<H> = <<H as StorageHarness>::Storage as Storage>::Execution;

/// A storage with its harness.
pub(super) struct Subject<H: StorageHarness> {
    harness: Arc<H>,
    storage: H::Storage,
}

impl<H: StorageHarness> Clone for Subject<H> {
    fn clone(&self) -> Self {
        Self { harness: Arc::clone(&self.harness), storage: self.storage.clone() }
    }
}

impl<H: StorageHarness> Subject<H> {
    /// Opens a storage that was never set up.
    pub(super) async fn open(harness: &Arc<H>) -> Self {
        Self { harness: Arc::clone(harness), storage: harness.open().await }
    }

    /// Begins a transaction and sets the storage up in it.
    pub(super) async fn begin(&self) -> Result<SessionOf<H>, StoreError> {
        let mut session = ExecutionOf::<H>::begin(&self.storage).await?;
        self.setup(&mut session).await?;
        Ok(session)
    }

    pub(super) async fn setup(&self, session: &mut SessionOf<H>) -> Result<(), StoreError> {
        ExecutionOf::<H>::setup(&self.storage, session).await
    }

    pub(super) async fn load(
        &self,
        session: &mut SessionOf<H>,
        key: &CheckpointKey,
    ) -> Result<Option<Checkpoint>, StoreError> {
        ExecutionOf::<H>::load(&self.storage, session, key).await
    }

    pub(super) async fn reset(
        &self,
        session: &mut SessionOf<H>,
        key: &CheckpointKey,
    ) -> Result<(), StoreError> {
        ExecutionOf::<H>::reset(&self.storage, session, key).await
    }

    pub(super) async fn commit(
        &self,
        session: SessionOf<H>,
        write: &CheckpointWrite,
    ) -> Result<(), CommitError> {
        ExecutionOf::<H>::commit(&self.storage, session, write).await
    }

    pub(super) async fn commit_alone(&self, session: SessionOf<H>) -> Result<(), StoreError> {
        ExecutionOf::<H>::commit_alone(&self.storage, session).await
    }

    pub(super) async fn rollback(&self, session: SessionOf<H>) -> Result<(), StoreError> {
        ExecutionOf::<H>::rollback(&self.storage, session).await
    }

    pub(super) async fn savepoint(&self, session: &mut SessionOf<H>) -> Result<bool, StoreError> {
        ExecutionOf::<H>::savepoint(&self.storage, session).await
    }

    pub(super) async fn back_to_savepoint(
        &self,
        session: &mut SessionOf<H>,
    ) -> Result<(), StoreError> {
        ExecutionOf::<H>::back_to_savepoint(&self.storage, session).await
    }

    pub(super) async fn parked(&self, key: &CheckpointKey) -> Result<Vec<ParkedKey>, StoreError> {
        let mut session = self.begin().await?;
        let mut parked = ExecutionOf::<H>::parked(&self.storage, &mut session, key).await?;
        self.rollback(session).await?;
        parked.sort_by(|one, other| one.park_key.cmp(&other.park_key));
        Ok(parked)
    }

    pub(super) async fn letters(
        &self,
        key: &CheckpointKey,
        query: &LetterQuery,
    ) -> Result<Vec<Letter>, StoreError> {
        ExecutionOf::<H>::letters(&self.storage, key, query).await
    }

    pub(super) async fn parking(&self, key: &CheckpointKey) -> Result<Parking, StoreError> {
        ExecutionOf::<H>::parking(&self.storage, key).await
    }

    pub(super) async fn checkpoints(
        &self,
        namespace: &str,
    ) -> Result<Vec<(CheckpointKey, Checkpoint)>, StoreError> {
        let mut all = ExecutionOf::<H>::checkpoints(&self.storage, namespace).await?;
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(all)
    }

    pub(super) async fn put(
        &self,
        session: &mut SessionOf<H>,
        key: &str,
        value: &str,
    ) -> Result<(), Broken> {
        self.harness.put(session, key, value).await.map_err(|error| harness("put", &error))
    }

    pub(super) async fn get(
        &self,
        session: &mut SessionOf<H>,
        key: &str,
    ) -> Result<Option<String>, Broken> {
        self.harness.get(session, key).await.map_err(|error| harness("get", &error))
    }

    pub(super) fn requests(&self) -> Option<Arc<dyn RequestStore>> {
        self.storage.requests()
    }

    pub(super) fn changes(&self) -> Option<Box<dyn Changes>> {
        self.storage.changes()
    }

    /// Commits a row, where one is given, with a checkpoint, in a transaction of its own.
    pub(super) async fn write(
        &self,
        row: Option<(&str, &str)>,
        write: &CheckpointWrite,
    ) -> Result<Result<(), CommitError>, Broken> {
        let mut session = self.begin().await?;
        if let Some((key, value)) = row {
            self.put(&mut session, key, value).await?;
        }
        Ok(self.commit(session, write).await)
    }

    /// Reads a row and a checkpoint in a transaction of their own.
    pub(super) async fn look(
        &self,
        row: &str,
        key: &CheckpointKey,
    ) -> Result<(Option<String>, Option<Checkpoint>), Broken> {
        let mut session = self.begin().await?;
        let found = (self.get(&mut session, row).await?, self.load(&mut session, key).await?);
        self.rollback(session).await?;
        Ok(found)
    }
}

fn harness(method: &str, error: &BoxError) -> Broken {
    Broken(format!("the harness cannot `{method}`: {error}"))
}

/// A checkpoint at a position, written in an epoch.
pub(in super::super) fn checkpoint(epoch: u64, position: u64) -> Checkpoint {
    Checkpoint {
        store: StoreId::from_u128(7),
        position: GlobalPosition::new(position),
        scanned: GlobalPosition::new(position + 1),
        event_id: Some(EventId::from_u128(u128::from(position))),
        epoch,
        lease: None,
        version: 1,
        fingerprint: None,
        superseded: Vec::new(),
        subscriptions: Subscriptions::default(),
        effects_mark: GlobalPosition::BEGINNING,
        state: RecordedState::Running,
        last_error: None,
        heartbeat_at: Timestamp::UNIX_EPOCH,
        tables: TableDigests::default(),
    }
}

/// The first write of a checkpoint.
pub(in super::super) fn first(key: CheckpointKey, next: Checkpoint) -> CheckpointWrite {
    CheckpointWrite::new(key, None, next)
}

/// A write of a checkpoint over another.
pub(super) fn over(key: CheckpointKey, last: &Checkpoint, next: Checkpoint) -> CheckpointWrite {
    CheckpointWrite::new(key, Some(Previous::from(last)), next)
}
