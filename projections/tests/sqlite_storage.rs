//! The SQLite storage: checkpoints, and handlers that try to leave their transaction.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use jiff::Timestamp;
use projections::{
    BlockingStorage, Checkpoint, CheckpointKey, CheckpointWrite, CommitError, EventId, Fingerprint,
    GlobalPosition, ParameterMut, Previous, RecordedState, SessionFault, Storage, StoreErrorKind,
    StoreId, Subscriptions,
    sqlite::{Sqlite, SqliteSession, SqliteTx, rusqlite},
};
use tempfile::TempDir;

fn storage() -> (TempDir, Sqlite) {
    let folder = tempfile::tempdir().unwrap();
    let storage = Sqlite::open(folder.path().join("read.db")).unwrap();
    (folder, storage)
}

fn checkpoint(position: u64) -> Checkpoint {
    Checkpoint {
        store: StoreId::from_u128(1),
        position: position.into(),
        scanned: (position + 1).into(),
        event_id: Some(EventId::from_u128(2)),
        epoch: u64::MAX,
        lease: None,
        version: 3,
        fingerprint: Some(Fingerprint { algorithm: 1, hash: u64::MAX - 7 }),
        superseded: Vec::new(),
        subscriptions: Subscriptions::decode(r#"[{"domain":"d","event":"E"}]"#).unwrap(),
        effects_mark: 5.into(),
        state: RecordedState::Running,
        last_error: Some("it said \"no\"".into()),
        heartbeat_at: Timestamp::from_microsecond(1_234_567).unwrap(),
        tables: projections::rows::TableDigests::default(),
    }
}

fn key() -> CheckpointKey {
    CheckpointKey::new("", "it's \"quoted\"")
}

fn write(previous: Option<u64>, next: u64) -> CheckpointWrite {
    let previous = previous.map(|position| Previous::from(&checkpoint(position)));
    CheckpointWrite::new(key(), previous, checkpoint(next))
}

fn tx(session: &mut SqliteSession) -> SqliteTx<'_> {
    <SqliteTx<'_> as ParameterMut<Sqlite>>::view(session)
}

/// A storage with a table `t` and a checkpoint at 1.
fn started() -> (TempDir, Sqlite) {
    let (folder, storage) = storage();
    let mut session = storage.begin().unwrap();
    storage.setup(&mut session).unwrap();
    tx(&mut session).execute_batch("CREATE TABLE t (x INTEGER UNIQUE)").unwrap();
    assert!(<Sqlite as Storage>::check(&mut session).is_ok());
    storage.commit(session, &write(None, 1)).unwrap();
    (folder, storage)
}

