//! The SQLite event store and storage keep the rules.

use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use projections::{
    BoxError, ParameterMut,
    sqlite::{Sqlite, SqliteEventStore, SqliteSession, SqliteTx},
    testing::conformance::{self, StorageHarness},
};
use tempfile::TempDir;

/// A directory that hands out a new path each time.
struct Directory {
    directory: TempDir,
    files: AtomicU32,
}

impl Directory {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap(), files: AtomicU32::new(0) }
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join(format!("{}.db", self.files.fetch_add(1, Relaxed)))
    }
}

#[tokio::test]
async fn the_sqlite_event_store_keeps_the_rules() {
    let directory = Directory::new();
    let make = || async { SqliteEventStore::open(directory.path()).unwrap() };
    conformance::event_store(make).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_sqlite_event_store_keeps_the_rules_on_threads() {
    let directory = Directory::new();
    let make = || async { SqliteEventStore::open(directory.path()).unwrap() };
    conformance::event_store(make).await;
}

#[tokio::test]
async fn a_sqlite_event_store_outlives_its_handles() {
    let directory = Directory::new();
    let opened = Mutex::new(None);
    let make = || async {
        let path = directory.path();
        *opened.lock().unwrap() = Some(path.clone());
        SqliteEventStore::open(path).unwrap()
    };
    let reopen = |events: SqliteEventStore| {
        drop(events);
        let path = opened.lock().unwrap().clone().unwrap();
        async { SqliteEventStore::open(path).unwrap() }
    };
    conformance::event_store_reopened(make, reopen).await;
}

/// Storages in files of their own, or in the files of event stores.
pub(crate) struct Files {
    directory: Directory,
    beside_events: bool,
}

impl Files {
    pub(crate) fn new() -> Self {
        Self { directory: Directory::new(), beside_events: false }
    }
}

impl StorageHarness for Files {
    type Storage = Sqlite;

    async fn open(&self) -> Sqlite {
        let path = self.directory.path();
        if self.beside_events {
            SqliteEventStore::open(path).unwrap().read_models()
        } else {
            Sqlite::open(path).unwrap()
        }
    }

    async fn put(
        &self,
        session: &mut SqliteSession,
        key: &str,
        value: &str,
    ) -> Result<(), BoxError> {
        let mut tx = rows(session)?;
        tx.execute("INSERT OR REPLACE INTO harness (key, value) VALUES (?1, ?2)", [key, value])?;
        Ok(())
    }

    async fn get(
        &self,
        session: &mut SqliteSession,
        key: &str,
    ) -> Result<Option<String>, BoxError> {
        let mut tx = rows(session)?;
        let value = "SELECT value FROM harness WHERE key = ?1";
        Ok(tx.query_optional(value, [key], |row| row.get(0))?)
    }
}

fn rows(session: &mut SqliteSession) -> Result<SqliteTx<'_>, BoxError> {
    let mut tx = <SqliteTx<'_> as ParameterMut<Sqlite>>::view(session);
    tx.execute_batch("CREATE TABLE IF NOT EXISTS harness (key TEXT PRIMARY KEY, value TEXT)")?;
    Ok(tx)
}

#[tokio::test]
async fn the_sqlite_storage_keeps_the_rules() {
    conformance::storage(Files::new()).await;
}

#[tokio::test]
async fn read_models_in_the_event_stores_file_keep_the_rules() {
    conformance::storage(Files { beside_events: true, ..Files::new() }).await;
}

#[tokio::test]
async fn rows_in_sqlite_keep_the_rules() {
    let directory = Directory::new();
    conformance::rows(|| async { Sqlite::open(directory.path()).unwrap() }).await;
}

#[tokio::test]
async fn rows_in_the_event_stores_file_keep_the_rules() {
    let directory = Directory::new();
    let make = || async { SqliteEventStore::open(directory.path()).unwrap().read_models() };
    conformance::rows(make).await;
}
