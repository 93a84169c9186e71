//! Files, appends, and what is in a ledger.

use std::path::{Path, PathBuf};

use projections::{
    AppendError, AppendRequest, Builder, EventStore, Expected, NewEvent, Receipt, Runtime, State,
    ToEvent,
    sqlite::{SqliteEventStore, rusqlite::Connection},
};
use projections_tests::{
    inline::InlineLedger,
    ledger::{Added, Ledger, expected, read_sqlite},
};
use tempfile::TempDir;

/// A database in a folder of its own.
pub(crate) struct Place {
    _folder: TempDir,
    pub(crate) path: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.db");
        Self { _folder: folder, path }
    }

    pub(crate) fn events(&self) -> SqliteEventStore {
        SqliteEventStore::open(&self.path).unwrap()
    }

    /// A builder over the file, with its own storage.
    pub(crate) fn builder(&self) -> Builder<SqliteEventStore> {
        let events = self.events();
        let storage = events.read_models();
        Runtime::builder(events).without_linked().storage(storage)
    }

    /// A runtime with the inline ledger, which is active.
    pub(crate) async fn active(&self) -> Runtime<SqliteEventStore> {
        let runtime = self.builder().projector(InlineLedger).build().await.unwrap();
        runtime.catch_up().await.unwrap();
        runtime
    }

    /// A connection of somebody else.
    pub(crate) fn look(&self) -> Connection {
        Connection::open(&self.path).unwrap()
    }

    /// The ledger, which must be that of the log.
    pub(crate) fn ledger(&self) -> Ledger {
        let ledger = read_sqlite(&self.path);
        assert_eq!(ledger, expected(&log(&self.path)));
        ledger
    }

    pub(crate) fn one<T: projections::sqlite::rusqlite::types::FromSql>(&self, sql: &str) -> T {
        self.look().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

/// Positions and numbers of what is stored, as a ledger takes them.
pub(crate) fn log(path: &Path) -> Vec<(u64, u64)> {
    let db = Connection::open(path).unwrap();
    let sql = "SELECT position, json_extract(payload, '$.n') FROM events WHERE type = 'Added' \
               ORDER BY position";
    let mut rows = db.prepare(sql).unwrap();
    let pair = |row: &projections::sqlite::rusqlite::Row<'_>| {
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned()))
    };
    rows.query_map([], pair).unwrap().map(Result::unwrap).collect()
}

pub(crate) fn added(numbers: impl IntoIterator<Item = u64>) -> Vec<NewEvent> {
    numbers.into_iter().map(|n| Added { n }.to_event().unwrap()).collect()
}

/// Appends numbers to a stream, one append for all.
pub(crate) async fn append(
    events: &SqliteEventStore,
    numbers: impl IntoIterator<Item = u64>,
) -> Result<Receipt, AppendError> {
    events.append(AppendRequest::new("a", Expected::Any, added(numbers))).await
}

pub(crate) async fn state(runtime: &Runtime<SqliteEventStore>) -> (State, u64, u64) {
    let status = runtime.status().await.unwrap().projectors.remove(0);
    (status.state, status.position.get(), status.behind)
}
