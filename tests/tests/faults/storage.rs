//! SQLite as a storage that can fail. What is not said here is SQLite's own.

use std::{error::Error, sync::Arc};

use jiff::Timestamp;
use projections::{
    Blocking, BlockingStorage, Changes, Checkpoint, CheckpointKey, CheckpointWrite, CommitError,
    Letter, LetterQuery, ParameterMut, ParkedKey, Parking, PresenceStore, RequestStore,
    SessionFault, SnapshotStore, Storage, StoreError, Verdict,
    rows::{RowSets, RowStorage},
    sqlite::{Sqlite, SqliteSession, SqliteTx},
};

use crate::points::{Point, Points};

#[derive(Clone, Debug)]
pub(crate) struct Faulty {
    pub(crate) sqlite: Sqlite,
    pub(crate) points: Points,
}

impl Storage for Faulty {
    type Session = SqliteSession;
    type Execution = Blocking;
    const LABEL: &'static str = "Faulty";

    fn label(&self) -> String {
        Storage::label(&self.sqlite)
    }

    fn check(session: &mut SqliteSession) -> Result<(), SessionFault> {
        <Sqlite as Storage>::check(session)
    }

    fn verdict(error: &(dyn Error + 'static)) -> Option<Verdict> {
        <Sqlite as Storage>::verdict(error)
    }

    fn changes(&self) -> Option<Box<dyn Changes>> {
        self.sqlite.changes()
    }

    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        self.sqlite.snapshots()
    }

    fn presences(&self) -> Option<Arc<dyn PresenceStore>> {
        self.sqlite.presences()
    }

    fn requests(&self) -> Option<Arc<dyn RequestStore>> {
        self.sqlite.requests()
    }

    fn rows(session: &mut SqliteSession) -> Option<&mut RowSets> {
        <Sqlite as Storage>::rows(session)
    }
}

impl RowStorage for Faulty {
    fn row_sets(session: &SqliteSession) -> &RowSets {
        <Sqlite as RowStorage>::row_sets(session)
    }
}

impl ParameterMut<Faulty> for SqliteTx<'_> {
    type View<'a> = SqliteTx<'a>;

    fn view(session: &SqliteSession) -> SqliteTx<'_> {
        <SqliteTx<'_> as ParameterMut<Sqlite>>::view(session)
    }
}

impl BlockingStorage for Faulty {
    fn begin(&self) -> Result<SqliteSession, StoreError> {
        self.points.pass(Point::BeforeBegin)?;
        let session = self.sqlite.begin()?;
        self.points.pass(Point::AfterBegin)?;
        Ok(session)
    }

    fn setup(&self, session: &mut SqliteSession) -> Result<(), StoreError> {
        self.sqlite.setup(session)?;
        self.points.pass(Point::Setup)
    }

    fn load(
        &self,
        session: &mut SqliteSession,
        key: &CheckpointKey,
    ) -> Result<Option<Checkpoint>, StoreError> {
        self.points.pass(Point::BeforeLoad)?;
        let stored = self.sqlite.load(session, key)?;
        self.points.pass(Point::AfterLoad)?;
        Ok(stored)
    }

    fn reset(&self, session: &mut SqliteSession, key: &CheckpointKey) -> Result<(), StoreError> {
        self.points.pass(Point::BeforeReset)?;
        self.sqlite.reset(session, key)?;
        self.points.pass(Point::AfterReset)
    }

    fn parked(
        &self,
        session: &mut SqliteSession,
        key: &CheckpointKey,
    ) -> Result<Vec<ParkedKey>, StoreError> {
        self.points.pass(Point::Parked)?;
        self.sqlite.parked(session, key)
    }

    fn commit(&self, session: SqliteSession, write: &CheckpointWrite) -> Result<(), CommitError> {
        self.points.pass(Point::BeforeCommit)?;
        self.sqlite.commit(session, write)?;
        // It has happened, and nobody is told.
        self.points.pass(Point::AfterCommit)?;
        Ok(())
    }

    fn commit_alone(&self, session: SqliteSession) -> Result<(), StoreError> {
        self.points.pass(Point::BeforeCommit)?;
        self.sqlite.commit_alone(session)?;
        self.points.pass(Point::AfterCommit)
    }

    fn rollback(&self, session: SqliteSession) -> Result<(), StoreError> {
        self.points.pass(Point::BeforeRollback)?;
        self.sqlite.rollback(session)?;
        self.points.pass(Point::AfterRollback)
    }

    fn savepoint(&self, session: &mut SqliteSession) -> Result<bool, StoreError> {
        self.points.pass(Point::Savepoint)?;
        self.sqlite.savepoint(session)
    }

    fn back_to_savepoint(&self, session: &mut SqliteSession) -> Result<(), StoreError> {
        self.points.pass(Point::BeforeBackToSavepoint)?;
        self.sqlite.back_to_savepoint(session)?;
        self.points.pass(Point::AfterBackToSavepoint)
    }

    fn checkpoints(&self, namespace: &str) -> Result<Vec<(CheckpointKey, Checkpoint)>, StoreError> {
        self.sqlite.checkpoints(namespace)
    }

    fn now(&self) -> Result<Timestamp, StoreError> {
        BlockingStorage::now(&self.sqlite)
    }

    fn letters(&self, key: &CheckpointKey, query: &LetterQuery) -> Result<Vec<Letter>, StoreError> {
        self.points.pass(Point::Letters)?;
        self.sqlite.letters(key, query)
    }

    fn parking(&self, key: &CheckpointKey) -> Result<Parking, StoreError> {
        self.sqlite.parking(key)
    }
}
