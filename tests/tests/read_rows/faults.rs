//! What a reader says that cannot read.

use projections::{
    AccessError, Event, ReadModel, Rows, Runtime, StoreErrorKind, handlers,
    memory::MemoryEventStore, projector, read::QueryError, sqlite::Sqlite,
};

use crate::board::{Board, Change, Place, Player, player};

#[derive(Debug, Default, ReadModel)]
#[read_model(table = "nobodys")]
struct Nobodys {
    #[key]
    name: String,
}

#[tokio::test]
async fn rows_that_no_projector_keeps_are_an_error() {
    for place in [Place::InProcess, Place::Sqlite] {
        let board = Board::new(place).await;
        let error = board.runtime.rows::<Nobodys>().unwrap_err();
        assert!(matches!(error, AccessError::NoTable { .. }));
        assert!(error.to_string().contains("keeps rows of `"), "{error}");
    }
}

#[derive(Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "twice")]
struct Happened {
    name: String,
}

#[projector("twice", register = false)]
#[derive(Clone)]
struct Twice;

#[handlers]
impl Twice {
    #[handles(Happened)]
    fn happened(&self, event: &Happened, rows: &mut Rows<Nobodys>) {
        rows.entry(&event.name);
    }
}

#[tokio::test]
async fn of_several_projectors_one_has_to_be_named() {
    let builder = Runtime::builder(MemoryEventStore::new()).without_linked();
    let builder = builder.projector_named("one", Twice).projector_named("two", Twice);
    let runtime = builder.build().await.unwrap();
    let error = runtime.rows::<Nobodys>().unwrap_err();
    assert!(matches!(error, AccessError::SeveralTables { .. }), "{error:?}");
    let rows = runtime.rows_of::<Nobodys>("two").unwrap();
    assert_eq!(rows.count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_reader_of_a_file_cannot_wait() {
    let folder = tempfile::tempdir().unwrap();
    let rows = Sqlite::open(folder.path().join("read.db")).unwrap().rows::<Player>();
    assert_eq!(rows.count().await.unwrap(), 0);
    assert_eq!(rows.position().await.unwrap().get(), 0);
    let waiting = rows.at(projections::GlobalPosition::new(1)).within(std::time::Duration::ZERO);
    let error = waiting.count().await.unwrap_err();
    assert!(matches!(error, QueryError::NoRuntime { table: "players" }), "{error:?}");
}

#[tokio::test]
async fn another_handle_on_the_file_reads_the_same_rows() {
    let board = Board::with(Place::Sqlite, &["a", "b"].map(player)).await;
    let rows = board.sqlite.as_ref().unwrap().rows::<Player>();
    assert_eq!(rows.all().await.unwrap(), ["a", "b"].map(player));
    board.apply([Change::PlayerLeft("a".into())]).await;
    assert_eq!(rows.all().await.unwrap(), ["b"].map(player));
}

#[derive(Debug, Default, ReadModel)]
#[read_model(table = "things")]
struct Thing {
    #[key]
    name: String,
    size: i64,
}

async fn difference(table: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read.db");
    let sqlite = Sqlite::open(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch(table).unwrap();
    match sqlite.rows::<Thing>().count().await {
        Ok(0) => None,
        Err(QueryError::Differs { table: "things", place, what }) => {
            assert!(place.contains("read.db"), "{place}");
            Some(what)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_table_that_is_not_as_declared_is_an_error_that_says_what() {
    let cases = [
        ("name TEXT PRIMARY KEY NOT NULL", Some("`size`")),
        ("name TEXT PRIMARY KEY NOT NULL, size TEXT NOT NULL", Some("`size`")),
        ("name TEXT PRIMARY KEY NOT NULL, size INTEGER", Some("`size`")),
        ("name TEXT NOT NULL, size INTEGER PRIMARY KEY NOT NULL", Some("key")),
        ("name TEXT PRIMARY KEY NOT NULL, size INTEGER NOT NULL", None),
        ("name TEXT PRIMARY KEY NOT NULL, size INTEGER NOT NULL, more TEXT", None),
    ];
    for (columns, expected) in cases {
        let found = difference(&format!("CREATE TABLE things ({columns}) STRICT")).await;
        match (found, expected) {
            (None, None) => {}
            (Some(what), Some(expected)) => assert!(what.contains(expected), "{columns}: {what}"),
            (found, _) => panic!("{columns}: {found:?}"),
        }
    }
}

#[tokio::test]
async fn a_table_that_changes_while_it_is_read_is_looked_at_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read.db");
    let rows = Sqlite::open(&path).unwrap().rows::<Thing>();
    let other = rusqlite::Connection::open(&path).unwrap();
    assert_eq!(rows.count().await.unwrap(), 0, "before there is a table");
    let table = "(name TEXT PRIMARY KEY NOT NULL, size INTEGER NOT NULL) STRICT";
    other.execute_batch(&format!("CREATE TABLE things {table}")).unwrap();
    other.execute_batch("INSERT INTO things VALUES ('a', 1)").unwrap();
    assert_eq!(rows.get("a").await.unwrap().unwrap().size, 1);
    other.execute_batch("DROP TABLE things").unwrap();
    assert_eq!(rows.count().await.unwrap(), 0);
    other.execute_batch("CREATE TABLE things (name TEXT PRIMARY KEY NOT NULL) STRICT").unwrap();
    assert!(matches!(rows.count().await, Err(QueryError::Differs { .. })));
}

#[tokio::test]
async fn a_row_that_something_else_has_written_is_an_error_that_names_it() {
    let board = Board::with(Place::Sqlite, &["a", "b"].map(player)).await;
    let path = board.sqlite.as_ref().unwrap().connect().unwrap().path().unwrap().to_owned();
    let other = rusqlite::Connection::open(path).unwrap();
    other.execute_batch("UPDATE players SET guest = 7 WHERE name = 'b'").unwrap();
    let error = board.players().all().await.unwrap_err();
    let QueryError::Store(error) = error else { panic!("{error:?}") };
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    let text = format!("{error}: {}", std::error::Error::source(&error).unwrap());
    assert!(text.contains("the row \"b\" of table `players`"), "{text}");
    assert!(text.contains("`guest`"), "{text}");
}
