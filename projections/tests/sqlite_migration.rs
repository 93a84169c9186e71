//! Files with the tables of before: events without versions, checkpoints without owners.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use projections::{
    AppendRequest, BlockingStorage, Checkpoint, CheckpointWrite, EventId, EventSource, EventStore,
    Expected, Filter, Lease, NewEvent, OwnerId, ReadRequest,
    sqlite::{Sqlite, SqliteEventStore, rusqlite::Connection},
};
use tempfile::TempDir;

const STORE: &str = "018e2c65-1e2f-7000-8000-000000000001";

/// Word for word what the first version of the tables was made with, and three events in it.
const FIRST_TABLES: &str = "
CREATE TABLE IF NOT EXISTS main.projections_meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE main.events (
    position        INTEGER PRIMARY KEY AUTOINCREMENT,
    id              BLOB NOT NULL UNIQUE,
    stream          TEXT NOT NULL,
    stream_position INTEGER NOT NULL,
    domain          TEXT NOT NULL,
    type            TEXT NOT NULL,
    time            INTEGER NOT NULL, -- microseconds since 1970, by the producer's clock
    recorded_at     INTEGER NOT NULL, -- microseconds since 1970, by this store's clock
    payload         ANY NOT NULL,     -- TEXT where it is UTF-8, else BLOB
    metadata        TEXT,             -- a JSON object
    UNIQUE (stream, stream_position)
) STRICT;
CREATE TABLE main.projections_imports (
    import TEXT NOT NULL PRIMARY KEY, -- the id of its first event
    file   TEXT NOT NULL,
    lines  INTEGER NOT NULL,
    total  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO projections_meta VALUES
    ('events_schema', '1'), ('store_id', '018e2c65-1e2f-7000-8000-000000000001');
INSERT INTO events VALUES
    (1, x'00000000000000000000000000000001', 's', 1, 'letters', 'A', 1, 1, '{\"is\":\"A\"}', NULL),
    (2, x'00000000000000000000000000000002', 's', 2, 'letters', 'B', 2, 2, '{\"is\":\"B\"}', '{\"user\":7}'),
    (5, x'00000000000000000000000000000005', 't', 1, 'letters', 'C', 3, 3, x'ff00', NULL);";

/// The statement with which a program of before stores an event.
const FIRST_INSERT: &str = "INSERT INTO main.events
    (id, stream, stream_position, domain, type, time, recorded_at, payload, metadata) VALUES
    (randomblob(16), 's', 3, 'letters', 'OLD', 4, 4, '{}', NULL)";

fn old_file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let db = Connection::open(&path).unwrap();
    db.execute_batch(FIRST_TABLES).unwrap();
    (folder, path)
}

fn schema(path: &Path) -> String {
    let db = Connection::open(path).unwrap();
    let select = "SELECT value FROM projections_meta WHERE key = 'events_schema'";
    db.query_row(select, [], |row| row.get(0)).unwrap()
}

fn has_versions(path: &Path) -> bool {
    let db = Connection::open(path).unwrap();
    db.prepare("SELECT version FROM events").is_ok()
}

/// Position, name, version and payload of each event.
async fn stored(store: &SqliteEventStore) -> Vec<(u64, String, u32, Vec<u8>)> {
    let page = store.read(ReadRequest::new(0.into(), &Filter::all())).await.unwrap();
    let events = page.events().map(|event| {
        (event.position().get(), event.name().to_owned(), event.version(), event.payload().to_vec())
    });
    events.collect()
}

