//! A file with the event store's tables of before events had versions.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::{Path, PathBuf};

use projections::{
    AppendRequest, EventId, EventSource, EventStore, Expected, Filter, NewEvent, ReadRequest,
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
