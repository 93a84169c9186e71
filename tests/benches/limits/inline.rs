//! An append of a hundred events with an inline projector, against the same two inserts an event by
//! hand in one transaction. Both sync the file at each commit.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use projections::{
    AppendRequest, Envelope, Event, EventId, EventStore, Expected, NewEvent, Runtime, handlers,
    projector,
    sqlite::{Sqlite, SqliteEventStore, SqliteTx, rusqlite},
};
use serde::{Deserialize, Serialize};

use super::Comparison;

/// Events of an append.
const SIZE: u64 = 100;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS lines (
    position INTEGER PRIMARY KEY, product TEXT NOT NULL, cents INTEGER NOT NULL
)";
const INSERT: &str = "INSERT INTO lines (position, product, cents) VALUES (?1, ?2, ?3)";

#[derive(Event, Deserialize, Serialize)]
#[event(domain = "orders")]
struct LineAdded {
    product: String,
    cents: i64,
}

impl LineAdded {
    fn numbered(n: u64) -> Self {
        Self { product: format!("product-{}", n % 1_000), cents: n.cast_signed() }
    }
}

#[projector("lines", storage = Sqlite, mode = "inline", register = false)]
#[derive(Clone)]
struct Lines;

#[handlers]
impl Lines {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(TABLE)
    }

    #[handles(LineAdded)]
    fn added(
        &self,
        event: &LineAdded,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> rusqlite::Result<()> {
        let position = at.position().get().cast_signed();
        db.execute(INSERT, (position, &event.product, event.cents)).map(drop)
    }
}

pub(crate) fn comparison(appends: u64, folder: &Path) -> Comparison {
    let (hand, library) = (folder.join("by-hand.db"), folder.join("inline.db"));
    Comparison {
        what: "inline, append of 100 events",
        events: appends * SIZE,
        bound: 1.20,
        hand_written: Box::new(move || measured(&hand, appends, by_hand)),
        library: Box::new(move || measured(&library, appends, by_library)),
    }
}

/// Runs one side in a fresh file, and checks what it wrote.
fn measured(path: &Path, appends: u64, side: fn(&Path, u64) -> Duration) -> Duration {
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
    let took = side(path, appends);
    let db = rusqlite::Connection::open(path).unwrap();
    for table in ["events", "lines"] {
        let sql = format!("SELECT count(*) FROM {table}");
        let count: i64 = db.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(count.cast_unsigned(), appends * SIZE, "{table}");
    }
    took
}

fn by_library(path: &Path, appends: u64) -> Duration {
    let tokio =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let events = SqliteEventStore::open(path).unwrap();
    let runtime = Runtime::builder(events.clone()).without_linked().storage(events.read_models());
    let runtime = tokio.block_on(runtime.projector(Lines).build()).unwrap();
    tokio.block_on(runtime.catch_up()).unwrap();
    let began = Instant::now();
    for append in 0..appends {
        let numbers = append * SIZE..(append + 1) * SIZE;
        let lines = numbers.map(|n| NewEvent::of(&LineAdded::numbered(n)).unwrap()).collect();
        let request = AppendRequest::new(format!("order-{append}"), Expected::NoStream, lines);
        tokio.block_on(events.append(request)).unwrap();
    }
    let took = began.elapsed();
    drop(runtime);
    took
}

fn by_hand(path: &Path, appends: u64) -> Duration {
    // The library makes the table of events, so that both have the same.
    drop(SqliteEventStore::open(path).unwrap());
    let db = rusqlite::Connection::open(path).unwrap();
    db.execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;").unwrap();
    db.execute_batch(TABLE).unwrap();
    let began = Instant::now();
    for append in 0..appends {
        db.execute_batch("BEGIN IMMEDIATE").unwrap();
        let stream = format!("order-{append}");
        for number in 0..SIZE {
            let line = LineAdded::numbered(append * SIZE + number);
            let now = jiff::Timestamp::now().as_microsecond();
            let payload = serde_json::to_string(&line).unwrap();
            let position = db
                .prepare_cached(
                    "INSERT INTO events (id, stream, stream_position, domain, type, version, \
                     time, recorded_at, payload) VALUES (?1, ?2, ?3, 'orders', 'LineAdded', 1, ?4, \
                     ?4, ?5)",
                )
                .unwrap()
                .insert((EventId::random().to_bytes(), &stream, number + 1, now, payload))
                .unwrap();
            let mut insert = db.prepare_cached(INSERT).unwrap();
            insert.execute((position, &line.product, line.cents)).unwrap();
        }
        db.execute_batch("COMMIT").unwrap();
    }
    began.elapsed()
}
