//! A SQLite file that this process opens in every way while it is in use: rule R34.

use std::{path::Path, process::ExitCode, time::Duration};

use clap::Parser;
use projections::{
    AppendRequest, EventStore, Expected, NewEvent, Runtime, cli,
    sqlite::{Sqlite, SqliteEventStore},
};
use projections_tests::ledger::{Added, expected, read_sqlite};

use crate::child::{Other, projected};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: cli::Command,
}

/// Runs a command of the command line in this process, on handles of its own.
async fn execute(path: &Path, arguments: &[&str]) -> bool {
    let arguments = ["app"].iter().chain(arguments);
    let command = Arguments::try_parse_from(arguments).unwrap().command;
    let code = cli::execute(command, || {
        let events = SqliteEventStore::open(path)?;
        let storage = events.read_models();
        Ok::<_, projections::Error>(
            Runtime::builder(events).storage(storage).only(["ledger-sqlite"]),
        )
    });
    code.await == ExitCode::SUCCESS
}

async fn add(events: &SqliteEventStore, n: u64) -> projections::Token {
    let event = NewEvent::of(&Added { n }).unwrap();
    let request = AppendRequest::new("here", Expected::Any, vec![event]);
    events.append(request).await.unwrap().token()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_opens_the_file_every_acknowledged_commit_is_there_for_a_new_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let file = path.to_str().unwrap();
    let events = SqliteEventStore::open(&path).unwrap();
    let runtime = Runtime::builder(events.clone()).storage(events.read_models());
    let runtime = runtime.only(["ledger-sqlite"]).build().await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.run(async { drop(stopped.await) }).await }
    });
    let wait = Duration::from_secs(60);
    let mut acknowledged = Vec::new();
    let import = folder.path().join("import.ndjson");
    for round in 0..4_u64 {
        acknowledged.push(round);
        let token = add(&events, round).await;
        runtime.wait_for("ledger-sqlite", &token, wait).await.unwrap();

        // Looked at, by the runtime and by commands.
        assert_eq!(runtime.status().await.unwrap().projectors.len(), 1);
        runtime.status_exact().await.unwrap();
        assert!(execute(&path, &["projection", "status", "--json"]).await);
        assert!(execute(&path, &["projection", "check"]).await);
        // Imported into, once a round.
        let line = format!(
            r#"{{"stream":"i","domain":"numbers","type":"Added","time":"2020-01-01T00:00:00Z","data":{{"n":{}}}}}"#,
            100 + round
        );
        std::fs::write(&import, format!("{line}\n")).unwrap();
        assert!(execute(&path, &["events", "import", import.to_str().unwrap()]).await);
        acknowledged.push(100 + round);
        // Refused: the database is no import file, no place for an export, and a folder no database.
        for part in ["", "-wal", "-shm"] {
            assert!(!execute(&path, &["events", "import", &format!("{file}{part}")]).await);
        }
        assert!(!execute(&path, &["events", "export", file]).await);
        assert!(Sqlite::open(folder.path()).is_err());
        // Backed up, through SQLite.
        let backup = folder.path().join(format!("backup-{round}.db"));
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
        drop(connection);
        let copied = rusqlite::Connection::open(&backup).unwrap();
        let copied: i64 =
            copied.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
        assert_eq!(copied, acknowledged.len() as i64);
        // Another process opens and closes it: with this one's locks gone it would be the last,
        // and take the write-ahead log away.
        let mut passing = std::process::Command::new(env!("CARGO_BIN_EXE_ledger"));
        passing.args(["append", file, "passing", "0", "0"]);
        assert!(passing.status().unwrap().success());
        // Another appends.
        let mut other = Other::start(folder.path(), "append", "there");
        other.line("begun");
        let more = other.end().lines().filter(|line| line.starts_with("wait ")).count();
        acknowledged.extend(0..more as u64);
    }
    let last = add(&events, 7).await;
    acknowledged.push(7);
    runtime.wait_for("ledger-sqlite", &last, wait).await.unwrap();

    // While all of this is still open, a new process reads the log and makes of it what is due.
    let due = expected(&(1..).zip(acknowledged).collect::<Vec<_>>());
    let new = Other::project(folder.path(), "new.db");
    let began = std::time::Instant::now();
    while projected(&folder.path().join("new.db")) < due.rows.len() {
        assert!(began.elapsed() < wait, "a new process misses acknowledged events");
        std::thread::yield_now();
    }
    new.kill();
    assert_eq!(read_sqlite(&folder.path().join("new.db")), due);
    // The read model in this file, too.
    assert_eq!(read_sqlite(&path), due);
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    let sound: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}
