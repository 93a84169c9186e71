//! Rule R13: an outage is not poison. Acceptance lines 29 and 30.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use projections::{
    BoxError, Runtime, State, StoreErrorKind, Verdict, handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteTx},
    testing::{Call, MemoryStorage, MemoryTx},
};

use crate::books::{Plan, Written, append_in_turn, books, read, write};

books!(Books, "books", retry(none));

/// Asks another service, which may be down, and hides what it hears.
#[projector("asking", storage = MemoryStorage, register = false, retry(max = 1))]
#[derive(Clone)]
struct Asking {
    is_down: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
}

#[handlers]
impl Asking {
    #[handles(Written)]
    fn written(
        &self,
        event: &Written,
        at: &projections::Envelope,
        db: &mut MemoryTx<'_>,
    ) -> Result<(), BoxError> {
        write(db, at.stream(), event.n);
        self.asked.fetch_add(1, SeqCst);
        match self.is_down.load(SeqCst) {
            true => Err("no answer".into()),
            false => Ok(()),
        }
    }
}

/// Nine events of nine streams, while what the handler asks is down for a minute.
async fn while_down(classify: Option<Verdict>) -> (projections::Parking, Vec<u64>, u64) {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, &["a", "b", "c", "d", "e", "f", "g", "h", "i"], 9).await;
    let projector = Asking { is_down: Arc::new(true.into()), asked: Arc::new(AtomicU64::new(0)) };
    let is_down = Arc::clone(&projector.is_down);
    let asked = Arc::clone(&projector.asked);
    let runtime = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    let runtime = match classify {
        Some(verdict) => runtime.classify(move |_| Some(verdict)),
        None => runtime,
    };
    let runtime = runtime.projector(projector).build().await.unwrap();
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(std::future::pending()).await }
    });
    tokio::time::sleep(Duration::from_secs(60)).await; // paused: the length of the outage
    let status = runtime.status().await.unwrap().projectors.remove(0);
    assert_eq!(status.state, State::Retrying);
    assert!(status.last_error.unwrap().contains("seems to be down"));
    let while_down = asked.load(SeqCst);
    is_down.store(false, SeqCst);
    let token = crate::books::append(&events, "z", 10).await.token();
    runtime.wait_for("asking", &token, Duration::from_secs(120)).await.unwrap();
    running.abort();
    let parking = runtime.dead_letters("asking").unwrap().counts().await.unwrap();
    let mut applied: Vec<u64> = read(&storage).into_values().flatten().collect();
    applied.sort_unstable();
    (parking, applied, while_down)
}

#[tokio::test(start_paused = true)]
async fn when_streams_fail_in_a_row_it_waits_and_goes_on_by_itself() {
    let (parking, applied, calls) = while_down(None).await;
    assert_eq!(parking.keys, 2, "at most two events are parked");
    assert_eq!(parking.passed, projections::Passed::default());
    assert_eq!(applied, [3, 4, 5, 6, 7, 8, 9, 10]);
    // It waits, and does not spin.
    assert!(calls < 40, "{calls}");
}

#[tokio::test(start_paused = true)]
async fn what_is_known_to_be_an_outage_parks_nothing() {
    let (parking, applied, calls) = while_down(Some(Verdict::Outage)).await;
    assert_eq!(parking, projections::Parking::default());
    assert_eq!(applied, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert!(calls < 40, "{calls}");
}

/// The storage's own outage: at each of its calls, for a minute of attempts.
#[tokio::test(start_paused = true)]
async fn an_outage_of_the_storage_parks_nothing() {
    for call in [Call::Begin, Call::Commit, Call::Load] {
        let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
        append_in_turn(&events, &["a", "b", "c"], 9).await;
        let runtime = Runtime::builder(events.clone())
            .without_linked()
            .storage(storage.clone())
            .projector(Books { plan: Plan::default() })
            .batch_events(2)
            .build()
            .await
            .unwrap();
        for nth in 1..=20 {
            storage.fail(call, nth, StoreErrorKind::Unavailable);
        }
        let running = tokio::spawn({
            let runtime = runtime.clone();
            async move { runtime.run(std::future::pending()).await }
        });
        let token = crate::books::append(&events, "d", 10).await.token();
        runtime.wait_for("books", &token, Duration::from_secs(600)).await.unwrap();
        running.abort();
        let parking = runtime.dead_letters("books").unwrap().counts().await.unwrap();
        assert_eq!(parking, projections::Parking::default(), "{call}");
        let applied: usize = read(&storage).values().map(Vec::len).sum();
        assert_eq!(applied, 10, "{call}");
    }
}

/// Letters cannot be written: nothing moves, and nothing is given up.
#[tokio::test(start_paused = true)]
async fn where_a_letter_cannot_be_written_the_projector_does_not_move() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, &["a", "b"], 6).await;
    let plan = Plan::failing([(3, crate::books::Fault::Permanent)]);
    let runtime = Runtime::builder(events)
        .without_linked()
        .storage(storage.clone())
        .projector(Books { plan })
        .build()
        .await
        .unwrap();
    // The start and the two events before it commit; then nothing does.
    for nth in 3..=40 {
        storage.fail(Call::Commit, nth, StoreErrorKind::Full);
    }
    let error = runtime.catch_up().await.unwrap_err().to_string();
    assert!(error.contains("commit in the storage in memory"), "{error}");
    let status = runtime.status().await.unwrap().projectors.remove(0);
    assert_eq!((status.position.get(), status.parking.letters), (2, 0));
}

