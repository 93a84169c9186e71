//! Storages that break one rule each, and the checks that catch them.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

use projections::{
    Async, AsyncStorage, BoxError, Changes, Checkpoint, CheckpointKey, CheckpointWrite,
    CommitError, Letter, LetterChanges, LetterQuery, ParkedKey, Parking, Passed, Previous, Storage,
    StoreError, StoreErrorKind,
    rows::TableDigests,
    testing::{
        MemorySession, MemoryStorage, MemoryTx,
        conformance::{self, StorageHarness},
    },
};

use crate::assert_caught;

/// How a storage is broken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    CommitsCheckpointsWithoutRows,
    CommitsNothingAlone,
    CommitsRowsOnConflict,
    CountsNothing,
    CreatesWhatIsExpectedThere,
    FoldsNamespaces,
    ForgetsErrors,
    ForgetsLetters,
    ForgetsTheHash,
    ForgetsTheOwner,
    ForgetsWhatTablesHold,
    ForgetsWhatWasReplaced,
    IgnoresEpochs,
    IgnoresLanes,
    IgnoresParkKeys,
    IgnoresPositions,
    KeepsDroppedSessions,
    KeepsLettersForEver,
    KeepsOldMarks,
    KeepsRolledBackRows,
    ListsNoErrors,
    NeedsSetupToList,
    OverwritesCheckpoints,
    SetsUpOnce,
    TellsNothing,
}

use Fault::*;

const CAUGHT_BY: &[(Fault, &[&str])] = &[
    (
        CommitsCheckpointsWithoutRows,
        &[
            "a_later_commit_replaces_rows_and_checkpoint",
            "sessions_follow_one_another",
            "of_two_writers_one_wins",
            "a_reset_removes_letters_and_counts",
            "letters_of_read_models_do_not_mix",
        ],
    ),
    (CommitsNothingAlone, &["a_commit_alone_shows_rows_and_leaves_checkpoints"]),
    (CommitsRowsOnConflict, &["a_conflict_commits_no_row", "of_two_writers_one_wins"]),
    (CountsNothing, &["parked_keys_and_counts_add_up", "letters_of_read_models_do_not_mix"]),
    (CreatesWhatIsExpectedThere, &["a_missing_checkpoint_is_a_conflict"]),
    (FoldsNamespaces, &["namespaces_do_not_mix"]),
    (
        ForgetsErrors,
        &[
            "every_field_of_a_letter_comes_back",
            "letters_commit_with_the_checkpoint_or_not_at_all",
            "a_letter_is_replaced_and_removed",
            "a_reset_removes_letters_and_counts",
            "letters_of_read_models_do_not_mix",
        ],
    ),
    (
        ForgetsLetters,
        &[
            "every_field_of_a_letter_comes_back",
            "letters_are_read_in_order_and_by_key",
            "letters_commit_with_the_checkpoint_or_not_at_all",
            "a_letter_is_replaced_and_removed",
            "parked_keys_and_counts_add_up",
            "a_reset_removes_letters_and_counts",
            "letters_of_read_models_do_not_mix",
        ],
    ),
    (
        ForgetsTheHash,
        &[
            "every_column_comes_back",
            "every_column_is_replaced",
            "a_list_of_checkpoints_has_every_column",
        ],
    ),
    (
        ForgetsTheOwner,
        &[
            "every_column_comes_back",
            "every_column_is_replaced",
            "a_list_of_checkpoints_has_every_column",
        ],
    ),
    (
        ForgetsWhatTablesHold,
        &[
            "every_column_comes_back",
            "every_column_is_replaced",
            "a_list_of_checkpoints_has_every_column",
        ],
    ),
    (
        ForgetsWhatWasReplaced,
        &[
            "every_column_comes_back",
            "every_column_is_replaced",
            "a_list_of_checkpoints_has_every_column",
        ],
    ),
    (
        IgnoresEpochs,
        &["another_epoch_is_a_conflict", "letters_commit_with_the_checkpoint_or_not_at_all"],
    ),
    (
        IgnoresLanes,
        &["letters_of_read_models_do_not_mix", "generations_lanes_and_partitions_do_not_mix"],
    ),
    (IgnoresParkKeys, &["letters_are_read_in_order_and_by_key"]),
    (IgnoresPositions, &["another_position_is_a_conflict", "of_two_writers_one_wins"]),
    (KeepsDroppedSessions, &["a_dropped_session_leaves_nothing"]),
    (
        KeepsLettersForEver,
        &["letters_commit_with_the_checkpoint_or_not_at_all", "a_letter_is_replaced_and_removed"],
    ),
    (KeepsOldMarks, &["every_column_is_replaced"]),
    (KeepsRolledBackRows, &["a_rollback_leaves_nothing", "a_reset_removes_letters_and_counts"]),
    (ListsNoErrors, &["a_list_of_checkpoints_has_every_column"]),
    (NeedsSetupToList, &["a_storage_without_setup_has_no_checkpoints"]),
    (OverwritesCheckpoints, &["an_existing_checkpoint_is_a_conflict", "a_conflict_commits_no_row"]),
    (SetsUpOnce, &["setup_may_be_repeated"]),
    (TellsNothing, &["commits_are_told"]),
];

