//! Every setting does what it says: these are the ones that no other test would miss.

use std::{
    path::PathBuf,
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use projections::{
    EventStore, Runtime, handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteTx},
    testing::{Call, MemoryStorage, MemoryTx},
};
use projections_tests::ledger::Added;

use crate::support::append;

macro_rules! batched {
    ($name:ident $(, $bound:ident = $value:literal)*) => {
        #[projector("batched", storage = MemoryStorage, register = false $(, batch($bound = $value))*)]
        #[derive(Clone)]
        struct $name;

        #[handlers]
        impl $name {
            #[handles(Added)]
            fn added(&self, event: &Added, db: &mut MemoryTx<'_>) {
                db.set("seen", event.n.to_string(), true);
            }
        }
    };
}

batched!(ByDefault);
batched!(ByEvents, events = 3);
batched!(ByBytes, bytes = 20);
batched!(Lingering, linger = "200ms");

/// How many commits thirty events take, beside those of the start and the stop.
async fn commits<S: EventStore + Clone, P>(events: &S, projector: P) -> u64
where
    P: projections::Projector + projections::Handlers + Clone + Send + Sync + 'static,
{
    let storage = MemoryStorage::new();
    let runtime = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    runtime.projector(projector).build().await.unwrap().catch_up().await.unwrap();
    assert_eq!(storage.rows("seen").len(), 30);
    storage.calls(Call::Commit) - 2
}

async fn a_batch_keeps_its_bounds<S: EventStore + Clone>(events: S, _: PathBuf) {
    append(&events, "a", 10..40).await;
    assert_eq!(commits(&events, ByDefault).await, 1);
    assert_eq!(commits(&events, ByEvents).await, 10);
    // Each payload, {"n":10}, is eight bytes: the third one reaches twenty.
    assert_eq!(commits(&events, ByBytes).await, 10);
}

on_both_stores!(a_batch_keeps_its_bounds);

/// What comes while a batch waits for more is in it.
#[tokio::test(start_paused = true)]
async fn a_batch_waits_for_more_events_as_long_as_it_is_told_to() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    let runtime = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    let runtime = runtime.projector(Lingering).build().await.unwrap();
    let running = tokio::spawn(async move { runtime.run(std::future::pending()).await });
    let wait = |millis| tokio::time::sleep(Duration::from_millis(millis)); // paused time
    wait(50).await;
    let commits = storage.calls(Call::Commit);
    append(&events, "a", [1]).await;
    wait(100).await;
    append(&events, "a", [2]).await;
    wait(90).await;
    assert_eq!(storage.rows("seen").len(), 0);
    wait(20).await;
    assert_eq!(storage.rows("seen").len(), 2);
    assert_eq!(storage.calls(Call::Commit) - commits, 1);
    running.abort();
}

/// A gate that a handler stands at.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<(bool, bool)>, Condvar)>);

impl Gate {
    /// Says that it is here, and waits until it may go on.
    fn stand(&self) {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        state.0 = true;
        changed.notify_all();
        drop(changed.wait_while(state, |(_, open)| !*open).unwrap());
    }

    fn reached(&self) -> bool {
        self.0.0.lock().unwrap().0
    }

    fn open(&self) {
        self.0.0.lock().unwrap().1 = true;
        self.0.1.notify_all();
    }
}

#[projector("standing", storage = Sqlite, register = false)]
#[derive(Clone)]
struct Standing {
    gate: Gate,
}

#[handlers]
impl Standing {
    #[handles(Added)]
    fn added(&self, _event: &Added, _db: &mut SqliteTx<'_>) {
        self.gate.stand();
    }
}

/// A stop leaves at its deadline without the batch that hangs, and names it.
#[tokio::test]
async fn a_stop_waits_no_longer_than_its_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let events = projections::memory::MemoryEventStore::new();
    append(&events, "a", [1]).await;
    let gate = Gate::default();
    let runtime = Runtime::builder(events)
        .without_linked()
        .storage(Sqlite::open(folder.path().join("read.db")).unwrap())
        .projector(Standing { gate: gate.clone() })
        .shutdown_deadline(Duration::from_millis(100));
    let runtime = runtime.build().await.unwrap();
    let began = Instant::now();
    let reached = async {
        while !gate.reached() {
            tokio::task::yield_now().await;
        }
    };
    let error = runtime.run(reached).await.unwrap_err();
    // By default it would have been ten seconds.
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(error.halted()[0].projector, "standing");
    assert!(error.to_string().contains("stop within 100ms"), "{error}");
    gate.open();
}