fn rows(storage: &Sqlite) -> Vec<i64> {
    let connection = storage.connect().unwrap();
    let mut statement = connection.prepare("SELECT x FROM t ORDER BY x").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn stored(storage: &Sqlite) -> Option<Checkpoint> {
    let mut session = storage.begin().unwrap();
    storage.load(&mut session, &key()).unwrap()
}

#[test]
fn a_checkpoint_comes_back_as_it_was() {
    let (_folder, storage) = started();
    assert_eq!(stored(&storage), Some(checkpoint(1)));
    let mut bare = checkpoint(2);
    (bare.event_id, bare.fingerprint, bare.last_error) = (None, None, None);
    let next = CheckpointWrite::new(key(), Some((&checkpoint(1)).into()), bare.clone());
    storage.commit(storage.begin().unwrap(), &next).unwrap();
    assert_eq!(stored(&storage), Some(bare.clone()));
    assert_eq!(storage.checkpoints("").unwrap(), [(key(), bare)]);
    assert!(storage.checkpoints("another").unwrap().is_empty());
}

#[test]
fn a_file_that_was_never_set_up_has_no_checkpoints() {
    let (_folder, storage) = storage();
    assert!(storage.checkpoints("").unwrap().is_empty());
}

#[test]
fn a_commit_compares_epoch_and_position_and_keeps_nothing_where_they_differ() {
    let (_folder, storage) = started();
    let mut other_epoch = write(Some(1), 2);
    other_epoch.previous =
        Some(Previous { epoch: 7, position: other_epoch.previous.unwrap().position });
    for (case, wrong) in [write(None, 2), write(Some(2), 3), other_epoch].into_iter().enumerate() {
        let mut session = storage.begin().unwrap();
        tx(&mut session).execute("INSERT INTO t VALUES (?1)", [9]).unwrap();
        let error = storage.commit(session, &wrong).unwrap_err();
        assert!(matches!(error, CommitError::Conflict), "case {case}: {error:?}");
        assert!(rows(&storage).is_empty(), "case {case}");
        assert_eq!(stored(&storage), Some(checkpoint(1)), "case {case}");
    }
}

#[test]
fn a_dropped_or_panicking_session_leaves_nothing_and_the_file_usable() {
    let (_folder, storage) = started();
    let mut session = storage.begin().unwrap();
    tx(&mut session).execute("INSERT INTO t VALUES (1)", []).unwrap();
    drop(session);
    let inner = storage.clone();
    let panicked = std::thread::spawn(move || {
        let mut session = inner.begin().unwrap();
        tx(&mut session).execute("INSERT INTO t VALUES (2)", []).unwrap();
        panic!("a handler's bug");
    });
    assert!(panicked.join().is_err());
    assert!(rows(&storage).is_empty());
    let mut session = storage.begin().unwrap();
    tx(&mut session).execute("INSERT INTO t VALUES (3)", []).unwrap();
    storage.commit(session, &write(Some(1), 2)).unwrap();
    assert_eq!(rows(&storage), [3]);
}

/// What a handler may try, swallowing every error.
type Trick = fn(&mut SqliteTx<'_>);

/// Runs a trick between two writes that look innocent.
fn play(storage: &Sqlite, trick: Trick) -> (Result<(), SessionFault>, SqliteSession) {
    let mut session = storage.begin().unwrap();
    let _ = tx(&mut session).execute("INSERT INTO t VALUES (1)", []);
    trick(&mut tx(&mut session));
    let _ = tx(&mut session).execute("INSERT INTO t VALUES (2)", []);
    (<Sqlite as Storage>::check(&mut session), session)
}

#[test]
fn a_handler_that_ends_its_transaction_is_found_out_and_nothing_stays() {
    const TRICKS: &[(&str, Trick)] = &[
        ("commit", |db| drop(db.execute_batch("COMMIT"))),
        ("end", |db| drop(db.execute("END TRANSACTION", []))),
        ("raw commit", |db| drop(db.raw().execute_batch("COMMIT; BEGIN"))),
        ("rollback", |db| drop(db.execute_batch("ROLLBACK"))),
        ("begin", |db| drop(db.execute_batch("BEGIN IMMEDIATE"))),
        ("raw transaction", |db| {
            if let Ok(transaction) = db.raw().unchecked_transaction() {
                let _ = transaction.commit();
            }
        }),
        ("or rollback", |db| drop(db.execute("INSERT OR ROLLBACK INTO t VALUES (1)", []))),
        ("or rollback, raw", |db| {
            drop(db.raw().execute("INSERT OR ROLLBACK INTO t VALUES (1)", []));
            // By now it would commit by itself.
            drop(db.raw().execute("INSERT INTO t VALUES (7)", []));
            drop(db.raw().execute_batch("SAVEPOINT a; INSERT INTO t VALUES (8); RELEASE a"));
            drop(db.raw().execute_batch("VACUUM"));
        }),
        ("raise", |db| {
            drop(db.execute_batch(
                "CREATE TRIGGER tr BEFORE INSERT ON t WHEN new.x = 5 BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
            ));
            drop(db.execute("INSERT INTO t VALUES (5)", []));
        }),
        ("on conflict rollback", |db| {
            drop(db.execute_batch("CREATE TABLE u (x UNIQUE ON CONFLICT ROLLBACK)"));
            drop(db.execute_batch("INSERT INTO u VALUES (1); INSERT INTO u VALUES (1)"));
        }),
    ];
    for (name, trick) in TRICKS {
        let (_folder, storage) = started();
        let (checked, session) = play(&storage, *trick);
        assert!(matches!(checked, Err(SessionFault::LeftTransaction)), "{name}: {checked:?}");
        // Even a runner that commits all the same commits nothing.
        assert!(storage.commit(session, &write(Some(1), 2)).is_err(), "{name}");
        assert!(rows(&storage).is_empty(), "{name}");
        assert_eq!(stored(&storage), Some(checkpoint(1)), "{name}");
        // And the next batch goes through.
        let mut session = storage.begin().unwrap();
        tx(&mut session).execute("INSERT INTO t VALUES (4)", []).unwrap();
        assert!(<Sqlite as Storage>::check(&mut session).is_ok(), "{name}");
        storage.commit(session, &write(Some(1), 2)).unwrap();
        assert_eq!(rows(&storage), [4], "{name}");
    }
}

#[test]
fn a_handler_may_not_attach_change_settings_or_touch_the_librarys_tables() {
    let (folder, storage) = started();
    let attach = format!("ATTACH '{}' AS other", folder.path().join("other.db").display());
    let refused = [
        &attach,
        "DETACH main",
        "SAVEPOINT a",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA synchronous = OFF",
        "PRAGMA foreign_keys = OFF",
        "PRAGMA page_size = 512",
        "PRAGMA wal_checkpoint",
        "PRAGMA writable_schema = ON",
        "UPDATE projections_checkpoints SET position = 99",
        "DELETE FROM Projections_Checkpoints",
        "DROP TABLE projections_meta",
        "ALTER TABLE projections_checkpoints RENAME TO c",
        "CREATE TRIGGER tr AFTER UPDATE ON projections_checkpoints BEGIN SELECT 1; END",
    ];
    let mut session = storage.begin().unwrap();
    for sql in refused {
        let error = tx(&mut session).execute_batch(sql).unwrap_err();
        assert!(error.to_string().starts_with("not authorized"), "{sql}: {error}");
        assert!(tx(&mut session).raw().execute_batch(sql).is_err(), "{sql}");
        // Nothing happened, so a handler that swallows it did no harm.
        assert!(<Sqlite as Storage>::check(&mut session).is_ok(), "{sql}");
    }
    tx(&mut session).execute("INSERT INTO t VALUES (1)", []).unwrap();
    storage.commit(session, &write(Some(1), 2)).unwrap();
    assert_eq!(rows(&storage), [1]);
    assert_eq!(stored(&storage), Some(checkpoint(2)));
}

#[test]
fn a_swallowed_error_undoes_its_own_statement_only() {
    let (_folder, storage) = started();
    let (checked, session) = play(&storage, |db| {
        assert!(db.execute("INSERT INTO t VALUES (8), (1)", []).is_err());
        assert!(db.execute("no such statement", []).is_err());
    });
    assert!(checked.is_ok());
    storage.commit(session, &write(Some(1), 2)).unwrap();
    assert_eq!(rows(&storage), [1, 2]);
}

#[test]
fn full_text_search_works_inside_the_transaction() {
    let (_folder, storage) = started();
    let mut session = storage.begin().unwrap();
    let mut db = tx(&mut session);
    db.execute_batch("CREATE VIRTUAL TABLE names USING fts5(name)").unwrap();
    for name in ["ann", "bob"] {
        db.execute("INSERT INTO names VALUES (?1)", [name]).unwrap();
    }
    assert!(db.exists("SELECT 1 FROM names WHERE names MATCH 'an*'", []).unwrap());
    db.execute("DELETE FROM names WHERE name = 'bob'", []).unwrap();
    db.execute_batch("INSERT INTO names (names) VALUES ('optimize')").unwrap();
    db.execute_batch("INSERT INTO names (names) VALUES ('rebuild')").unwrap();
    assert!(<Sqlite as Storage>::check(&mut session).is_ok());
    storage.commit(session, &write(Some(1), 2)).unwrap();
    let count = storage.connect().unwrap();
    let count: i64 = count.query_row("SELECT count(*) FROM names", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
}

#[test]
fn the_views_methods_do_what_they_say() {
    let (_folder, storage) = started();
    let mut session = storage.begin().unwrap();
    let mut db = tx(&mut session);
    assert_eq!(db.execute("INSERT INTO t VALUES (?1), (?2)", (3, 4)).unwrap(), 2);
    assert_eq!(db.last_insert_rowid(), 2);
    assert!(db.exists("SELECT 1 FROM t WHERE x = ?1", [3]).unwrap());
    let sql = "SELECT x FROM t WHERE x = ?1";
    assert_eq!(db.query_row(sql, [4], |row| row.get::<_, i64>(0)).unwrap(), 4);
    assert_eq!(db.query_optional(sql, [5], |row| row.get::<_, i64>(0)).unwrap(), None);
    let all: Vec<i64> = db.query("SELECT x FROM t ORDER BY x", [], |row| row.get(0)).unwrap();
    assert_eq!(all, [3, 4]);
    assert!(matches!(
        db.query_row(sql, [5], |row| row.get::<_, i64>(0)),
        Err(rusqlite::Error::QueryReturnedNoRows)
    ));
}

#[test]
fn a_deferred_constraint_that_fails_at_commit_leaves_nothing() {
    let (_folder, storage) = started();
    let mut session = storage.begin().unwrap();
    let mut db = tx(&mut session);
    db.execute_batch(
        "CREATE TABLE p (id INTEGER PRIMARY KEY);
         CREATE TABLE c (p INTEGER REFERENCES p DEFERRABLE INITIALLY DEFERRED);
         INSERT INTO c VALUES (1)",
    )
    .unwrap();
    let error = storage.commit(session, &write(Some(1), 2)).unwrap_err();
    assert!(matches!(&error, CommitError::Refused(_)), "{error:?}");
    assert_eq!(stored(&storage), Some(checkpoint(1)));
    assert!(!storage.connect().unwrap().table_exists(None, "c").unwrap());
}

#[test]
fn a_temporary_table_does_not_shadow_the_checkpoints() {
    let (_folder, storage) = started();
    let mut session = storage.begin().unwrap();
    tx(&mut session)
        .execute_batch("CREATE TEMP TABLE projections_checkpoints AS SELECT 1 AS position")
        .unwrap();
    storage.commit(session, &write(Some(1), 2)).unwrap();
    assert_eq!(stored(&storage), Some(checkpoint(2)));
}

#[test]
fn a_file_of_a_newer_version_is_refused_with_what_to_do() {
    let (folder, storage) = started();
    let path = folder.path().join("read.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute("UPDATE projections_meta SET value = '4' WHERE key = 'checkpoints_schema'", [])
        .unwrap();
    let errors = [
        storage.checkpoints("").unwrap_err(),
        Sqlite::open(&path).unwrap_err(),
        storage.setup(&mut storage.begin().unwrap()).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), StoreErrorKind::Newer);
        let text = error.to_string();
        assert!(text.contains("newer version") && text.contains("upgrade"), "{text}");
        assert!(text.contains("read.db"), "{text}");
    }
}

#[test]
fn writers_of_one_process_take_turns_in_order_and_a_wait_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read.db");
    let options = projections::sqlite::SqliteOptions::new();
    let storage = options.open(&path).unwrap();
    let hasty = options.queue_timeout(std::time::Duration::from_millis(20)).open(&path).unwrap();
    let session = storage.begin().unwrap();
    let error = hasty.begin().unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Busy);
    assert!(error.to_string().contains("queue_timeout"), "{error}");
    drop(session);
    hasty.begin().unwrap();
}

#[test]
fn the_beginning_is_a_position_like_any_other() {
    let (_folder, storage) = started();
    let mut first = write(Some(1), 2);
    first.next.position = GlobalPosition::BEGINNING;
    storage.commit(storage.begin().unwrap(), &first).unwrap();
    assert_eq!(stored(&storage).unwrap().position, GlobalPosition::BEGINNING);
}
