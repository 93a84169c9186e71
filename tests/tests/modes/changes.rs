//! Lawful changes: a projector that is run another way than before.

use projections::{
    Event, EventStore, HaltReason, Handlers, NewEvent, Projector, RunError, Runtime, State,
    handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
    testing::{MemoryStorage, MemoryTx},
};
use projections_tests::ledger::Added;

use crate::support::append;

/// Counts how often each number was applied.
macro_rules! counting {
    ($name:ident $(, $option:ident = $value:literal)*) => {
        #[projector("counting", storage = MemoryStorage, register = false $(, $option = $value)*)]
        #[derive(Clone)]
        struct $name;

        #[handlers]
        impl $name {
            #[reset]
            fn clear(&self, db: &mut MemoryTx<'_>) {
                db.clear("counts");
            }

            #[handles(Added)]
            fn added(&self, event: &Added, db: &mut MemoryTx<'_>) {
                let key = format!("{:04}", event.n);
                let count = db.get("counts", &key).and_then(|count| count.as_u64()).unwrap_or(0);
                db.set("counts", key, count + 1);
            }
        }
    };
}

counting!(Persistent);
counting!(FromNow, from = "now");
counting!(Live, mode = "live");

async fn run<P>(events: &MemoryEventStore, storage: &MemoryStorage, projector: P) -> Ran
where
    P: Projector + Handlers + Clone + Send + Sync + 'static,
{
    let runtime = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    let runtime = runtime.projector(projector).build().await.unwrap();
    let ended = runtime.catch_up().await;
    Ran { runtime, ended }
}

struct Ran {
    runtime: Runtime<MemoryEventStore>,
    ended: Result<(), RunError>,
}

/// The numbers that were applied; each once.
fn counted(storage: &MemoryStorage) -> Vec<u64> {
    let counts = storage.rows("counts");
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    counts.keys().map(|key| key.parse().unwrap()).collect()
}

fn refused(ended: Result<(), RunError>) -> String {
    let error = ended.unwrap_err();
    assert!(matches!(*error.halted()[0].reason, HaltReason::StaleCode { .. }), "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_live_projector_that_is_made_persistent_asks_for_a_rebuild() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, 0..10).await;
    let live = run(&events, &storage, Live).await.runtime;
    append(&events, 10..20).await;
    live.catch_up().await.unwrap();
    assert_eq!(counted(&storage), (10..20).collect::<Vec<_>>());
    // What it wrote without a checkpoint would be written once more.
    for _ in 0..2 {
        let Ran { runtime, ended } = run(&events, &storage, Persistent).await;
        let text = refused(ended);
        assert!(text.contains("was live") && text.contains("rebuild"), "{text}");
        assert_eq!(runtime.status().await.unwrap().projectors[0].state, State::StaleCode);
        assert_eq!(counted(&storage), (10..20).collect::<Vec<_>>());
    }
    let Ran { runtime, .. } = run(&events, &storage, Persistent).await;
    runtime.rebuild("counting").await.unwrap();
    append(&events, 20..30).await;
    for _ in 0..2 {
        run(&events, &storage, Persistent).await.ended.unwrap();
        assert_eq!(counted(&storage), (0..30).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_live_projector_that_goes_on_from_now_repeats_nothing() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, 0..10).await;
    let live = run(&events, &storage, Live).await.runtime;
    append(&events, 10..20).await;
    live.catch_up().await.unwrap();
    append(&events, 20..25).await; // nobody runs it
    run(&events, &storage, FromNow).await.ended.unwrap();
    append(&events, 25..30).await;
    for _ in 0..2 {
        run(&events, &storage, FromNow).await.ended.unwrap();
        assert_eq!(counted(&storage), (10..20).chain(25..30).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_persistent_projector_that_is_made_live_leaves_its_checkpoint_alone() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, 0..10).await;
    run(&events, &storage, Persistent).await.ended.unwrap();
    append(&events, 10..20).await; // between the two
    let Ran { runtime: live, ended } = run(&events, &storage, Live).await;
    ended.unwrap();
    append(&events, 20..30).await;
    live.catch_up().await.unwrap();
    assert_eq!(counted(&storage), (0..10).chain(20..30).collect::<Vec<_>>());
    // The checkpoint says nothing of what the live one wrote.
    let text = refused(run(&events, &storage, Persistent).await.ended);
    assert!(text.contains("was live"), "{text}");
    refused(run(&events, &storage, FromNow).await.ended);
    run(&events, &storage, Persistent).await.runtime.rebuild("counting").await.unwrap();
    run(&events, &storage, Persistent).await.ended.unwrap();
    assert_eq!(counted(&storage), (0..30).collect::<Vec<_>>());
}

macro_rules! in_process {
    ($name:ident $(, $option:ident = $value:literal)*) => {
        #[projector("counting-in-process", register = false $(, $option = $value)*)]
        #[derive(Clone, Default)]
        struct $name {
            seen: Vec<u64>,
        }

        #[handlers]
        impl $name {
            #[handles(Added)]
            fn added(&mut self, event: &Added) {
                self.seen.push(event.n);
            }
        }
    };
}

in_process!(LiveState, mode = "live");
in_process!(PersistentState);

#[tokio::test]
async fn in_process_each_way_begins_by_itself() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, 0..10).await;
    let live = run(&events, &storage, LiveState::default()).await.runtime;
    append(&events, 10..20).await;
    live.catch_up().await.unwrap();
    let persistent = run(&events, &storage, PersistentState::default()).await.runtime;
    let seen = persistent.read::<PersistentState, _>(|state| state.seen.clone()).await.unwrap();
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
    let seen = live.read::<LiveState, _>(|state| state.seen.clone()).await.unwrap();
    assert_eq!(seen, (10..20).collect::<Vec<_>>());
}

macro_rules! on_sqlite {
    ($name:ident $(, $option:ident = $value:literal)*) => {
        #[projector("counting-sql", storage = Sqlite, register = false $(, $option = $value)*)]
        #[derive(Clone)]
        struct $name;

        #[handlers]
        impl $name {
            #[setup]
            fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
                db.execute_batch("CREATE TABLE IF NOT EXISTS seen (n INTEGER NOT NULL)")
            }

            #[reset]
            fn clear(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
                db.execute_batch("DELETE FROM seen")
            }

            #[handles(Added)]
            fn added(&self, event: &Added, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
                db.execute("INSERT INTO seen VALUES (?1)", [event.n.cast_signed()]).map(drop)
            }
        }
    };
}

