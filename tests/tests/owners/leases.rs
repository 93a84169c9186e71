//! Leases by a clock that stands still unless the test has nothing else to do.

use std::time::Duration;

use projections::{
    Envelope, EventSource, Runtime, State, handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
    testing::{Call, MemoryStorage, MemoryTx},
};
use projections_tests::ledger::Added;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Elsewhere, LEASE, append, ledger, run, stored, stored_on_sqlite};

/// A storage where the ledger has run over three events and was stopped.
async fn stopped() -> (MemoryEventStore, MemoryStorage) {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, 0..3).await;
    ledger(&events, &storage).await.catch_up().await.unwrap();
    (events, storage)
}

/// Looks again and again until it is so; the test fails when it takes an hour of paused time.
async fn until(mut so: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !so().await {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(3_600), looking).await.expect("it never becomes so");
}

/// Waits until the row is another's than this owner's, and returns how long that took.
async fn lost(owner: &Elsewhere) -> Duration {
    let began = Instant::now();
    until(async || !owner.owns().await).await;
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_silent_owner_is_replaced_after_its_lease_and_not_before() {
    let (events, storage) = stopped().await;
    let owner = Elsewhere::take(&storage, LEASE).await;
    append(&events, 3..6).await;
    let running = run(&ledger(&events, &storage).await);
    let took = lost(&owner).await;
    assert!(took >= LEASE && took < 2 * LEASE, "{took:?}");
    until(async || storage.rows("rows").len() == 6).await;
    running.abort();
}

/// What is said of the time is nothing to those who stand by, however wrong it is.
#[tokio::test(start_paused = true)]
async fn wall_clocks_decide_nothing() {
    let hour = jiff::SignedDuration::from_hours(1);
    for jump in [hour, -hour] {
        let (events, storage) = stopped().await;
        let owner = Elsewhere::take(&storage, LEASE).await;
        // Alive: each beat is an hour off, in the direction of the jump.
        let running = run(&ledger(&events, &storage).await);
        for _ in 0..30 {
            owner.write(|row| row.heartbeat_at += jump).await;
            owner.beat().await;
            sleep(LEASE * 2 / 3).await;
            assert!(owner.owns().await, "{jump}");
        }
        // Dead: at a time that is long past, or is yet to come.
        let took = lost(&owner).await;
        assert!(took <= 2 * LEASE, "{jump}: {took:?}");
        running.abort();
    }
}

/// The beat alone is enough: an owner whose clock stands still is alive.
#[tokio::test(start_paused = true)]
async fn an_owner_whose_clock_stands_still_is_alive() {
    let (events, storage) = stopped().await;
    let owner = Elsewhere::take(&storage, LEASE).await;
    let running = run(&ledger(&events, &storage).await);
    for _ in 0..20 {
        owner.beat().await;
        sleep(LEASE * 9 / 10).await;
    }
    assert!(owner.owns().await);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_clean_stop_hands_over_at_once() {
    let (events, storage) = stopped().await;
    let owner = Elsewhere::take(&storage, LEASE).await;
    let running = run(&ledger(&events, &storage).await);
    sleep(LEASE / 2).await;
    owner.release().await;
    let took = lost(&owner).await;
    until(async || stored(&storage).await.lease.is_some()).await;
    assert!(took < Duration::from_millis(200), "{took:?}");
    running.abort();
}

/// Of two programs that were told different leases, neither takes the other for dead too soon.
#[tokio::test(start_paused = true)]
async fn the_longer_of_two_leases_counts() {
    for (theirs, own) in [(60, 10), (10, 60)] {
        let (events, storage) = stopped().await;
        let owner = Elsewhere::take(&storage, Duration::from_secs(theirs)).await;
        let builder = Runtime::builder(events).storage(storage.clone()).only(["ledger-memory"]);
        let runtime = builder.lease(Duration::from_secs(own)).build().await.unwrap();
        let running = run(&runtime);
        let took = lost(&owner).await.as_secs();
        assert!((60..120).contains(&took), "{took}");
        running.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_owner_stays_the_owner() {
    let (events, storage) = stopped().await;
    let (first, second) = (ledger(&events, &storage).await, ledger(&events, &storage).await);
    let owner = run(&first);
    sleep(Duration::from_millis(10)).await;
    let epoch = stored(&storage).await.epoch;
    let standing_by = run(&second);
    let writes = storage.calls(Call::Commit);
    sleep(LEASE * 20).await;
    assert_eq!(stored(&storage).await.epoch, epoch);
    // Every third of the lease, and no more.
    let writes = storage.calls(Call::Commit) - writes;
    assert!((59..=61).contains(&writes), "{writes}");
    let shown = second.status().await.unwrap().projectors.remove(0);
    let owns = first.status().await.unwrap().projectors.remove(0);
    assert_eq!((shown.state, owns.state), (State::CaughtUp, State::CaughtUp));
    assert_eq!(shown.owner, owns.owner);
    assert!(shown.owner.unwrap().process.contains(&std::process::id().to_string()));
    owner.abort();
    standing_by.abort();
}

/// Whoever catches up where another runs the projector waits for that one.
#[tokio::test(start_paused = true)]
async fn a_one_shot_run_waits_for_the_owner() {
    let (events, storage) = stopped().await;
    let owner = Elsewhere::take(&storage, LEASE).await;
    append(&events, 3..6).await;
    let head = events.head().await.unwrap().unwrap();
    let runtime = ledger(&events, &storage).await;
    let catching_up = tokio::spawn(async move { runtime.catch_up().await });
    for _ in 0..5 {
        sleep(LEASE / 2).await;
        owner.beat().await;
        assert!(!catching_up.is_finished());
    }
    owner.write(|row| (row.scanned, row.event_id) = (head.position, Some(head.id))).await;
    catching_up.await.unwrap().unwrap();
    assert!(owner.owns().await);
    // Where the owner dies, it does the work itself.
    let runtime = ledger(&events, &storage).await;
    append(&events, 6..9).await;
    timeout(LEASE * 2, runtime.catch_up()).await.unwrap().unwrap();
    assert!(!owner.owns().await);
}

/// A wait in a process that stands by sees what the owner does, and so does its `catch_up`.
#[tokio::test(start_paused = true)]
async fn a_catch_up_beside_a_run_that_stands_by_waits_for_the_owner() {
    let (events, storage) = stopped().await;
    let owner = Elsewhere::take(&storage, LEASE).await;
    append(&events, 3..6).await;
    let head = events.head().await.unwrap().unwrap();
    let runtime = ledger(&events, &storage).await;
    let running = run(&runtime);
    sleep(Duration::from_secs(1)).await;
    let catching_up = tokio::spawn(async move { runtime.catch_up().await });
    sleep(Duration::from_secs(1)).await;
    assert!(!catching_up.is_finished());
    owner.write(|row| (row.scanned, row.event_id) = (head.position, Some(head.id))).await;
    catching_up.await.unwrap().unwrap();
    assert!(owner.owns().await);
    running.abort();
}

/// Its handler takes as long as it is told.
#[projector("slow", storage = MemoryStorage, register = false)]
#[derive(Clone)]
struct Slow(Duration);

#[handlers]
impl Slow {
    #[handles(Added)]
    async fn added(&self, event: &Added, at: &Envelope, db: &mut MemoryTx<'_>) {
        db.set("slow", at.position().to_string(), event.n);
        sleep(self.0).await;
    }
}

/// The owner's beat does not come while a batch has the storage. Those who wait for the storage then
/// see that it is alive.
#[tokio::test(start_paused = true)]
async fn batches_of_three_leases_do_not_cost_the_owner_its_projector() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, 0..5).await;
    let build = async || {
        let builder = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
        builder.projector(Slow(LEASE * 3)).batch_events(1).build().await.unwrap()
    };
    let owner = run(&build().await);
    sleep(Duration::from_secs(1)).await;
    let epoch = stored(&storage).await.epoch;
    let standing_by = run(&build().await);
    until(async || storage.rows("slow").len() == 5).await;
    assert_eq!(stored(&storage).await.epoch, epoch);
    owner.abort();
    standing_by.abort();
}

/// Half a lease after its last write an owner begins nothing before it has made sure of its lease.
#[tokio::test(start_paused = true)]
async fn an_owner_makes_sure_of_its_lease_before_a_late_batch() {
    for (long, renewals) in [(LEASE * 2 / 5, 0), (LEASE * 3 / 5, 4)] {
        let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
        append(&events, 0..5).await;
        let builder = Runtime::builder(events).without_linked().storage(storage.clone());
        let runtime = builder.projector(Slow(long)).batch_events(1).build().await.unwrap();
        runtime.catch_up().await.unwrap();
        // A start, five batches and a stop; and before each batch but the first.
        assert_eq!(storage.calls(Call::Commit), 7 + renewals, "{long:?}");
    }
}

#[projector("slow", storage = Sqlite, register = false)]
#[derive(Clone)]
struct SlowOnSqlite;

#[handlers]
impl SlowOnSqlite {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("CREATE TABLE IF NOT EXISTS slow (n)")
    }

    #[handles(Added)]
    fn added(&self, event: &Added, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        std::thread::sleep(Duration::from_millis(1_500));
        db.execute("INSERT INTO slow VALUES (?1)", [event.n.cast_signed()]).map(drop)
    }
}

/// The same on a file, by the real clock: its write lock protects the owner.
#[tokio::test]
async fn long_batches_on_a_file_do_not_cost_the_owner_its_projector() {
    let (events, folder) = (MemoryEventStore::new(), tempfile::tempdir().unwrap());
    append(&events, 0..3).await;
    let storage = Sqlite::open(folder.path().join("read.db")).unwrap();
    let build = async || {
        let builder = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
        let builder = builder.projector(SlowOnSqlite).batch_events(1);
        builder.lease(Duration::from_millis(500)).build().await.unwrap()
    };
    let owner = run(&build().await);
    while stored_on_sqlite(&storage).is_none() {
        tokio::task::yield_now().await;
    }
    let epoch = stored_on_sqlite(&storage).unwrap().epoch;
    let second = build().await;
    second.catch_up().await.unwrap();
    let stored = stored_on_sqlite(&storage).unwrap();
    assert_eq!((stored.epoch, stored.position.get()), (epoch, 3));
    owner.abort();
}
