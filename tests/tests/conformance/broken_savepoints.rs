//! Storages whose savepoints are broken, and the checks that catch them.

use projections::{
    Blocking, BlockingStorage, BoxError, Checkpoint, CheckpointKey, CheckpointWrite, CommitError,
    Letter, LetterQuery, ParkedKey, Parking, Storage, StoreError,
    sqlite::{Sqlite, SqliteSession},
    testing::conformance::{self, StorageHarness},
};

use crate::{assert_caught, sqlite::Files};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    /// A transaction goes back to where it was first told to.
    KeepsTheFirst,
    /// Nothing is undone.
    UndoesNothing,
}

use Fault::*;

const CAUGHT_BY: [(Fault, &[&str]); 2] = [
    (KeepsTheFirst, &["a_later_savepoint_takes_the_place_of_the_one_before"]),
    (
        UndoesNothing,
        &[
            "what_follows_a_savepoint_can_be_undone",
            "a_later_savepoint_takes_the_place_of_the_one_before",
        ],
    ),
];

#[tokio::test]
async fn every_broken_savepoint_is_caught_by_its_check() {
    for (fault, expected) in CAUGHT_BY {
        let failures = conformance::storage_failures(Harness(fault, Files::new())).await;
        assert_caught(&fault, &failures, expected);
    }
}

struct Harness(Fault, Files);

impl StorageHarness for Harness {
    type Storage = Broken;

    async fn open(&self) -> Broken {
        Broken { inner: self.1.open().await, fault: self.0 }
    }

    async fn put(&self, session: &mut Session, key: &str, value: &str) -> Result<(), BoxError> {
        self.1.put(&mut session.inner, key, value).await
    }

    async fn get(&self, session: &mut Session, key: &str) -> Result<Option<String>, BoxError> {
        self.1.get(&mut session.inner, key).await
    }
}

#[derive(Clone)]
struct Broken {
    inner: Sqlite,
    fault: Fault,
}

struct Session {
    inner: SqliteSession,
    has_savepoint: bool,
}

impl Storage for Broken {
    type Session = Session;
    type Execution = Blocking;
    const LABEL: &'static str = "Broken";

    fn label(&self) -> String {
        format!("{:?}", self.fault)
    }
}

impl BlockingStorage for Broken {
    fn begin(&self) -> Result<Session, StoreError> {
        Ok(Session { inner: self.inner.begin()?, has_savepoint: false })
    }

    fn setup(&self, session: &mut Session) -> Result<(), StoreError> {
        self.inner.setup(&mut session.inner)
    }

    fn load(
        &self,
        session: &mut Session,
        key: &CheckpointKey,
    ) -> Result<Option<Checkpoint>, StoreError> {
        self.inner.load(&mut session.inner, key)
    }

    fn reset(&self, session: &mut Session, key: &CheckpointKey) -> Result<(), StoreError> {
        self.inner.reset(&mut session.inner, key)
    }

    fn parked(
        &self,
        session: &mut Session,
        key: &CheckpointKey,
    ) -> Result<Vec<ParkedKey>, StoreError> {
        self.inner.parked(&mut session.inner, key)
    }

    fn commit(&self, session: Session, write: &CheckpointWrite) -> Result<(), CommitError> {
        self.inner.commit(session.inner, write)
    }

    fn commit_alone(&self, session: Session) -> Result<(), StoreError> {
        self.inner.commit_alone(session.inner)
    }

    fn rollback(&self, session: Session) -> Result<(), StoreError> {
        self.inner.rollback(session.inner)
    }

    fn savepoint(&self, session: &mut Session) -> Result<bool, StoreError> {
        if self.fault == KeepsTheFirst && std::mem::replace(&mut session.has_savepoint, true) {
            return Ok(true);
        }
        self.inner.savepoint(&mut session.inner)
    }

    fn back_to_savepoint(&self, session: &mut Session) -> Result<(), StoreError> {
        match self.fault {
            UndoesNothing => Ok(()),
            KeepsTheFirst => self.inner.back_to_savepoint(&mut session.inner),
        }
    }

    fn checkpoints(&self, namespace: &str) -> Result<Vec<(CheckpointKey, Checkpoint)>, StoreError> {
        self.inner.checkpoints(namespace)
    }

    fn letters(&self, key: &CheckpointKey, query: &LetterQuery) -> Result<Vec<Letter>, StoreError> {
        self.inner.letters(key, query)
    }

    fn parking(&self, key: &CheckpointKey) -> Result<Parking, StoreError> {
        self.inner.parking(key)
    }
}
