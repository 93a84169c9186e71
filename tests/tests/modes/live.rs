//! `mode = "live"`: rule R11.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use projections::{
    AsyncStorage, BlockingStorage, EventStore, Mode, ReadModel, RebuildError, Rows, Runtime, State,
    StoreErrorKind, WaitError, handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteEventStore, SqliteTx, rusqlite},
    testing::{Call, MemoryStorage, MemoryTx},
};
use projections_tests::ledger::Added;

use crate::support::{Gate, Running, append, caught_up};

#[projector("live-state", mode = "live", register = false)]
#[derive(Clone, Default)]
struct LiveState {
    gate: Option<Gate>,
    seen: Vec<u64>,
}

#[handlers]
impl LiveState {
    #[handles(Added)]
    async fn added(&mut self, event: &Added) {
        if let Some(gate) = &self.gate {
            gate.pass().await;
        }
        self.seen.push(event.n);
    }
}

async fn live_state<S: EventStore>(events: S, gate: Option<Gate>) -> Runtime<S> {
    let runtime = Runtime::builder(events).without_linked();
    runtime.projector(LiveState { gate, seen: Vec::new() }).build().await.unwrap()
}

async fn seen<S: EventStore>(runtime: &Runtime<S>) -> Vec<u64> {
    runtime.read::<LiveState, _>(|live| live.seen.clone()).await.unwrap()
}

#[tokio::test]
async fn it_begins_at_the_head_of_its_first_start_and_keeps_its_place() {
    let events = MemoryEventStore::new();
    append(&events, 0..10).await;
    let runtime = live_state(events.clone(), None).await;
    runtime.catch_up().await.unwrap();
    assert_eq!(seen(&runtime).await, [] as [u64; 0]);
    append(&events, 10..13).await;
    // What comes between two runs of one process is not lost.
    runtime.catch_up().await.unwrap();
    assert_eq!(seen(&runtime).await, [10, 11, 12]);
    let running = Running::start(&runtime);
    caught_up(&runtime).await;
    append(&events, 13..15).await;
    caught_up(&runtime).await;
    running.stop().await.unwrap();
    assert_eq!(seen(&runtime).await, [10, 11, 12, 13, 14]);
    // Another process, here another runtime, begins by itself.
    let another = live_state(events.clone(), None).await;
    another.catch_up().await.unwrap();
    append(&events, 15..16).await;
    another.catch_up().await.unwrap();
    assert_eq!(seen(&another).await, [15]);
}

#[tokio::test]
async fn one_that_is_slower_than_its_events_lags_and_loses_none() {
    let (events, gate) = (MemoryEventStore::new(), Gate::default());
    append(&events, 0..10).await;
    let runtime = live_state(events.clone(), Some(gate.clone())).await;
    let running = Running::start(&runtime);
    caught_up(&runtime).await;
    // More than a batch, and more than any buffer.
    append(&events, 10..2_510).await;
    let status = runtime.status().await.unwrap().projectors.remove(0);
    assert_eq!((status.behind, status.state), (2_500, State::CatchingUp));
    assert_eq!((status.mode, status.elsewhere), (Mode::Live, false));
    gate.open_for(1_700);
    append(&events, 2_510..2_600).await;
    gate.open_for(890);
    caught_up(&runtime).await;
    running.stop().await.unwrap();
    assert_eq!(seen(&runtime).await, (10..2_600).collect::<Vec<_>>());
}

#[projector("live-rows", storage = MemoryStorage, mode = "live", register = false)]
#[derive(Clone)]
struct LiveRows;

#[handlers]
impl LiveRows {
    #[handles(Added)]
    fn added(&self, event: &Added, db: &mut MemoryTx<'_>) -> Result<(), String> {
        if db.get("rows", &event.n.to_string()).is_some() {
            return Err(format!("{} was applied twice", event.n));
        }
        db.set("rows", event.n.to_string(), true);
        Ok(())
    }
}

async fn live_rows(
    events: &MemoryEventStore,
    storage: &MemoryStorage,
) -> Runtime<MemoryEventStore> {
    let runtime = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    runtime.projector(LiveRows).batch_events(3).build().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn on_a_storage_each_batch_is_a_transaction_without_a_checkpoint() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, 0..5).await;
    let runtime = live_rows(&events, &storage).await;
    runtime.catch_up().await.unwrap();
    append(&events, 5..15).await;
    // An outage is waited out, and what was rolled back is applied again.
    storage.fail(Call::Begin, 2, StoreErrorKind::Unavailable);
    storage.fail(Call::Commit, 3, StoreErrorKind::Unavailable);
    runtime.catch_up().await.unwrap();
    let keys: Vec<u64> = storage.rows("rows").keys().map(|key| key.parse().unwrap()).collect();
    assert_eq!(keys.len(), 10, "{keys:?}");
    assert!(keys.iter().all(|n| (5..15).contains(n)), "{keys:?}");
    assert!(storage.checkpoints("").await.unwrap().is_empty());
    let status = runtime.status().await.unwrap().projectors.remove(0);
    assert_eq!((status.position.get(), status.behind), (15, 0));
}

