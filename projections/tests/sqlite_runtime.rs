//! Projectors on SQLite, run by the runtime.
#![cfg(all(feature = "sqlite", feature = "macros"))]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use projections::{
    Event, Expected, Runtime, handlers, projector,
    sqlite::{Sqlite, SqliteEventStore, SqliteTx, rusqlite},
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, Event, Serialize)]
#[event(domain = "words")]
pub struct Said {
    pub word: String,
}

/// Counts words in the main database.
#[projector("words", storage = Sqlite, register = false, on_failure = "halt", retry(none))]
#[derive(Clone, Debug, Default)]
pub struct Words;

#[handlers]
impl Words {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("CREATE TABLE IF NOT EXISTS words (word TEXT PRIMARY KEY, count INTEGER)")
    }

    #[reset]
    fn empty(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("DELETE FROM words")
    }

    #[handles(Said)]
    fn said(&self, event: &Said, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        let sql =
            "INSERT INTO words VALUES (?1, 1) ON CONFLICT (word) DO UPDATE SET count = count + 1";
        db.execute(sql, [&event.word])?;
        Ok(())
    }
}

/// Marks the second database.
#[derive(Debug)]
pub enum Reporting {}

/// Does what a word says to its transaction, and hides what came of it.
#[projector("obedient", storage = Sqlite<Reporting>, register = false, on_failure = "halt", retry(none))]
#[derive(Clone, Debug, Default)]
pub struct Obedient;

#[handlers]
impl Obedient {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("CREATE TABLE IF NOT EXISTS done (word TEXT UNIQUE)")
    }

    #[handles(Said)]
    fn obey(&self, event: &Said, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute("INSERT INTO done VALUES (?1)", [&event.word])?;
        let _ = db.execute_batch(&event.word);
        let _ = db.execute("INSERT INTO done VALUES (?1 || ' again')", [&event.word]);
        Ok(())
    }
}

async fn say(runtime: &Runtime<SqliteEventStore>, words: &[&str]) {
    let events: Vec<_> = words.iter().map(|word| Said { word: (*word).to_owned() }).collect();
    runtime.append("talk", Expected::Any, events).await.unwrap();
}

fn texts(connection: &rusqlite::Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

const COUNTS: &str = "SELECT word || ' ' || count FROM words ORDER BY word";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projector_catches_up_is_rebuilt_and_goes_on_in_the_events_own_file() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=2 {
        let events = SqliteEventStore::open(folder.path().join("app.db")).unwrap();
        let storage = events.read_models();
        let connection = storage.connect().unwrap();
        let runtime = Runtime::builder(events)
            .without_linked()
            .storage(storage)
            .projector(Words)
            .build()
            .await
            .unwrap();
        say(&runtime, &["yes", "no", "yes"]).await;
        runtime.catch_up().await.unwrap();
        let expected = [format!("no {round}"), format!("yes {}", 2 * round)];
        assert_eq!(texts(&connection, COUNTS), expected);
        runtime.rebuild("words").await.unwrap();
        assert_eq!(texts(&connection, COUNTS), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_leaves_its_transaction_halts_by_name_and_its_neighbours_stay() {
    for trick in ["COMMIT", "ROLLBACK", "BEGIN", "INSERT OR ROLLBACK INTO done VALUES ('fine')"] {
        let folder = tempfile::tempdir().unwrap();
        let events = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
        let main = Sqlite::open(folder.path().join("main.db")).unwrap();
        let reporting: Sqlite<Reporting> =
            Sqlite::open(folder.path().join("reporting.db")).unwrap().marked();
        let connections = [main.connect().unwrap(), reporting.connect().unwrap()];
        let runtime = Runtime::builder(events)
            .without_linked()
            .storage(main)
            .storage(reporting)
            .projector(Words)
            .projector(Obedient)
            .build()
            .await
            .unwrap();
        say(&runtime, &["fine", trick, "never reached"]).await;
        let error = runtime.catch_up().await.unwrap_err();
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        assert!(text.contains("obedient") && text.contains("`obey`"), "{trick}: {text}");
        assert!(text.contains("left its transaction"), "{trick}: {text}");
        assert_eq!(texts(&connections[1], "SELECT word FROM done"), ["fine", "fine again"]);
        let checkpoint = "SELECT position || '' FROM projections_checkpoints";
        assert_eq!(texts(&connections[1], checkpoint), ["1"], "{trick}");
        assert_eq!(texts(&connections[0], COUNTS).len(), 3, "the other projector goes on");
    }
}
