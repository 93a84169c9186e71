//! A storage that fails inside a transaction.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use projections::{
    Async, AsyncStorage, Checkpoint, CheckpointKey, CheckpointWrite, CommitError, Letter,
    LetterQuery, ParkedKey, Parking, Runtime, SessionFault, Storage, StoreError, StoreErrorKind,
    handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::Sqlite,
    testing::{MemorySession, MemoryStorage},
};
use projections_tests::ledger::Added;

use crate::support::{append, soon};

/// In memory, but that it tells of so many failures of its own inside transactions.
#[derive(Clone)]
struct Frail {
    inner: MemoryStorage,
    failures: Arc<AtomicU32>,
}

impl Storage for Frail {
    type Session = (MemorySession, Arc<AtomicU32>);
    type Execution = Async;
    const LABEL: &'static str = "Frail";

    fn label(&self) -> String {
        "frail".to_owned()
    }

    fn check((_, failures): &mut Self::Session) -> Result<(), SessionFault> {
        let one_less = |left: u32| left.checked_sub(1);
        match failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less) {
            Err(_) => Ok(()),
            Ok(_) => Err(SessionFault::Storage(StoreError::new(StoreErrorKind::Full, "write"))),
        }
    }
}

impl AsyncStorage for Frail {
    async fn begin(&self) -> Result<Self::Session, StoreError> {
        Ok((self.inner.begin().await?, Arc::clone(&self.failures)))
    }

    async fn setup(&self, session: &mut Self::Session) -> Result<(), StoreError> {
        self.inner.setup(&mut session.0).await
    }

    async fn load(
        &self,
        session: &mut Self::Session,
        key: &CheckpointKey,
    ) -> Result<Option<Checkpoint>, StoreError> {
        self.inner.load(&mut session.0, key).await
    }

    async fn reset(
        &self,
        session: &mut Self::Session,
        key: &CheckpointKey,
    ) -> Result<(), StoreError> {
        self.inner.reset(&mut session.0, key).await
    }

    async fn parked(
        &self,
        session: &mut Self::Session,
        key: &CheckpointKey,
    ) -> Result<Vec<ParkedKey>, StoreError> {
        self.inner.parked(&mut session.0, key).await
    }

    async fn commit(
        &self,
        session: Self::Session,
        write: &CheckpointWrite,
    ) -> Result<(), CommitError> {
        self.inner.commit(session.0, write).await
    }

    async fn commit_alone(&self, session: Self::Session) -> Result<(), StoreError> {
        self.inner.commit_alone(session.0).await
    }

    async fn rollback(&self, session: Self::Session) -> Result<(), StoreError> {
        self.inner.rollback(session.0).await
    }

    async fn checkpoints(
        &self,
        namespace: &str,
    ) -> Result<Vec<(CheckpointKey, Checkpoint)>, StoreError> {
        self.inner.checkpoints(namespace).await
    }

    async fn letters(
        &self,
        key: &CheckpointKey,
        query: &LetterQuery,
    ) -> Result<Vec<Letter>, StoreError> {
        self.inner.letters(key, query).await
    }

    async fn parking(&self, key: &CheckpointKey) -> Result<Parking, StoreError> {
        self.inner.parking(key).await
    }
}

#[projector("set-up", storage = Frail, register = false)]
#[derive(Clone)]
struct SetUp {
    handled: Arc<AtomicU32>,
}

#[handlers]
impl SetUp {
    #[setup]
    fn create(&self) -> Result<(), &'static str> {
        Ok(())
    }

    #[handles(Added)]
    fn added(&self, _: &Added) {
        self.handled.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_inside_a_hook_is_waited_out() {
    let events = MemoryEventStore::new();
    append(&events, 0..3).await;
    let frail = Frail { inner: MemoryStorage::new(), failures: Arc::new(AtomicU32::new(2)) };
    let projector = SetUp { handled: Arc::default() };
    let handled = Arc::clone(&projector.handled);
    let runtime = Runtime::builder(events).without_linked().storage(frail).projector(projector);
    soon(runtime.build().await.unwrap().catch_up()).await.unwrap();
    assert_eq!(handled.load(Ordering::Relaxed), 3);
}

/// Panics the second time that it is cloned: by the thread of its storage.
#[projector("clumsy", storage = Sqlite, register = false)]
struct Clumsy {
    clones: Arc<AtomicU32>,
}

impl Clone for Clumsy {
    fn clone(&self) -> Self {
        assert_ne!(self.clones.fetch_add(1, Ordering::Relaxed), 1, "it is clumsy");
        Self { clones: Arc::clone(&self.clones) }
    }
}

#[handlers]
impl Clumsy {
    #[handles(Added)]
    fn added(&self, _: &Added) {}
}

#[tokio::test]
async fn a_projector_that_could_not_be_made_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let events = MemoryEventStore::new();
    append(&events, 0..3).await;
    let runtime = Runtime::builder(events).without_linked();
    let runtime = runtime.storage(Sqlite::open(folder.path().join("read.db")).unwrap());
    let runtime = runtime.projector(Clumsy { clones: Arc::default() }).build().await.unwrap();
    soon(runtime.catch_up()).await.unwrap();
}

/// Shutdown while the storage is away: at once, not after the backoff.
#[tokio::test(start_paused = true)]
async fn a_stop_during_an_outage_does_not_wait_for_its_end() {
    let events = MemoryEventStore::new();
    append(&events, 0..3).await;
    let storage = MemoryStorage::new();
    for call in 1..=100 {
        storage.fail(projections::testing::Call::Begin, call, StoreErrorKind::Unavailable);
    }
    let runtime = crate::support::ledger(&events, &storage).await;
    let began = tokio::time::Instant::now();
    let shutdown = tokio::time::sleep(std::time::Duration::from_secs(9));
    runtime.run(shutdown).await.unwrap();
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
}

/// Two calls at once, of which one is given up half-way.
#[tokio::test]
async fn a_catch_up_takes_over_from_one_that_was_dropped() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, 0..50).await;
    let runtime = Runtime::builder(events.clone()).storage(storage.clone()).batch_events(3);
    let runtime = runtime.only(["ledger-memory"]).build().await.unwrap();
    let spawn = || {
        let runtime = runtime.clone();
        tokio::spawn(async move { runtime.catch_up().await })
    };
    let (first, second) = (spawn(), spawn());
    while storage.rows("rows").len() < 6 {
        tokio::task::yield_now().await;
    }
    first.abort();
    soon(second).await.unwrap().unwrap();
    let numbers: Vec<_> = (1..).zip(0..50).collect();
    let ledger = projections_tests::ledger::read_memory(&storage);
    assert_eq!(ledger, projections_tests::ledger::expected(&numbers));
}
