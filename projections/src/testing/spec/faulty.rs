//! [`Faulty`]: a storage whose process dies, and whose transactions are lost.

use std::sync::Arc;

use jiff::Timestamp;

use super::faults::{Commit, Faults};
use crate::{
    __private::Execution, AsyncStorage, BlockingStorage, Changes, Checkpoint, CheckpointKey,
    CheckpointWrite, CommitError, Letter, LetterQuery, ParkedKey, Parking, PresenceStore,
    RequestStore, SessionFault, SnapshotStore, Storage, StoreError, StoreErrorKind, Verdict,
    engine::Interrupt, read::RowReads, rows::RowSets,
};

/// A storage under a [`Spec`](super::Spec): all that is asked of it goes to a real one, until the
/// process is to die.
#[derive(Clone, Debug)]
pub struct Faulty<S> {
    storage: S,
    faults: Faults,
}

impl<S> Faulty<S> {
    /// Wraps a storage for one process of a specification.
    #[must_use]
    pub fn new(storage: S, faults: Faults) -> Self {
        Self { storage, faults }
    }

    /// Fails where the process is dead.
    fn alive(&self) -> Result<(), StoreError> {
        match self.faults.is_dead() {
            true => Err(dead()),
            false => Ok(()),
        }
    }
}

fn dead() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "go on after the crash that a specification made")
}

// Who has not written a storage yet is not helped by this one.
#[diagnostic::do_not_recommend]
impl<S: Storage> Storage for Faulty<S>
where
    S::Execution: Execution<Self>,
{
    type Session = S::Session;
    type Execution = S::Execution;
    const LABEL: &'static str = S::LABEL;
    const TRANSACTION: &'static str = S::TRANSACTION;

    fn label(&self) -> String {
        self.storage.label()
    }

    fn check(session: &mut S::Session) -> Result<(), SessionFault> {
        S::check(session)
    }

    fn verdict(error: &(dyn std::error::Error + 'static)) -> Option<Verdict> {
        S::verdict(error)
    }

    fn row_reads(&self) -> Option<Arc<dyn RowReads>> {
        self.storage.row_reads()
    }

    fn changes(&self) -> Option<Box<dyn Changes>> {
        Storage::changes(&self.storage)
    }

    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        Storage::snapshots(&self.storage)
    }

    fn presences(&self) -> Option<Arc<dyn PresenceStore>> {
        Storage::presences(&self.storage)
    }

    fn requests(&self) -> Option<Arc<dyn RequestStore>> {
        Storage::requests(&self.storage)
    }

    fn rows(session: &mut S::Session) -> Option<&mut RowSets> {
        S::rows(session)
    }
}

impl<S: BlockingStorage> BlockingStorage for Faulty<S> {
    fn begin(&self) -> Result<S::Session, StoreError> {
        self.alive()?;
        self.storage.begin()
    }

    fn setup(&self, session: &mut S::Session) -> Result<(), StoreError> {
        self.storage.setup(session)
    }

    fn interrupt(&self, session: &S::Session) -> Option<Interrupt> {
        self.storage.interrupt(session)
    }

    fn load(
        &self,
        session: &mut S::Session,
        key: &CheckpointKey,
    ) -> Result<Option<Checkpoint>, StoreError> {
        self.storage.load(session, key)
    }

    fn reset(&self, session: &mut S::Session, key: &CheckpointKey) -> Result<(), StoreError> {
        self.storage.reset(session, key)
    }

    fn parked(
        &self,
        session: &mut S::Session,
        key: &CheckpointKey,
    ) -> Result<Vec<ParkedKey>, StoreError> {
        self.storage.parked(session, key)
    }

