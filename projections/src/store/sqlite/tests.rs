//! What needs the inside of a session: failures of the storage, and commits that are none.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use tempfile::TempDir;

use super::{
    Sqlite, SqliteEventStore, SqliteOptions, SqliteSession, SqliteTx,
    file::File,
    writer::{COMMIT, Turn, Uncommitted},
};
use crate::{
    BlockingStorage, ParameterMut, SessionFault, Storage, StoreErrorKind,
    rows::{ColumnDef, Kind, RowStorage, Table},
};

fn file() -> (TempDir, Arc<File>) {
    let folder = tempfile::tempdir().unwrap();
    let file = File::open(&folder.path().join("a.db"), SqliteOptions::new()).unwrap();
    (folder, file)
}

fn begin(file: &Arc<File>) -> Turn {
    Turn::begin(file, SqliteOptions::new()).unwrap()
}

fn synchronous(turn: &Turn) -> i64 {
    turn.connection().query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_full_disk_is_reported_by_the_session_even_if_the_handler_hides_it() {
    let (_folder, file) = file();
    let turn = begin(&file);
    turn.connection().execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(turn.commit().is_ok());
    // The limit stays with the writing connection.
    begin(&file).connection().query_row("PRAGMA max_page_count = 20", [], |_| Ok(())).unwrap();

    let storage: Sqlite = Sqlite::of_file(Arc::clone(&file), SqliteOptions::new());
    let mut session = storage.begin().unwrap();
    let mut db = <SqliteTx<'_> as ParameterMut<Sqlite>>::view(&session);
    let hidden = db.execute("INSERT INTO t VALUES (zeroblob(1000000))", []);
    assert!(hidden.is_err());
    let _ = db.execute("INSERT INTO t VALUES (1)", []);
    match <Sqlite as Storage>::check(&mut session) {
        Err(SessionFault::Storage(error)) => {
            assert_eq!(error.kind(), StoreErrorKind::Full);
            assert!(error.is_transient());
            assert!(error.to_string().contains("a.db"), "{error}");
        }
        other => panic!("the handler is blamed: {other:?}"),
    }
    storage.rollback(session).unwrap();
    let count = |turn: &Turn| -> i64 {
        turn.connection().query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count(&begin(&file)), 0);
}

#[test]
fn a_file_with_an_event_store_is_synced_at_every_commit_and_another_is_not() {
    let (folder, file) = file();
    assert_eq!(synchronous(&begin(&file)), 1, "NORMAL");
    let events = SqliteEventStore::open(folder.path().join("a.db")).unwrap();
    assert_eq!(synchronous(&begin(&file)), 2, "FULL, for handles that were there before, too");
    drop((events, file));
    let again = File::open(&folder.path().join("a.db"), SqliteOptions::new()).unwrap();
    assert_eq!(synchronous(&begin(&again)), 2, "FULL, whoever opens the file");
}

#[test]
fn a_commit_of_a_transaction_that_was_ended_is_none() {
    let (_folder, file) = file();
    for end in ["ROLLBACK", "ROLLBACK; BEGIN IMMEDIATE"] {
        let turn = begin(&file);
        turn.connection().execute_batch("CREATE TABLE t (x)").unwrap();
        turn.connection().execute_batch(end).unwrap();
        assert!(!turn.is_intact());
        assert!(matches!(turn.commit(), Err(Uncommitted::Certain(_))), "{end}");
    }
    let turn = begin(&file);
    assert!(!turn.connection().table_exists(None, "t").unwrap());
    // Nobody but `commit` commits.
    turn.connection().execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(turn.connection().execute_batch("COMMIT").is_err());
    assert!(!turn.connection().table_exists(None, "t").unwrap());
}

#[test]
fn a_handler_that_runs_what_begins_and_ends_transactions_is_refused() {
    let (_folder, file) = file();
    let storage: Sqlite = Sqlite::of_file(Arc::clone(&file), SqliteOptions::new());
    // The library's own statements are there, prepared.
    assert!(begin(&file).commit().is_ok());
    for sql in ["COMMIT", "BEGIN IMMEDIATE", "ROLLBACK", COMMIT] {
        let mut session = storage.begin().unwrap();
        let mut db = <SqliteTx<'_> as ParameterMut<Sqlite>>::view(&session);
        assert!(db.execute(sql, []).is_err(), "{sql}");
        let left = <Sqlite as Storage>::check(&mut session);
        assert!(matches!(left, Err(SessionFault::LeftTransaction)), "{sql}: {left:?}");
    }
}

/// A plain table of rows is written with the least work; see `Guard::is_bare`.
#[test]
fn a_table_is_bare_until_something_depends_on_it() {
    let (_folder, file) = file();
    let storage: Sqlite = Sqlite::of_file(Arc::clone(&file), SqliteOptions::new());
    let is_bare = |session: &SqliteSession| session.guard().is_bare("t", 1);
    let mut session = storage.begin().unwrap();
    storage.setup(&mut session).unwrap();
    let rows = <Sqlite as RowStorage>::row_sets(&session).blocking_access().unwrap();
    rows.prepare(&TABLE, "p").unwrap();
    assert!(is_bare(&session));
    drop(rows);
    storage.commit_alone(session).unwrap();

    let session = storage.begin().unwrap();
    assert!(is_bare(&session) && !session.guard().is_bare("t", 2));
    let mut db = <SqliteTx<'_> as ParameterMut<Sqlite>>::view(&session);
    db.execute_batch("CREATE INDEX mine ON t (x)").unwrap();
    assert!(!is_bare(&session));
    storage.rollback(session).unwrap();
    assert!(is_bare(&storage.begin().unwrap()), "what a handler did was rolled back");
}

const TABLE: Table = Table {
    name: "t",
    columns: &[ColumnDef { name: "x", kind: Kind::Text, nullable: false, default: None }],
    key: &[0],
    indexes: &[],
};

#[test]
fn turns_are_taken_in_the_order_of_arrival() {
    let (_folder, file) = file();
    let first = begin(&file);
    let (sender, order) = std::sync::mpsc::channel();
    let mut threads = Vec::new();
    for number in 0..5 {
        let (inner, sender) = (Arc::clone(&file), sender.clone());
        threads.push(std::thread::spawn(move || {
            let turn = begin(&inner);
            sender.send(number).unwrap();
            drop(turn);
        }));
        // The next one arrives once this one stands in the line.
        while file.queue().waiting() < number + 1 {
            std::thread::yield_now();
        }
    }
    drop(first);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(order.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}
