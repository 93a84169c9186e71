//! Halted is the state of a run, not of the projector: rule R16 and acceptance line 7, where the
//! place is stored.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use projections::{
    Event, EventStore, HaltReason, HandleError, Runtime, State, handlers, projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
};
use projections_tests::ledger::Added;

use crate::support::{append, append_raw};

#[derive(Event, serde::Deserialize)]
#[event(domain = "numbers")]
struct Taken {
    n: u64,
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS signed (n INTEGER NOT NULL)";

fn sign(db: &mut SqliteTx<'_>, n: i64) -> rusqlite::Result<()> {
    db.execute("INSERT INTO signed VALUES (?1)", [n]).map(drop)
}

/// The program before it knew of `Taken`.
#[projector("signed", storage = Sqlite, unregistered = "error", register = false)]
#[derive(Clone, Default)]
struct Before {
    calls: Arc<AtomicU64>,
}

#[handlers]
impl Before {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(TABLE)
    }

    #[handles(Added)]
    fn added(&self, event: &Added, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        sign(db, event.n.cast_signed())
    }
}

/// The program that has learnt it.
#[projector("signed", storage = Sqlite, unregistered = "error", register = false)]
#[derive(Clone)]
struct After;

#[handlers]
impl After {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(TABLE)
    }

    #[handles(Added)]
    fn added(&self, event: &Added, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        sign(db, event.n.cast_signed())
    }

    #[handles(Taken)]
    fn taken(&self, event: &Taken, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        sign(db, -event.n.cast_signed())
    }
}

fn signed(path: &Path) -> Vec<i64> {
    let db = rusqlite::Connection::open(path).unwrap();
    let mut rows = db.prepare("SELECT n FROM signed ORDER BY rowid").unwrap();
    rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// The old program halts at the new event; the new one goes on from it, without a command, and
/// nothing is skipped.
async fn new_code_goes_on_where_old_code_halted<S: EventStore + Clone>(events: S, folder: PathBuf) {
    append(&events, "a", [1, 2]).await;
    append_raw(&events, "numbers", "Taken", r#"{"n":3}"#).await;
    append(&events, "a", [4]).await;
    append_raw(&events, "numbers", "Taken", r#"{"n":5}"#).await;
    let path = folder.join("read.db");
    let build =
        || Runtime::builder(events.clone()).without_linked().storage(Sqlite::open(&path).unwrap());
    let before = Before::default();
    let old = build().projector(before.clone()).build().await.unwrap();
    for start in 1..=2 {
        let error = old.catch_up().await.unwrap_err();
        let HaltReason::Event { position, source, .. } = &*error.halted()[0].reason else {
            panic!("{error}");
        };
        assert_eq!(position.get(), 3);
        assert!(matches!(source, HandleError::Unregistered { .. }), "{error}");
        assert_eq!(signed(&path), [1, 2], "start {start}");
    }
    // No retry calls a handler more often than isolating the event takes: both neighbours twice.
    assert!(before.calls.load(Ordering::SeqCst) <= 4, "{before:?}", before = before.calls);

    let new = build().projector(After).build().await.unwrap();
    assert_eq!(new.status().await.unwrap().projectors[0].state, State::Halted);
    new.catch_up().await.unwrap();
    assert_eq!(signed(&path), [1, 2, -3, 4, -5]);
    assert_eq!(new.status().await.unwrap().projectors[0].state, State::Stopped);
}

on_both_stores!(new_code_goes_on_where_old_code_halted);