on_sqlite!(LiveSql, mode = "live");
on_sqlite!(PersistentSql);

#[tokio::test]
async fn on_sqlite_a_live_projector_that_is_made_persistent_asks_for_a_rebuild() {
    let folder = tempfile::tempdir().unwrap();
    let (events, storage) =
        (MemoryEventStore::new(), Sqlite::open(folder.path().join("read.db")).unwrap());
    let builder = || Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    append(&events, 0..10).await;
    let live = builder().projector(LiveSql).build().await.unwrap();
    live.catch_up().await.unwrap();
    append(&events, 10..20).await;
    live.catch_up().await.unwrap();
    let persistent = builder().projector(PersistentSql).build().await.unwrap();
    let text = refused(persistent.catch_up().await);
    assert!(text.contains("`counting-sql`") && text.contains("was live"), "{text}");
    persistent.rebuild("counting-sql").await.unwrap();
    persistent.catch_up().await.unwrap();
    let db = storage.connect().unwrap();
    let (count, distinct): (i64, i64) = db
        .query_row("SELECT count(*), count(DISTINCT n) FROM seen", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!((count, distinct), (20, 20));
}

/// An event of another domain.
#[derive(Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "letters")]
struct Written {
    n: u64,
}

macro_rules! more_domains {
    ($name:ident $(, $from:ident = $value:literal)?) => {
        #[projector("counting", storage = MemoryStorage, on_change = "ignore", register = false)]
        #[derive(Clone)]
        struct $name;

        #[handlers]
        impl $name {
            #[reset]
            fn clear(&self, db: &mut MemoryTx<'_>) {
                db.clear("counts");
            }

            #[handles(Added)]
            fn added(&self, event: &Added, db: &mut MemoryTx<'_>) {
                let key = format!("{:04}", event.n);
                let count = db.get("counts", &key).and_then(|count| count.as_u64()).unwrap_or(0);
                db.set("counts", key, count + 1);
            }

            #[handles(Written $(, $from = $value)?)]
            fn written(&self, event: &Written, db: &mut MemoryTx<'_>) {
                db.set("counts", format!("{:04}", 1_000 + event.n), 1);
            }
        }
    };
}

more_domains!(TwoDomains);
more_domains!(SecondFromNow, from = "now");

async fn write(events: &MemoryEventStore, numbers: impl IntoIterator<Item = u64>) {
    let written = numbers.into_iter().map(|n| NewEvent::of(&Written { n }).unwrap()).collect();
    let request = projections::AppendRequest::new("letters", projections::Expected::Any, written);
    events.append(request).await.unwrap();
}

#[tokio::test]
async fn a_new_domain_is_taken_up_where_nothing_of_it_was_passed() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, 0..10).await;
    run(&events, &storage, Persistent).await.ended.unwrap();
    write(&events, 0..3).await;
    append(&events, 10..12).await;
    run(&events, &storage, TwoDomains).await.ended.unwrap();
    assert_eq!(counted(&storage), (0..12).chain(1_000..1_003).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_new_domain_whose_events_were_passed_asks_for_a_rebuild_or_begins_now() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    write(&events, 0..3).await;
    append(&events, 0..10).await;
    run(&events, &storage, Persistent).await.ended.unwrap();
    let text = refused(run(&events, &storage, TwoDomains).await.ended);
    assert!(text.contains("Written was added, 3 of them were passed"), "{text}");
    assert!(text.contains("rebuild"), "{text}");
    write(&events, 3..5).await;
    run(&events, &storage, SecondFromNow).await.ended.unwrap();
    assert_eq!(counted(&storage), (0..10).chain(1_003..1_005).collect::<Vec<_>>());
    run(&events, &storage, TwoDomains).await.runtime.rebuild("counting").await.unwrap();
    assert_eq!(counted(&storage), (0..10).chain(1_000..1_005).collect::<Vec<_>>());
}
