//! One small read model on every storage: what a projector makes of a log of numbers.
//!
//! It shows losses, repeats and wrong order: each event leaves a row of its own, which cannot be
//! inserted twice, and changes a running fold that depends on the order.

use projections::{
    AppendRequest, Envelope, Event, EventStore, Expected, NewEvent, Receipt, RunError, Runtime,
    handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
    testing::{MemoryStorage, MemoryTx},
};
use tokio::task::JoinHandle;

/// A number was added.
#[derive(Clone, Debug, Event, PartialEq, serde::Deserialize, serde::Serialize)]
#[event(domain = "numbers")]
pub struct Added {
    /// The number.
    pub n: u64,
}

/// Appends numbers to stream `a`, in one append.
///
/// # Panics
/// Panics where it is refused.
pub async fn append(events: &impl EventStore, numbers: impl IntoIterator<Item = u64>) -> Receipt {
    append_to(events, "a", numbers).await
}

/// Appends numbers to a stream, in one append.
///
/// # Panics
/// Panics where it is refused.
pub async fn append_to(
    events: &impl EventStore,
    stream: &str,
    numbers: impl IntoIterator<Item = u64>,
) -> Receipt {
    let numbers = numbers.into_iter().map(|n| NewEvent::of(&Added { n }).unwrap()).collect();
    events.append(AppendRequest::new(stream, Expected::Any, numbers)).await.unwrap()
}

/// Runs projectors until the task is aborted.
#[must_use]
pub fn run(runtime: &Runtime<MemoryEventStore>) -> JoinHandle<Result<(), RunError>> {
    let runtime = runtime.clone();
    tokio::spawn(async move { runtime.run(std::future::pending()).await })
}

/// The next value of the fold.
#[must_use]
pub fn fold(value: u64, n: u64) -> u64 {
    value.wrapping_mul(31).wrapping_add(n)
}

/// What must be in a ledger after these events: (position, n) and the fold.
#[must_use]
pub fn expected(events: &[(u64, u64)]) -> Ledger {
    let fold = events.iter().fold(0, |value, (_, n)| fold(value, *n));
    Ledger { rows: events.to_vec(), fold }
}

/// The content of a ledger.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ledger {
    /// Position and number of each event, in the order of application.
    pub rows: Vec<(u64, u64)>,
    /// The fold.
    pub fold: u64,
}

/// In process.
#[projector("ledger-in-process", on_failure = "halt", retry(none))]
#[derive(Debug, Default)]
pub struct InProcessLedger {
    /// The content.
    pub ledger: Ledger,
}

#[handlers]
impl InProcessLedger {
    #[handles(Added)]
    fn added(&mut self, event: &Added, at: &Envelope) {
        self.ledger.rows.push((at.position().get(), event.n));
        self.ledger.fold = fold(self.ledger.fold, event.n);
    }
}

/// In memory, with transactions.
#[projector("ledger-memory", storage = MemoryStorage, on_failure = "halt", retry(none))]
#[derive(Debug, Default)]
pub struct MemoryLedger;

#[handlers]
impl MemoryLedger {
    #[reset]
    fn clear(&self, db: &mut MemoryTx<'_>) {
        db.clear("rows");
        db.clear("fold");
    }

    #[handles(Added)]
    async fn added(
        &self,
        event: &Added,
        at: &Envelope,
        db: &mut MemoryTx<'_>,
    ) -> Result<(), String> {
        let key = format!("{:020}", at.position().get());
        if db.get("rows", &key).is_some() {
            return Err(format!("position {} was applied twice", at.position()));
        }
        db.set("rows", key, event.n);
        let value = db.get("fold", "fold").and_then(|v| v.as_u64()).unwrap_or(0);
        db.set("fold", "fold", fold(value, event.n));
        Ok(())
    }
}

/// The ledger in memory, alone.
///
/// # Panics
/// Panics where the runtime cannot be built.
pub async fn memory_ledger(
    events: &MemoryEventStore,
    storage: &MemoryStorage,
) -> Runtime<MemoryEventStore> {
    let runtime = Runtime::builder(events.clone()).storage(storage.clone());
    runtime.only(["ledger-memory"]).build().await.unwrap()
}

/// On SQLite.
#[projector("ledger-sqlite", storage = Sqlite, on_failure = "halt", retry(none))]
#[derive(Debug, Default)]
pub struct SqliteLedger;

#[handlers]
impl SqliteLedger {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(TABLES)
    }

    #[reset]
    fn clear(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("DELETE FROM ledger; DELETE FROM ledger_fold;")
    }

    #[handles(Added)]
    fn added(&self, event: &Added, at: &Envelope, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        apply_sqlite(event, at, db)
    }
}

/// The tables of a ledger on SQLite.
pub const TABLES: &str =
    "CREATE TABLE IF NOT EXISTS ledger (position INTEGER PRIMARY KEY, n INTEGER NOT NULL);
     CREATE TABLE IF NOT EXISTS ledger_fold (one INTEGER PRIMARY KEY, value INTEGER NOT NULL);";

/// Writes one event into a ledger on SQLite.
///
/// # Errors
/// When the event is there already, or SQLite fails.
pub fn apply_sqlite(event: &Added, at: &Envelope, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
    let position = at.position().get().cast_signed();
    db.execute("INSERT INTO ledger VALUES (?1, ?2)", (position, event.n.cast_signed()))?;
    let value = db
        .query_row("SELECT value FROM ledger_fold", [], |row| row.get::<_, i64>(0))
        .or_else(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => Ok(0),
            other => Err(other),
        })?;
    let value = fold(value.cast_unsigned(), event.n).cast_signed();
    db.execute("INSERT OR REPLACE INTO ledger_fold VALUES (1, ?1)", [value])?;
    Ok(())
}

/// Reads a ledger from a SQLite file, with a connection of its own.
///
/// # Panics
/// When the file cannot be read.
#[must_use]
pub fn read_sqlite(path: &std::path::Path) -> Ledger {
    let db = rusqlite::Connection::open(path).unwrap();
    let mut rows = db.prepare("SELECT position, n FROM ledger ORDER BY rowid").unwrap();
    let rows = rows
        .query_map([], |row| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned()))
        })
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let fold = db.query_row("SELECT value FROM ledger_fold", [], |row| row.get::<_, i64>(0));
    Ledger { rows, fold: fold.unwrap_or(0).cast_unsigned() }
}

/// Reads a ledger from a memory storage.
#[must_use]
pub fn read_memory(storage: &MemoryStorage) -> Ledger {
    let rows = storage.rows("rows").into_iter();
    let rows = rows.map(|(key, n)| (key.parse().unwrap(), n.as_u64().unwrap())).collect();
    let fold = storage.rows("fold").into_iter().next().and_then(|(_, v)| v.as_u64());
    Ledger { rows, fold: fold.unwrap_or(0) }
}
