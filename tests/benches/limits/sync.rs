//! Appends that wait, on SQLite: against an append followed by a hand-written apply in the same
//! thread; and a thousand who wait for one commit against one who does.
//!
//! What is unfair: the hand-written side knows that its event comes next. It needs no wake-up, reads
//! nothing back, decodes nothing, and its thread does nothing else.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use projections::{
    AppendRequest, Event, EventSource, EventStore, Expected, NewEvent, Runtime, SyncMode, Token,
    handlers, projector,
    sqlite::{Sqlite, SqliteEventStore, SqliteTx, rusqlite},
};
use tokio::{runtime::Runtime as Tokio, sync::oneshot};

use super::Comparison;

const WAITERS: usize = 1_000;
const LONG: Duration = Duration::from_secs(60);
const TABLE: &str = "CREATE TABLE IF NOT EXISTS sums (name TEXT PRIMARY KEY, sum INTEGER NOT NULL)";
const ADD: &str = "INSERT INTO sums VALUES (?1, ?2)
    ON CONFLICT (name) DO UPDATE SET sum = sum + excluded.sum";

#[derive(Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "sums")]
struct Paid {
    name: String,
    cents: i64,
}

impl Paid {
    fn nth(n: u64) -> Self {
        Self { name: format!("account-{}", n % 100), cents: n.cast_signed() }
    }
}

#[projector("sums", storage = Sqlite, register = false)]
#[derive(Clone)]
struct Sums;

#[handlers]
impl Sums {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(TABLE)
    }

    #[handles(Paid)]
    fn paid(&self, event: &Paid, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute(ADD, (&event.name, event.cents)).map(drop)
    }
}

/// A runtime whose projector runs, for as long as it lives.
struct Service {
    tokio: Tokio,
    runtime: Runtime<SqliteEventStore>,
    _stop: oneshot::Sender<()>,
}

impl Service {
    fn start(folder: &Path, name: &str) -> Self {
        let tokio = tokio();
        let runtime = Runtime::builder(open(folder, &format!("{name}-events.db")))
            .without_linked()
            .storage(Sqlite::open(folder.join(format!("{name}-read.db"))).unwrap())
            .projector(Sums);
        let runtime = tokio.block_on(runtime.build()).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let service = runtime.clone();
        tokio.spawn(async move { service.run(async { drop(stopped.await) }).await });
        Self { tokio, runtime, _stop: stop }
    }

    fn sync(&self, n: u64) {
        let append = self.runtime.append("a", Expected::Any, [Paid::nth(n)]);
        let append = append.sync(SyncMode::Simple).timeout(LONG);
        self.tokio.block_on(append.into_future()).unwrap();
    }

    /// From an append to when the last of so many knows that it is applied.
    fn latency(&self, waiters: usize) -> Duration {
        self.tokio.block_on(async {
            let events = self.runtime.events();
            let head = events.head().await.unwrap().map_or(0, |head| head.position.get());
            let next = (head + 1).into();
            let token = Token::new(events.store_id(), next, next, "a".into());
            let waiting: Vec<_> = (0..waiters)
                .map(|_| {
                    let (runtime, token) = (self.runtime.clone(), token.clone());
                    tokio::spawn(async move { runtime.wait_for("sums", &token, LONG).await })
                })
                .collect();
            // On one worker: whoever was spawned before has run when this has.
            tokio::spawn(async {}).await.unwrap();
            let began = Instant::now();
            self.runtime.append("a", Expected::Any, [Paid::nth(head)]).await.unwrap();
            for waiting in waiting {
                waiting.await.unwrap().unwrap();
            }
            began.elapsed()
        })
    }
}

fn tokio() -> Tokio {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn open(folder: &Path, name: &str) -> SqliteEventStore {
    SqliteEventStore::open(folder.join(name)).unwrap()
}

pub(crate) fn comparisons(folder: &Path, small: bool) -> Vec<Comparison> {
    let appends = if small { 10 } else { 200 };
    let (by_hand, service) = (by_hand(folder, appends), Service::start(folder, "sync"));
    let library = move || {
        let began = Instant::now();
        (0..appends).for_each(|n| service.sync(n));
        began.elapsed()
    };
    let latency = |name: &str, waiters| {
        let service = Service::start(folder, name);
        let times = if small { 1 } else { 20 };
        Box::new(move || (0..times).map(|_| service.latency(waiters)).sum())
    };
    vec![
        Comparison {
            what: "sync append",
            events: appends,
            bound: 2.0,
            hand_written: Box::new(by_hand),
            library: Box::new(library),
        },
        Comparison {
            what: "sync, 1,000 waiters to one",
            events: if small { 1 } else { 20 },
            bound: 3.0,
            hand_written: latency("one", 1),
            library: latency("thousand", WAITERS),
        },
    ]
}

/// Appends an event, and writes the row and the position in a transaction of its own.
fn by_hand(folder: &Path, appends: u64) -> impl FnMut() -> Duration + 'static {
    let (tokio, events) = (tokio(), open(folder, "by-hand-events.db"));
    let db = rusqlite::Connection::open(folder.join("by-hand-read.db")).unwrap();
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;").unwrap();
    db.execute_batch(TABLE).unwrap();
    db.execute_batch("CREATE TABLE checkpoint (one INTEGER PRIMARY KEY, position INTEGER)")
        .unwrap();
    move || {
        let began = Instant::now();
        for n in 0..appends {
            let paid = Paid::nth(n);
            let new = vec![NewEvent::of(&paid).unwrap()];
            let request = AppendRequest::new("a", Expected::Any, new);
            let receipt = tokio.block_on(events.append(request)).unwrap();
            db.execute_batch("BEGIN IMMEDIATE").unwrap();
            db.prepare_cached(ADD).unwrap().execute((&paid.name, paid.cents)).unwrap();
            db.prepare_cached("INSERT OR REPLACE INTO checkpoint VALUES (1, ?1)")
                .unwrap()
                .execute([receipt.last.get().cast_signed()])
                .unwrap();
            db.execute_batch("COMMIT").unwrap();
        }
        began.elapsed()
    }
}
