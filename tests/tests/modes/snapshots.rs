//! Snapshots of read models in process.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use projections::{
    __private::BoxFuture,
    BuildFault, CheckpointKey, EventSource, GlobalPosition, Runtime, SnapshotStore, StoreError,
    StoreErrorKind, handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteEventStore},
};
use projections_tests::{
    around::{Around, Hooks},
    ledger::Added,
};

use crate::{
    support::{Gate, Running, append, caught_up},
    tally::{Calls, Tally, build, process, seen, uninterrupted},
};

fn key() -> CheckpointKey {
    CheckpointKey::new("", "tally")
}

async fn fault<S: EventSource>(runtime: &Runtime<S>) -> String {
    let status = runtime.status().await.unwrap().projectors.remove(0);
    status.snapshot.unwrap().fault.unwrap_or_default()
}

#[tokio::test]
async fn a_restart_replays_only_the_rest_in_memory() {
    let events = MemoryEventStore::new();
    restarts(&events, |events| Runtime::builder(events.clone())).await;
}

#[tokio::test]
async fn a_restart_replays_only_the_rest_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let events = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
    restarts(&events, |events| Runtime::builder(events.clone())).await;
    let elsewhere = Sqlite::open(folder.path().join("snapshots.db")).unwrap();
    let again = SqliteEventStore::open(folder.path().join("more.db")).unwrap();
    restarts(&again, |events| Runtime::builder(events.clone()).checkpoints(elsewhere.clone()))
        .await;
    assert!(again.snapshots().unwrap().load(&key()).await.unwrap().is_none());
    assert!(elsewhere.connect().unwrap().prepare("SELECT * FROM projections_snapshots").is_ok());
}

async fn restarts<S: projections::EventStore>(
    events: &S,
    builder: impl Fn(&S) -> projections::Builder<S>,
) {
    let calls = Calls::default();
    let mut total = 0;
    for more in [100, 1, 0, 37] {
        append_some(events, total..total + more).await;
        let runtime = build(builder(events), &calls).await;
        runtime.catch_up().await.unwrap();
        assert_eq!(calls.take(), more, "at {total}");
        total += more;
        assert_eq!(seen(&runtime).await, uninterrupted(0..total).await);
        assert_eq!(fault(&runtime).await, "");
    }
}

async fn append_some<S: projections::EventStore>(events: &S, numbers: std::ops::Range<u64>) {
    if !numbers.is_empty() {
        append(events, numbers).await;
    }
}

#[tokio::test]
async fn a_damaged_snapshot_is_never_used() {
    let (events, calls) = (MemoryEventStore::new(), Calls::default());
    append(&events, 0..20).await;
    process(&events, &calls).await.catch_up().await.unwrap();
    let place = events.snapshots().unwrap();
    let whole = place.load(&key()).await.unwrap().unwrap();
    let expected = uninterrupted(0..20).await;
    // Every place of the head, and every seventh of the rest.
    let places = (0..whole.len()).filter(|at| *at < 60 || at % 7 == 0);
    let mut damaged: Vec<Vec<u8>> = places.clone().map(|end| whole[..end].to_vec()).collect();
    damaged.extend(places.map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    }));
    damaged.push([whole.clone(), vec![0]].concat());
    for bytes in damaged {
        calls.take();
        place.save(&key(), bytes).await.unwrap();
        let runtime = process(&events, &calls).await;
        runtime.catch_up().await.unwrap();
        assert_eq!((calls.take(), seen(&runtime).await), (20, expected.clone()));
    }
    // The whole one would have been.
    place.save(&key(), whole).await.unwrap();
    let runtime = process(&events, &calls).await;
    runtime.catch_up().await.unwrap();
    assert_eq!((calls.take(), seen(&runtime).await), (0, expected));
}

macro_rules! other_tally {
    ($name:ident, [$($option:tt)*], $field:ty, $add:expr) => {
        #[projector("tally", snapshot $($option)*, register = false, on_failure = "halt", retry(none))]
        #[derive(Clone, Default)]
        struct $name {
            #[resource]
            calls: Calls,
            sum: $field,
        }

        #[handlers]
        impl $name {
            #[handles(Added)]
            fn added(&mut self, event: &Added) {
                self.calls.count.fetch_add(1, SeqCst);
                self.sum += $add(event.n);
            }
        }
    };
}

other_tally!(Sum, [], u64, |n| n);
other_tally!(OtherBody, [], u64, |n: u64| n.wrapping_add(0));
other_tally!(OtherVersion, [, version = 2], u64, |n| n);
other_tally!(OtherField, [], i64, u64::cast_signed);