#[tokio::test]
async fn a_process_that_does_not_run_it_says_so() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    let runs = live_rows(&events, &storage).await;
    runs.catch_up().await.unwrap();
    let looks = live_rows(&events, &storage).await;
    let status = looks.status().await.unwrap().projectors.remove(0);
    assert!(status.elsewhere && status.mode == Mode::Live);
    let receipt = append(&events, 0..1).await;
    let short = std::time::Duration::from_millis(1);
    let waited = looks.wait_for("live-rows", &receipt.token(), short).await;
    assert!(matches!(waited, Err(WaitError::TimedOut { here: false, .. })), "{waited:?}");
}

#[tokio::test]
async fn there_is_nothing_to_rebuild() {
    let events = MemoryEventStore::new();
    let in_process = live_state(events.clone(), None).await;
    let stored = live_rows(&events, &MemoryStorage::new()).await;
    for (runtime, name) in [(in_process, "live-state"), (stored, "live-rows")] {
        let error = runtime.rebuild(name).await.unwrap_err();
        assert!(matches!(error, RebuildError::Live { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[projector("live-failing", mode = "live", register = false, retry(none))]
#[derive(Clone, Default)]
struct LiveFailing {
    failures: Arc<AtomicU64>,
    seen: Vec<u64>,
}

#[handlers]
impl LiveFailing {
    #[handles(Added)]
    fn added(&mut self, event: &Added) -> Result<(), String> {
        self.seen.push(event.n); // and then fails: the half
        let failing = |left: u64| left.checked_sub(1);
        match self.failures.fetch_update(SeqCst, SeqCst, failing) {
            Ok(_) if event.n == 14 => Err("the fourteenth".to_owned()),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_failed_handler_replays_from_the_first_place_and_no_further_back() {
    let events = MemoryEventStore::new();
    append(&events, 0..10).await;
    let projector = LiveFailing::default();
    let failures = Arc::clone(&projector.failures);
    let runtime = Runtime::builder(events.clone()).without_linked().projector(projector);
    let runtime = runtime.build().await.unwrap();
    runtime.catch_up().await.unwrap();
    append(&events, 10..20).await;
    // Every event but one spends a failure, too.
    failures.store(5, SeqCst);
    let error = runtime.catch_up().await.unwrap_err().to_string();
    assert!(error.contains("position 15") && error.contains("the fourteenth"), "{error}");
    let seen = async || runtime.read::<LiveFailing, _>(|live| live.seen.clone()).await.unwrap();
    assert_eq!(seen().await, [10, 11, 12, 13]);
    runtime.catch_up().await.unwrap();
    assert_eq!(seen().await, (10..20).collect::<Vec<_>>());
}

#[projector("live-sql", storage = Sqlite, mode = "live", register = false)]
#[derive(Clone)]
struct LiveSql;

#[handlers]
impl LiveSql {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("CREATE TABLE IF NOT EXISTS seen (n INTEGER NOT NULL)")
    }

    #[handles(Added)]
    fn added(&self, event: &Added, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute("INSERT INTO seen VALUES (?1)", [event.n.cast_signed()]).map(drop)
    }
}

#[derive(Debug, Default, ReadModel)]
#[read_model(table = "live_totals")]
struct Total {
    #[key]
    stream: String,
    sum: i64,
}

#[projector("live-totals", storage = Sqlite, mode = "live", register = false)]
#[derive(Clone)]
struct LiveTotals;

#[handlers]
impl LiveTotals {
    #[handles(Added)]
    fn added(&self, event: &Added, totals: &mut Rows<Total>) {
        totals.entry("a").sum += event.n.cast_signed();
    }
}

/// Each process runs them: what they write is there once for each.
#[tokio::test]
async fn on_sqlite_every_process_applies_each_event() {
    let folder = tempfile::tempdir().unwrap();
    let events = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
    let storage = Sqlite::open(folder.path().join("read.db")).unwrap();
    append(&events, 0..10).await;
    let mut runtimes = Vec::new();
    for _ in 0..2 {
        let runtime = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
        let runtime = runtime.projector(LiveSql).projector(LiveTotals).batch_events(7);
        let runtime = runtime.build().await.unwrap();
        runtime.catch_up().await.unwrap();
        runtimes.push(runtime);
    }
    append(&events, 10..30).await;
    for runtime in &runtimes {
        runtime.catch_up().await.unwrap();
    }
    append(&events, 30..40).await;
    for runtime in &runtimes {
        runtime.catch_up().await.unwrap();
    }
    let db = storage.connect().unwrap();
    let (count, distinct): (i64, i64) = db
        .query_row("SELECT count(*), count(DISTINCT n) FROM seen", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!((count, distinct), (60, 30));
    // No process writes a row that it kept over what the other has written.
    let sum: i64 = db.query_row("SELECT sum FROM live_totals", [], |row| row.get(0)).unwrap();
    assert_eq!(sum, 2 * (10..40).sum::<i64>());
    assert!(storage.checkpoints("").unwrap().is_empty());
}
