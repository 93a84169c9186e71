//! A storage that fails inside a transaction.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use projections::{
    Async, AsyncStorage, Checkpoint, CheckpointKey, CheckpointWrite, CommitError, Runtime,
    SessionFault, Storage, StoreError, StoreErrorKind, handlers,
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

    async fn commit(
        &self,
        session: Self::Session,
        write: &CheckpointWrite,
    ) -> Result<(), CommitError> {
        self.inner.commit(session.0, write).await
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