#[tokio::test]
async fn a_snapshot_of_other_code_is_not_used_and_says_so() {
    macro_rules! other {
        ($other:ident) => {{
            let (events, calls) = (MemoryEventStore::new(), Calls::default());
            append(&events, 0..20).await;
            let built = |builder: projections::Builder<_>| builder.without_linked().build();
            let sum = Sum { calls: calls.clone(), sum: 0 };
            for expected in [20, 0] {
                let runtime = Runtime::builder(events.clone()).projector(sum.clone());
                built(runtime).await.unwrap().catch_up().await.unwrap();
                assert_eq!(calls.take(), expected);
            }
            let other = $other { calls: calls.clone(), sum: 0 };
            let runtime = built(Runtime::builder(events.clone()).projector(other)).await.unwrap();
            runtime.catch_up().await.unwrap();
            assert_eq!(calls.take(), 20, stringify!($other));
            assert_eq!(runtime.read::<$other, _>(|other| other.sum).await.unwrap(), 190);
            let mut status = runtime.status().await.unwrap();
            let snapshot = status.projectors.remove(0).snapshot.unwrap();
            // Its own has taken the place of the other one.
            assert_eq!(snapshot.position, Some(GlobalPosition::new(20)));
        }};
    }
    other!(OtherBody);
    other!(OtherVersion);
    other!(OtherField);
}

#[tokio::test]
async fn a_snapshot_of_other_code_is_told_of_while_it_is_replayed() {
    let (events, calls) = (MemoryEventStore::new(), Calls::default());
    append(&events, 0..20).await;
    process(&events, &calls).await.catch_up().await.unwrap();
    calls.fails_at.store(1, SeqCst);
    let sum = Runtime::builder(events.clone()).without_linked();
    let sum = sum.projector(Sum::default()).build().await.unwrap();
    let running = Running::start(&sum);
    caught_up(&sum).await;
    let text = fault(&sum).await;
    assert!(text.contains("of other code") && text.contains("replayed"), "{text}");
    running.stop().await.unwrap();
}

fn copy(from: &Path, to: &Path) {
    let db = projections::sqlite::rusqlite::Connection::open(from).unwrap();
    db.execute("VACUUM INTO ?1", [to.to_str().unwrap()]).unwrap();
}

#[tokio::test]
async fn a_snapshot_of_a_log_that_went_back_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let snapshots = Sqlite::open(path("snapshots.db")).unwrap();
    let calls = Calls::default();
    let start = async |events: SqliteEventStore| {
        build(Runtime::builder(events).checkpoints(snapshots.clone()), &calls).await
    };
    let events = SqliteEventStore::open(path("events.db")).unwrap();
    append(&events, 0..10).await;
    copy(&path("events.db"), &path("copy.db"));
    append(&events, 10..20).await;
    start(events).await.catch_up().await.unwrap();
    assert_eq!(calls.take(), 20);
    // Others stand now where the last ones were: the snapshot names an event that is gone.
    let copied = SqliteEventStore::open(path("copy.db")).unwrap();
    append(&copied, 100..115).await;
    let runtime = start(copied.clone()).await;
    runtime.catch_up().await.unwrap();
    assert_eq!(calls.take(), 25);
    let expected = uninterrupted((0..10).chain(100..115)).await;
    assert_eq!(seen(&runtime).await, expected);
    // The same of another store altogether.
    let other = SqliteEventStore::open(path("other.db")).unwrap();
    append(&other, 0..30).await;
    let runtime = start(other).await;
    runtime.catch_up().await.unwrap();
    assert_eq!((calls.take(), seen(&runtime).await), (30, uninterrupted(0..30).await));
}

#[tokio::test]
async fn after_a_failure_the_state_comes_from_the_snapshot() {
    let (events, calls) = (MemoryEventStore::new(), Calls::default());
    append(&events, 0..100).await;
    let runtime = process(&events, &calls).await;
    runtime.catch_up().await.unwrap();
    append(&events, 100..120).await;
    calls.take();
    calls.fails_at.store(110, SeqCst);
    let error = runtime.catch_up().await.unwrap_err().to_string();
    assert!(error.contains("position 111"), "{error}");
    // The failing batch up to its event, and again up to before it.
    assert_eq!((calls.take(), seen(&runtime).await), (11 + 10, uninterrupted(0..110).await));
    calls.fails_at.store(0, SeqCst);
    runtime.catch_up().await.unwrap();
    assert_eq!((calls.take(), seen(&runtime).await), (10, uninterrupted(0..120).await));
}