#[tokio::test]
async fn every_broken_storage_is_caught_by_its_check() {
    for (fault, expected) in CAUGHT_BY {
        let failures = conformance::storage_failures(Harness(*fault)).await;
        assert_caught(fault, &failures, expected);
    }
}

#[tokio::test]
#[should_panic(expected = "`a_rollback_leaves_nothing`: a transaction that is rolled back leaves")]
async fn a_suite_panics_with_the_check_and_the_rule() {
    conformance::storage(Harness(KeepsRolledBackRows)).await;
}

struct Harness(Fault);

impl StorageHarness for Harness {
    type Storage = Broken;

    async fn open(&self) -> Broken {
        Broken { inner: MemoryStorage::new(), fault: self.0, is_set_up: Arc::default() }
    }

    async fn put(&self, session: &mut Session, key: &str, value: &str) -> Result<(), BoxError> {
        session.rows().set("harness", key, value);
        Ok(())
    }

    async fn get(&self, session: &mut Session, key: &str) -> Result<Option<String>, BoxError> {
        let value = session.rows().get("harness", key);
        Ok(value.and_then(|value| value.as_str().map(str::to_owned)))
    }
}

#[derive(Clone)]
struct Broken {
    inner: MemoryStorage,
    fault: Fault,
    is_set_up: Arc<AtomicBool>,
}

/// A session that knows its storage, to break rules where it is dropped.
struct Session {
    storage: Broken,
    inner: Option<MemorySession>,
    setups: u32,
}

impl Session {
    fn rows(&mut self) -> MemoryTx<'_> {
        self.open().tx()
    }

    fn open(&mut self) -> &mut MemorySession {
        self.inner.as_mut().unwrap()
    }

    fn take(&mut self) -> MemorySession {
        self.inner.take().unwrap()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let (Some(session), KeepsDroppedSessions) = (self.inner.take(), self.storage.fault) {
            at_once(self.storage.commit_rows(session));
        }
    }
}

impl Broken {
    /// The key under which the broken storage keeps a checkpoint.
    fn key(&self, key: &CheckpointKey) -> CheckpointKey {
        let mut key = key.clone();
        match self.fault {
            FoldsNamespaces => key.namespace = key.namespace.to_lowercase(),
            IgnoresLanes => key.lane = 0,
            _ => {}
        }
        key
    }

    /// Commits rows whatever the checkpoint is, where there is one.
    async fn commit_rows(&self, mut session: MemorySession) {
        let key = CheckpointKey::new("", "orders");
        if let Some(stored) = self.inner.load(&mut session, &key).await.unwrap() {
            let write = CheckpointWrite::new(key, Some(Previous::from(&stored)), stored);
            self.inner.commit(session, &write).await.unwrap();
        }
    }

    /// What the broken storage compares with, instead of what it was told.
    fn previous(&self, told: Option<Previous>, stored: Option<Previous>) -> Option<Previous> {
        match (self.fault, told, stored) {
            (CreatesWhatIsExpectedThere, _, None) => None,
            (OverwritesCheckpoints, None, stored) => stored,
            (IgnoresEpochs, Some(told), Some(stored)) => {
                Some(Previous { epoch: stored.epoch, ..told })
            }
            (IgnoresPositions, Some(told), Some(stored)) => {
                Some(Previous { position: stored.position, ..told })
            }
            (_, told, _) => told,
        }
    }

    /// What the broken storage changes in the letters.
    fn changed(&self, mut letters: LetterChanges) -> LetterChanges {
        match self.fault {
            CountsNothing => letters.passed = Passed::default(),
            ForgetsErrors => letters.put.iter_mut().for_each(|letter| letter.failure = None),
            ForgetsLetters => letters.put.clear(),
            KeepsLettersForEver => letters.remove.clear(),
            _ => {}
        }
        letters
    }