macro_rules! prepared {
    ($type:ident, $name:literal, $policy:literal) => {
        /// Needs what its `#[setup]` has written.
        #[projector($name, storage = MemoryStorage, register = false, on_failure = $policy, retry(none))]
        #[derive(Clone)]
        struct $type;

        #[handlers]
        impl $type {
            #[setup]
            fn prepare(&self, db: &mut MemoryTx<'_>) {
                db.set("prepared", "yes", true);
            }

            #[handles(Written)]
            fn written(
                &self,
                event: &Written,
                at: &projections::Envelope,
                db: &mut MemoryTx<'_>,
            ) -> Result<(), BoxError> {
                db.get("prepared", "yes").ok_or("nothing is prepared")?;
                write(db, at.stream(), event.n);
                Ok(())
            }
        }
    };
}

prepared!(PreparedOrHalted, "prepared-or-halted", "halt");
prepared!(PreparedOrParked, "prepared-or-parked", "park");
prepared!(PreparedOrSkipped, "prepared-or-skipped", "skip");

/// The storage lost the start that it said was committed: the first event fails, and is not to blame.
#[tokio::test(start_paused = true)]
async fn an_event_that_fails_on_top_of_a_lost_commit_is_not_to_blame() {
    macro_rules! is_applied {
        ($projector:expr) => {
            let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
            append_in_turn(&events, &["a"], 2).await;
            let runtime = Runtime::builder(events).without_linked().storage(storage.clone());
            let runtime = runtime.projector($projector).build().await.unwrap();
            storage.pretend_to_commit(1);
            runtime.catch_up().await.unwrap();
            assert_eq!(read(&storage), crate::books::shelves([("a", &[1, 2])]));
            let parking = runtime.status().await.unwrap().projectors.remove(0).parking;
            assert_eq!(parking, projections::Parking::default());
        };
    }
    is_applied!(PreparedOrHalted);
    is_applied!(PreparedOrParked);
    is_applied!(PreparedOrSkipped);
}

/// What cannot be decoded is the event's own fault, and says nothing of what handlers need: the third
/// stream is parked like any other.
#[tokio::test(start_paused = true)]
async fn events_that_are_certain_to_be_at_fault_are_no_sign_of_an_outage() {
    use crate::books::Fault::{Always, Permanent};
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append_in_turn(&events, &["a", "b", "c", "d"], 8).await;
    let plan = Plan::failing([(1, Permanent), (2, Permanent), (3, Always)]);
    let builder = Runtime::builder(events).without_linked().storage(storage.clone());
    let runtime = builder.projector(Books { plan: plan.clone() }).build().await.unwrap();
    runtime.catch_up().await.unwrap();
    let parking = runtime.dead_letters("books").unwrap().counts().await.unwrap();
    assert_eq!((parking.keys, parking.letters, plan.calls_of(3)), (3, 6, 1));
    assert_eq!(read(&storage), crate::books::shelves([("d", &[4, 8])]));
}

/// The same on a storage whose batches go on where one of their events fails for good.
#[projector("listing", storage = Sqlite, register = false, retry(none), batch(events = 4))]
#[derive(Clone)]
struct Listing {
    plan: Plan,
}

#[handlers]
impl Listing {
    #[handles(Written)]
    fn written(&self, event: &Written, _: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        self.plan.run(event.n)
    }
}

#[tokio::test]
async fn nor_are_those_that_a_batch_goes_on_without() {
    use crate::books::Fault::{Always, Permanent};
    let folder = tempfile::tempdir().unwrap();
    let events = MemoryEventStore::new();
    append_in_turn(&events, &["a", "b", "c", "d", "e", "f"], 12).await;
    // The first one parks by itself; the batch of the next two goes on without them.
    let plan = Plan::failing([(2, Permanent), (3, Permanent), (4, Permanent), (5, Always)]);
    let storage = Sqlite::open(folder.path().join("read.db")).unwrap();
    let builder = Runtime::builder(events).without_linked().storage(storage);
    let runtime = builder.projector(Listing { plan: plan.clone() }).build().await.unwrap();
    runtime.catch_up().await.unwrap();
    let parking = runtime.dead_letters("listing").unwrap().counts().await.unwrap();
    assert_eq!((parking.keys, parking.letters, plan.calls_of(5)), (4, 8, 1));
}