#[tokio::test]
async fn a_snapshot_beyond_what_failed_here_is_not_used_for_it() {
    let (events, calls) = (MemoryEventStore::new(), Calls::default());
    append(&events, 0..10).await;
    let fails = Calls::default();
    fails.fails_at.store(15, SeqCst);
    let failing = process(&events, &fails).await;
    failing.catch_up().await.unwrap();
    append(&events, 10..20).await;
    // Another process has no trouble, and its snapshot is newer.
    process(&events, &calls).await.catch_up().await.unwrap();
    let error = failing.catch_up().await.unwrap_err().to_string();
    assert!(error.contains("position 16"), "{error}");
    assert_eq!(seen(&failing).await, uninterrupted(0..15).await);
}

#[projector("newcomer", snapshot, from = "now", register = false)]
#[derive(Clone, Default)]
pub(crate) struct Newcomer {
    pub(crate) seen: Vec<u64>,
}

#[handlers]
impl Newcomer {
    #[handles(Added)]
    fn added(&mut self, event: &Added) {
        self.seen.push(event.n);
    }
}

/// Rule R3 for a read model in process.
#[tokio::test]
async fn from_now_is_pinned_by_a_snapshot_before_anything_is_read() {
    let events = MemoryEventStore::new();
    append(&events, 0..10).await;
    let start = async || {
        let runtime = Runtime::builder(events.clone()).without_linked();
        runtime.projector(Newcomer::default()).build().await.unwrap()
    };
    let seen = async |runtime: &Runtime<MemoryEventStore>| {
        runtime.read::<Newcomer, _>(|newcomer| newcomer.seen.clone()).await.unwrap()
    };
    let runtime = start().await;
    let mut running = Box::pin(runtime.run(std::future::pending()));
    tokio::select! {
        ended = &mut running => ended.unwrap(),
        () = caught_up(&runtime) => {}
    }
    drop(running); // no clean stop
    append(&events, 10..60).await;
    let runtime = start().await;
    runtime.catch_up().await.unwrap();
    assert_eq!(seen(&runtime).await, (10..60).collect::<Vec<_>>());
    // Where that is gone it begins anew.
    events.snapshots().unwrap().remove(&CheckpointKey::new("", "newcomer")).await.unwrap();
    let runtime = start().await;
    runtime.catch_up().await.unwrap();
    assert_eq!(seen(&runtime).await, [] as [u64; 0]);
}

#[projector(
    "boxed",
    snapshot,
    rollback = "clone",
    register = false,
    on_failure = "halt",
    retry(none)
)]
#[derive(Clone, Default)]
struct Boxed<T>(T, #[resource] Calls)
where
    T: Clone
        + Default
        + serde::Serialize
        + serde::de::DeserializeOwned
        + Push
        + Send
        + Sync
        + 'static;

trait Push {
    fn push(&mut self, n: u64);
}

impl Push for Vec<u64> {
    fn push(&mut self, n: u64) {
        Vec::push(self, n);
    }
}

#[handlers]
impl<T> Boxed<T>
where
    T: Clone
        + Default
        + serde::Serialize
        + serde::de::DeserializeOwned
        + Push
        + Send
        + Sync
        + 'static,
{
    #[handles(Added)]
    fn added(&mut self, event: &Added) {
        self.1.count.fetch_add(1, SeqCst);
        self.0.push(event.n);
    }
}

#[tokio::test]
async fn a_generic_projector_has_snapshots_too() {
    let (events, calls) = (MemoryEventStore::new(), Calls::default());
    for expected in [20, 0] {
        if expected > 0 {
            append(&events, 0..20).await;
        }
        let projector = Boxed(Vec::<u64>::new(), calls.clone());
        let runtime = Runtime::builder(events.clone()).without_linked().projector(projector);
        let runtime = runtime.build().await.unwrap();
        runtime.catch_up().await.unwrap();
        assert_eq!(calls.take(), expected);
        let seen = runtime.read::<Boxed<Vec<u64>>, _>(|boxed| boxed.0.clone()).await.unwrap();
        assert_eq!(seen, (0..20).collect::<Vec<_>>());
    }
}

/// A place whose answers are decided by the test.
#[derive(Clone)]
struct Watched {
    inner: Arc<dyn SnapshotStore>,
    gate: Option<Gate>,
    fails: bool,
    saves: Arc<std::sync::Mutex<Vec<usize>>>,
}

impl SnapshotStore for Watched {
    fn load<'a>(
        &'a self,
        key: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.inner.load(key)
    }

    fn save<'a>(
        &'a self,
        key: &'a CheckpointKey,
        snapshot: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.saves.lock().unwrap().push(snapshot.len());
            if let Some(gate) = &self.gate {
                gate.pass().await;
            }
            if self.fails {
                return Err(StoreError::new(StoreErrorKind::Full, "write there"));
            }
            self.inner.save(key, snapshot).await
        })
    }

    fn remove<'a>(&'a self, key: &'a CheckpointKey) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.remove(key)
    }
}