    fn commit(&self, session: S::Session, write: &CheckpointWrite) -> Result<(), CommitError> {
        match self.faults.commit(write.next.position) {
            Commit::Happens => self.storage.commit(session, write),
            Commit::HappensUnseen => {
                self.storage.commit(session, write)?;
                self.faults.crash();
                Err(dead().into())
            }
            Commit::IsLost => {
                self.storage.rollback(session)?;
                Err(CommitError::Conflict)
            }
            Commit::Never => {
                self.storage.rollback(session)?;
                self.faults.crash();
                Err(dead().into())
            }
        }
    }

    fn commit_alone(&self, session: S::Session) -> Result<(), StoreError> {
        self.alive()?;
        self.storage.commit_alone(session)
    }

    fn rollback(&self, session: S::Session) -> Result<(), StoreError> {
        self.storage.rollback(session)
    }

    fn savepoint(&self, session: &mut S::Session) -> Result<bool, StoreError> {
        self.storage.savepoint(session)
    }

    fn back_to_savepoint(&self, session: &mut S::Session) -> Result<(), StoreError> {
        self.storage.back_to_savepoint(session)
    }

    fn checkpoints(&self, namespace: &str) -> Result<Vec<(CheckpointKey, Checkpoint)>, StoreError> {
        self.storage.checkpoints(namespace)
    }

    fn now(&self) -> Result<Timestamp, StoreError> {
        self.storage.now()
    }

    fn letters(&self, key: &CheckpointKey, query: &LetterQuery) -> Result<Vec<Letter>, StoreError> {
        self.storage.letters(key, query)
    }

    fn parking(&self, key: &CheckpointKey) -> Result<Parking, StoreError> {
        self.storage.parking(key)
    }
}

impl<S: AsyncStorage> AsyncStorage for Faulty<S> {
    async fn begin(&self) -> Result<S::Session, StoreError> {
        self.alive()?;
        self.storage.begin().await
    }

    async fn setup(&self, session: &mut S::Session) -> Result<(), StoreError> {
        self.storage.setup(session).await
    }

    async fn load(
        &self,
        session: &mut S::Session,
        key: &CheckpointKey,
    ) -> Result<Option<Checkpoint>, StoreError> {
        self.storage.load(session, key).await
    }

    async fn reset(&self, session: &mut S::Session, key: &CheckpointKey) -> Result<(), StoreError> {
        self.storage.reset(session, key).await
    }

    async fn parked(
        &self,
        session: &mut S::Session,
        key: &CheckpointKey,
    ) -> Result<Vec<ParkedKey>, StoreError> {
        self.storage.parked(session, key).await
    }

    async fn commit(
        &self,
        session: S::Session,
        write: &CheckpointWrite,
    ) -> Result<(), CommitError> {
        match self.faults.commit(write.next.position) {
            Commit::Happens => self.storage.commit(session, write).await,
            Commit::HappensUnseen => {
                self.storage.commit(session, write).await?;
                self.faults.crash();
                Err(dead().into())
            }
            Commit::IsLost => {
                self.storage.rollback(session).await?;
                Err(CommitError::Conflict)
            }
            Commit::Never => {
                self.storage.rollback(session).await?;
                self.faults.crash();
                Err(dead().into())
            }
        }
    }

    async fn commit_alone(&self, session: S::Session) -> Result<(), StoreError> {
        self.alive()?;
        self.storage.commit_alone(session).await
    }

    async fn rollback(&self, session: S::Session) -> Result<(), StoreError> {
        self.storage.rollback(session).await
    }

    async fn checkpoints(
        &self,
        namespace: &str,
    ) -> Result<Vec<(CheckpointKey, Checkpoint)>, StoreError> {
        self.storage.checkpoints(namespace).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.storage.now().await
    }

    async fn letters(
        &self,
        key: &CheckpointKey,
        query: &LetterQuery,
    ) -> Result<Vec<Letter>, StoreError> {
        self.storage.letters(key, query).await
    }

    async fn parking(&self, key: &CheckpointKey) -> Result<Parking, StoreError> {
        self.storage.parking(key).await
    }
}