    /// What the broken storage keeps of a checkpoint.
    fn kept(&self, stored: Option<&Checkpoint>, mut next: Checkpoint) -> Checkpoint {
        match (self.fault, stored) {
            (ForgetsTheHash, _) => next.fingerprint = None,
            (ForgetsTheOwner, _) => next.lease = None,
            (ForgetsWhatWasReplaced, _) => next.superseded.clear(),
            (ForgetsWhatTablesHold, _) => next.tables = TableDigests::default(),
            (KeepsOldMarks, Some(stored)) => next.effects_mark = stored.effects_mark,
            _ => {}
        }
        next
    }
}

impl Storage for Broken {
    type Session = Session;
    type Execution = Async;
    const LABEL: &'static str = "Broken";

    fn label(&self) -> String {
        format!("{:?}", self.fault)
    }

    fn changes(&self) -> Option<Box<dyn Changes>> {
        (self.fault == TellsNothing).then(|| Box::new(Silence) as _)
    }
}

/// What never tells of anything.
struct Silence;

impl Changes for Silence {
    fn changed(&mut self) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

impl AsyncStorage for Broken {
    async fn begin(&self) -> Result<Session, StoreError> {
        let inner = Some(self.inner.begin().await?);
        Ok(Session { storage: self.clone(), inner, setups: 0 })
    }

    async fn setup(&self, session: &mut Session) -> Result<(), StoreError> {
        self.is_set_up.store(true, Relaxed);
        session.setups += 1;
        if self.fault == SetsUpOnce && session.setups > 1 {
            return Err(StoreError::new(StoreErrorKind::Other, "create a table that is there"));
        }
        self.inner.setup(session.open()).await
    }

    async fn load(
        &self,
        session: &mut Session,
        key: &CheckpointKey,
    ) -> Result<Option<Checkpoint>, StoreError> {
        self.inner.load(session.open(), &self.key(key)).await
    }

    async fn reset(&self, session: &mut Session, key: &CheckpointKey) -> Result<(), StoreError> {
        self.inner.reset(session.open(), &self.key(key)).await
    }

    async fn parked(
        &self,
        session: &mut Session,
        key: &CheckpointKey,
    ) -> Result<Vec<ParkedKey>, StoreError> {
        self.inner.parked(session.open(), &self.key(key)).await
    }

    async fn commit(
        &self,
        mut session: Session,
        told: &CheckpointWrite,
    ) -> Result<(), CommitError> {
        let mut inner = session.take();
        let key = self.key(&told.key);
        let stored = self.inner.load(&mut inner, &key).await?;
        let previous = self.previous(told.previous, stored.as_ref().map(Previous::from));
        let mut write =
            CheckpointWrite::new(key, previous, self.kept(stored.as_ref(), told.next.clone()));
        write.letters = self.changed(told.letters.clone());
        if self.fault == CommitsRowsOnConflict && stored.as_ref().map(Previous::from) != previous {
            self.commit_rows(inner).await;
            return Err(CommitError::Conflict);
        }
        if self.fault == CommitsCheckpointsWithoutRows && stored.is_some() {
            drop(inner);
            inner = self.inner.begin().await?;
        }
        self.inner.commit(inner, &write).await
    }

    async fn commit_alone(&self, mut session: Session) -> Result<(), StoreError> {
        let inner = session.take();
        match self.fault {
            CommitsNothingAlone => self.inner.rollback(inner).await,
            _ => self.inner.commit_alone(inner).await,
        }
    }

    async fn rollback(&self, mut session: Session) -> Result<(), StoreError> {
        let inner = session.take();
        match self.fault {
            KeepsRolledBackRows => {
                self.commit_rows(inner).await;
                Ok(())
            }
            _ => self.inner.rollback(inner).await,
        }
    }

    async fn checkpoints(
        &self,
        namespace: &str,
    ) -> Result<Vec<(CheckpointKey, Checkpoint)>, StoreError> {
        if self.fault == NeedsSetupToList && !self.is_set_up.load(Relaxed) {
            return Err(StoreError::new(StoreErrorKind::Other, "find the table of checkpoints"));
        }
        let mut listed = self.inner.checkpoints(namespace).await?;
        if self.fault == ListsNoErrors {
            listed.iter_mut().for_each(|(_, checkpoint)| checkpoint.last_error = None);
        }
        Ok(listed)
    }

    async fn letters(
        &self,
        key: &CheckpointKey,
        query: &LetterQuery,
    ) -> Result<Vec<Letter>, StoreError> {
        let mut query = query.clone();
        if self.fault == IgnoresParkKeys {
            query.park_key = None;
        }
        self.inner.letters(&self.key(key), &query).await
    }

    async fn parking(&self, key: &CheckpointKey) -> Result<Parking, StoreError> {
        self.inner.parking(&self.key(key)).await
    }
}

/// Runs a future that never waits.
fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the storage in memory never waits for a commit"),
    }
}