#[tokio::test]
async fn what_is_in_it_is_of_version_1_and_new_events_have_their_own() {
    let (_folder, path) = old_file();
    let store = SqliteEventStore::open(&path).unwrap();
    assert_eq!(store.store_id().to_string(), STORE);
    assert_eq!(schema(&path), "2");
    let [a, b, c] = [&br#"{"is":"A"}"#[..], br#"{"is":"B"}"#, &[0xff, 0]].map(<[u8]>::to_vec);
    let old = [(1, "A".into(), 1, a), (2, "B".into(), 1, b), (5, "C".into(), 1, c)];
    assert_eq!(stored(&store).await, old);
    let head = store.head().await.unwrap().unwrap();
    assert_eq!((head.position.get(), head.id), (5, EventId::from_bytes(5_u128.to_be_bytes())));

    let new = NewEvent::json("D", "{}").in_domain("letters").with_version(7);
    let request = AppendRequest::new("s", Expected::At(2.into()), vec![new]);
    let receipt = store.append(request.clone()).await.unwrap();
    // A program of before that has the file open still stores what it knows.
    Connection::open(&path)
        .unwrap()
        .execute(&FIRST_INSERT.replace("'s', 3", "'s', 4"), [])
        .unwrap();
    assert_eq!(store.append(request).await.unwrap(), receipt);
    let added = [(6, "D".into(), 7, b"{}".to_vec()), (7, "OLD".into(), 1, b"{}".to_vec())];
    assert_eq!(stored(&store).await[3..], added);
    drop(store);
    let again = SqliteEventStore::open(&path).unwrap();
    assert_eq!(again.store_id().to_string(), STORE);
    assert_eq!(stored(&again).await.len(), 5);
}

#[test]
fn every_opener_at_once_finds_one_store() {
    let (_folder, path) = old_file();
    let start = std::sync::Barrier::new(8);
    let open = || {
        start.wait();
        SqliteEventStore::open(&path).unwrap().store_id().to_string()
    };
    std::thread::scope(|scope| {
        let openers: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        for opener in openers {
            assert_eq!(opener.join().unwrap(), STORE);
        }
    });
    assert_eq!(schema(&path), "2");
}

#[tokio::test]
async fn what_fails_half_way_leaves_the_old_tables() {
    let (_folder, path) = old_file();
    let db = Connection::open(&path).unwrap();
    // The column is added by then.
    db.execute_batch(
        "CREATE TRIGGER refuse BEFORE UPDATE ON projections_meta
         BEGIN SELECT RAISE(ABORT, 'not today'); END",
    )
    .unwrap();
    let error = SqliteEventStore::open(&path).unwrap_err();
    assert!(error.to_string().contains("bring the event store up to date in"), "{error}");
    assert!(error.to_string().contains("events.db"), "{error}");
    assert_eq!((schema(&path).as_str(), has_versions(&path)), ("1", false));
    // A program of before goes on with it.
    db.execute(FIRST_INSERT, []).unwrap();
    db.execute_batch("DROP TRIGGER refuse").unwrap();
    let store = SqliteEventStore::open(&path).unwrap();
    let names: Vec<_> = stored(&store).await.into_iter().map(|(_, name, ..)| name).collect();
    assert_eq!(
        (names, schema(&path).as_str()),
        (["A", "B", "C", "OLD"].map(Into::into).into(), "2")
    );
}

#[test]
fn read_models_beside_the_old_tables_leave_them() {
    let (_folder, path) = old_file();
    let storage: Sqlite = Sqlite::open(&path).unwrap();
    drop(storage);
    assert_eq!((schema(&path).as_str(), has_versions(&path)), ("1", false));
}

/// Word for word what the first version of the checkpoints was made with, and one of them.
const FIRST_CHECKPOINTS: &str = "
CREATE TABLE IF NOT EXISTS main.projections_meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS main.projections_checkpoints (
    namespace             TEXT NOT NULL,
    projector             TEXT NOT NULL,
    generation            INTEGER NOT NULL,
    lane                  INTEGER NOT NULL,
    \"partition\"           INTEGER NOT NULL,
    store_id              TEXT NOT NULL,
    position              INTEGER NOT NULL, -- the last event that was applied
    scanned               INTEGER NOT NULL, -- the last event that was looked at
    event_id              TEXT,             -- the id of the event at `scanned`
    epoch                 INTEGER NOT NULL,
    version               INTEGER NOT NULL,
    fingerprint_algorithm INTEGER,
    fingerprint           INTEGER,
    subscriptions         TEXT NOT NULL,    -- JSON
    effects_mark          INTEGER NOT NULL,
    state                 TEXT NOT NULL,
    last_error            TEXT,
    heartbeat_at          INTEGER NOT NULL, -- microseconds since 1970, by the owner's clock
    PRIMARY KEY (namespace, projector, generation, lane, \"partition\")
) STRICT, WITHOUT ROWID;
INSERT INTO projections_meta VALUES ('checkpoints_schema', '1');
INSERT INTO projections_checkpoints VALUES
    ('', 'old', 1, 0, 0, '018e2c65-1e2f-7000-8000-000000000001', 3, 4,
     '018e2c65-1e2f-7000-8000-000000000004', 9, 2, 1, 77, '[]', 3, 'running', NULL, 1000);";

/// What version 2 of the checkpoints has added.
const SECOND_CHECKPOINTS: &str = "
ALTER TABLE projections_checkpoints ADD COLUMN tables TEXT NOT NULL DEFAULT '{}';
UPDATE projections_checkpoints SET tables = '{\"seats\":[1,2,3]}';
UPDATE projections_meta SET value = '2';";

fn old_checkpoints(more: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read.db");
    let db = Connection::open(&path).unwrap();
    db.execute_batch(FIRST_CHECKPOINTS).unwrap();
    db.execute_batch(more).unwrap();
    (folder, path)
}

#[test]
fn checkpoints_of_before_have_no_owner_and_keep_the_rest() {
    for (more, tables) in [("", "{}"), (SECOND_CHECKPOINTS, r#"{"seats":[1,2,3]}"#)] {
        let (_folder, path) = old_checkpoints(more);
        let storage = Sqlite::open(&path).unwrap();
        // Looking at them changes nothing.
        let (key, seen) = storage.checkpoints("").unwrap().remove(0);
        assert!(
            Connection::open(&path)
                .unwrap()
                .prepare("SELECT owner FROM projections_checkpoints")
                .is_err()
        );
        assert_eq!((seen.lease.as_ref(), seen.superseded.as_slice()), (None, &[][..]));
        assert_eq!(seen.tables, projections::rows::TableDigests::decode(tables).unwrap());
        assert_eq!(
            (seen.position.get(), seen.scanned.get(), seen.epoch, seen.version),
            (3, 4, 9, 2)
        );

        let mut session = storage.begin().unwrap();
        storage.setup(&mut session).unwrap();
        assert_eq!(storage.load(&mut session, &key).unwrap().as_ref(), Some(&seen));
        let lease = Lease {
            owner: OwnerId::from_u128(5),
            process: "process 5".to_owned(),
            time: Duration::from_secs(10),
            beat: 1,
        };
        let next = Checkpoint { lease: Some(lease), epoch: 10, ..seen.clone() };
        let write = CheckpointWrite::new(key, Some((&seen).into()), next.clone());
        storage.commit(session, &write).unwrap();
        assert_eq!(storage.checkpoints("").unwrap().remove(0).1, next);
        let sql = "SELECT value FROM projections_meta WHERE key = 'checkpoints_schema'";
        let version: String =
            Connection::open(&path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(version, "3");
    }
}
