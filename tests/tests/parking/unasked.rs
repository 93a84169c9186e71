//! Letters on a storage that keeps no requests: its owner cannot be asked, and is not passed over.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use projections::{
    Async, AsyncStorage, Checkpoint, CheckpointKey, CheckpointWrite, Chosen, CommandError,
    CommitError, Envelope, Lease, Letter, LetterQuery, OwnerId, ParkedKey, Parking, RecordedState,
    RedriveError, Runtime, Storage, StoreError, handlers,
    memory::MemoryEventStore,
    projector,
    testing::{MemorySession, MemoryStorage},
};

use crate::books::{Fault, Plan, Written, append, append_in_turn};

/// In memory, and without requests. It says nothing of its letters while that is so.
#[derive(Clone)]
struct Unasked(MemoryStorage, Arc<AtomicBool>);

impl Storage for Unasked {
    type Session = MemorySession;
    type Execution = Async;
    const LABEL: &'static str = "Unasked";

    fn label(&self) -> String {
        "unasked".to_owned()
    }
}

impl AsyncStorage for Unasked {
    async fn begin(&self) -> Result<Self::Session, StoreError> {
        self.0.begin().await
    }

    async fn setup(&self, session: &mut Self::Session) -> Result<(), StoreError> {
        self.0.setup(session).await
    }

    async fn load(
        &self,
        session: &mut Self::Session,
        key: &CheckpointKey,
    ) -> Result<Option<Checkpoint>, StoreError> {
        self.0.load(session, key).await
    }

    async fn reset(
        &self,
        session: &mut Self::Session,
        key: &CheckpointKey,
    ) -> Result<(), StoreError> {
        self.0.reset(session, key).await
    }

    async fn parked(
        &self,
        session: &mut Self::Session,
        key: &CheckpointKey,
    ) -> Result<Vec<ParkedKey>, StoreError> {
        self.0.parked(session, key).await
    }

    async fn commit(
        &self,
        session: Self::Session,
        write: &CheckpointWrite,
    ) -> Result<(), CommitError> {
        self.0.commit(session, write).await
    }

    async fn commit_alone(&self, session: Self::Session) -> Result<(), StoreError> {
        self.0.commit_alone(session).await
    }

    async fn rollback(&self, session: Self::Session) -> Result<(), StoreError> {
        self.0.rollback(session).await
    }

    async fn checkpoints(
        &self,
        namespace: &str,
    ) -> Result<Vec<(CheckpointKey, Checkpoint)>, StoreError> {
        self.0.checkpoints(namespace).await
    }

    async fn letters(
        &self,
        key: &CheckpointKey,
        query: &LetterQuery,
    ) -> Result<Vec<Letter>, StoreError> {
        if self.1.load(SeqCst) {
            std::future::pending::<()>().await;
        }
        self.0.letters(key, query).await
    }

    async fn parking(&self, key: &CheckpointKey) -> Result<Parking, StoreError> {
        self.0.parking(key).await
    }
}

macro_rules! shop {
    ($type:ident, $kept:ident) => {
        #[projector("shop", storage = Unasked, register = false, retry(none))]
        #[derive(Clone)]
        struct $type {
            plan: Plan,
        }

        #[handlers]
        impl $type {
            #[handles(Written)]
            fn written(
                &self,
                event: &Written,
                $kept: &Envelope,
            ) -> Result<(), projections::BoxError> {
                assert!($kept.position().get() > 0);
                self.plan.run(event.n)
            }
        }
    };
}

shop!(Shop, at);
shop!(OtherShop, it);

/// Twelve events of three streams, of which the fourth fails.
async fn parked(plan: &Plan) -> (MemoryEventStore, Unasked, Runtime<MemoryEventStore>) {
    let (events, storage) =
        (MemoryEventStore::new(), Unasked(MemoryStorage::new(), Arc::default()));
    append_in_turn(&events, &["a", "b", "c"], 12).await;
    let builder = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    let runtime = builder.projector(Shop { plan: plan.clone() }).build().await.unwrap();
    runtime.catch_up().await.unwrap();
    plan.repair();
    (events, storage, runtime)
}