/// An event source has such a place, or none.
#[derive(Clone)]
struct Place(Option<Watched>);

impl Place {
    fn saves(&self) -> usize {
        self.0.as_ref().unwrap().saves.lock().unwrap().len()
    }
}

impl Hooks<MemoryEventStore> for Place {
    fn label(&self, _: &MemoryEventStore) -> String {
        "a store of our own".to_owned()
    }

    fn snapshots(&self, _: &MemoryEventStore) -> Option<Arc<dyn SnapshotStore>> {
        self.0.clone().map(|place| Arc::new(place) as _)
    }
}

fn with(
    events: &MemoryEventStore,
    gate: Option<Gate>,
    fails: bool,
) -> Around<MemoryEventStore, Place> {
    let inner = events.snapshots().unwrap();
    let place = Place(Some(Watched { inner, gate, fails, saves: Arc::default() }));
    Around { inner: events.clone(), hooks: place }
}

#[tokio::test]
async fn without_a_place_for_snapshots_the_runtime_is_not_built() {
    let events = Around { inner: MemoryEventStore::new(), hooks: Place(None) };
    let builder = || Runtime::builder(events.clone()).without_linked().projector(Tally::default());
    let error = builder().build().await.unwrap_err();
    assert!(matches!(error.faults(), [BuildFault::NoSnapshots { .. }]), "{error}");
    let text = error.to_string();
    for part in ["`tally`", "a store of our own", ".checkpoints(..)"] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let place = Sqlite::open(folder.path().join("snapshots.db")).unwrap();
    builder().checkpoints(place).build().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_saved_is_told_and_the_projector_goes_on() {
    let events = MemoryEventStore::new();
    let with = with(&events, None, true);
    append(&events, 0..20).await;
    let runtime = build(Runtime::builder(with.clone()), &Calls::default()).await;
    runtime.catch_up().await.unwrap();
    assert_eq!((with.hooks.saves(), seen(&runtime).await), (1, uninterrupted(0..20).await));
    let fault = fault(&runtime).await;
    assert!(fault.contains("could not be saved: cannot write there"), "{fault}");
}

/// They are written beside the projector's work, one at a time, by number of events.
#[tokio::test]
async fn a_slow_place_holds_nobody_up_and_a_newer_snapshot_waits() {
    let (events, gate, calls) = (MemoryEventStore::new(), Gate::default(), Calls::default());
    let with = with(&events, Some(gate.clone()), false);
    let runtime = build(Runtime::builder(with.clone()), &calls).await;
    let running = Running::start(&runtime);
    for from in (0..60_000).step_by(10_000) {
        append(&events, from..from + 10_000).await;
        caught_up_to(&runtime, from + 10_000).await;
    }
    // Serialising is kept to a share of the time, so how many were due is not known; but no second
    // one was begun while the first was on its way.
    assert!(with.hooks.saves() <= 1, "{}", with.hooks.saves());
    assert_eq!(calls.take(), 60_000);
    gate.open_for(2);
    running.stop().await.unwrap();
    let another = build(Runtime::builder(events.clone()), &calls).await;
    another.catch_up().await.unwrap();
    assert_eq!(calls.take(), 0, "the clean stop has saved the last state");
}

async fn caught_up_to<S: EventSource>(runtime: &Runtime<S>, events: u64) {
    let head = GlobalPosition::new(events);
    loop {
        let status = runtime.status().await.unwrap().projectors.remove(0);
        if status.scanned >= head {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_is_taken_every_ten_seconds_if_anything_was_applied() {
    let (events, calls) = (MemoryEventStore::new(), Calls::default());
    let with = with(&events, None, false);
    let runtime = build(Runtime::builder(with.clone()), &calls).await;
    let running = Running::start(&runtime);
    append(&events, 0..5).await;
    caught_up_to(&runtime, 5).await;
    assert_eq!(with.hooks.saves(), 0);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(with.hooks.saves(), 1);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(with.hooks.saves(), 1, "nothing has come since");
    append(&events, 5..6).await;
    caught_up_to(&runtime, 6).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(with.hooks.saves(), 2);
    running.stop().await.unwrap();
    assert_eq!(with.hooks.saves(), 2, "it is saved as it is");
}