#[tokio::test]
async fn a_process_redrives_by_itself_whether_or_not_it_runs_the_projector() {
    for runs in [true, false] {
        let plan = Plan::failing([(4, Fault::Always)]);
        let (_, _, runtime) = parked(&plan).await;
        let running = runs.then(|| {
            let runtime = runtime.clone();
            tokio::spawn(async move { runtime.run(std::future::pending()).await })
        });
        tokio::task::yield_now().await;
        let letters = runtime.dead_letters("shop").unwrap();
        let handled = letters.redrive(Chosen::All).await.unwrap();
        assert_eq!((handled.applied, handled.left), (3, 0), "runs: {runs}");
        if let Some(running) = running {
            running.abort();
        }
    }
}

#[tokio::test]
async fn other_code_redrives_nothing_unless_it_is_told_to() {
    let plan = Plan::failing([(4, Fault::Always)]);
    let (events, storage, _) = parked(&plan).await;
    let builder = Runtime::builder(events).without_linked().storage(storage);
    let other = builder.projector(OtherShop { plan: plan.clone() }).build().await.unwrap();
    let letters = || other.dead_letters("shop").unwrap();
    let error = letters().redrive(Chosen::All).await.unwrap_err();
    assert!(matches!(error, RedriveError::Command(CommandError::OtherCode { .. })), "{error}");
    assert_eq!(plan.calls_of(4), 1);
    let handled = letters().with_this_code().redrive(Chosen::All).await.unwrap();
    assert_eq!((handled.applied, handled.left), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_taken_from_an_owner_who_cannot_be_asked() {
    for stands_by in [true, false] {
        let plan = Plan::failing([(4, Fault::Always)]);
        let (_, storage, runtime) = parked(&plan).await;
        let (key, row) = storage.checkpoints("").await.unwrap().remove(0);
        let mut next = row.clone();
        next.epoch += 1;
        next.state = RecordedState::Running;
        next.lease = Some(Lease {
            owner: OwnerId::from_u128(7),
            process: "process 1 of another machine".to_owned(),
            time: Duration::from_secs(1_000_000),
            beat: 0,
        });
        let session = storage.begin().await.unwrap();
        let write = CheckpointWrite::new(key, Some((&row).into()), next.clone());
        storage.commit(session, &write).await.unwrap();
        let running = stands_by.then(|| {
            let runtime = runtime.clone();
            tokio::spawn(async move { runtime.run(std::future::pending()).await })
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        let letters = runtime.dead_letters("shop").unwrap();
        let asked = tokio::time::timeout(Duration::from_secs(60), letters.redrive(Chosen::All));
        let error = asked.await.expect("it waits for nobody").unwrap_err();
        let RedriveError::Command(CommandError::Unsupported { .. }) = &error else {
            panic!("stands by: {stands_by}: {error}")
        };
        assert_eq!(storage.checkpoints("").await.unwrap().remove(0).1.epoch, next.epoch);
        assert_eq!(plan.calls_of(4), 1, "stands by: {stands_by}");
        if let Some(running) = running {
            running.abort();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_does_not_outlast_its_time_where_the_letters_cannot_be_read() {
    let plan = Plan::failing([(4, Fault::Always)]);
    let (events, storage, runtime) = parked(&plan).await;
    let token = append(&events, "b", 13).await.token();
    runtime.catch_up().await.unwrap();
    storage.1.store(true, SeqCst);
    let wait = runtime.wait_for("shop", &token, Duration::from_secs(5));
    let error = tokio::time::timeout(Duration::from_secs(60), wait).await.expect("it waits on");
    let error = error.unwrap_err().to_string();
    assert!(error.contains("whether the events are parked"), "{error}");
}
