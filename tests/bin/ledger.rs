//! A small application that the tests start, stop and kill.
//!
//! ```text
//! ledger append EVENTS STREAM FROM TO
//!     one append a number
//! ledger project EVENTS READ [--lease=MILLISECONDS] [AT [DO]]
//!     runs until SIGTERM; at number AT: `die` or `hang`
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
    time::Duration,
};

use projections::{
    AppendRequest, Envelope, EventStore, Expected, NewEvent, Runtime, handlers, projector,
    sqlite::{Sqlite, SqliteEventStore, SqliteTx, rusqlite},
};
use projections_tests::ledger::{Added, TABLES, apply_sqlite};

/// The ledger on SQLite, which dies or hangs where it is told to: after its writes.
#[projector("ledger-sqlite", storage = Sqlite, register = false)]
#[derive(Clone)]
struct Mortal {
    at: Option<u64>,
    hang: bool,
}

#[handlers]
impl Mortal {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(TABLES)
    }

    #[handles(Added)]
    fn added(&self, event: &Added, at: &Envelope, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        apply_sqlite(event, at, db)?;
        if self.at == Some(event.n) {
            println!("at {}", event.n);
            if !self.hang {
                let pid = std::process::id().to_string();
                Command::new("kill").args(["-9", &pid]).status().unwrap();
            }
            loop {
                std::thread::park();
            }
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["append", events, stream, from, to] => {
            let events = SqliteEventStore::open(PathBuf::from(events)).unwrap();
            for n in from.parse::<u64>().unwrap()..to.parse().unwrap() {
                let event = NewEvent::of(&Added { n }).unwrap();
                let request = AppendRequest::new(stream, Expected::Any, vec![event]);
                events.append(request).await.unwrap();
            }
            ExitCode::SUCCESS
        }
        ["project", events, read, ref more @ ..] => {
            let lease = more.first().and_then(|word| word.strip_prefix("--lease="));
            let at = &more[usize::from(lease.is_some())..];
            let lease = lease.map_or(LEASE, |lease| Duration::from_millis(lease.parse().unwrap()));
            let projector = Mortal {
                at: at.first().map(|at| at.parse().unwrap()),
                hang: at.get(1) == Some(&"hang"),
            };
            project(events, read, lease, projector).await
        }
        _ => ExitCode::from(2),
    }
}

/// Short, so that whoever follows one that was killed need not wait for long. Where two run at a time,
/// one that has to wait for a processor for so long loses its projector to the other.
const LEASE: Duration = Duration::from_millis(500);

async fn project(events: &str, read: &str, lease: Duration, projector: Mortal) -> ExitCode {
    let runtime = Runtime::builder(SqliteEventStore::open(PathBuf::from(events)).unwrap())
        .without_linked()
        .storage(Sqlite::open(PathBuf::from(read)).unwrap())
        .projector(projector)
        .batch_events(7)
        .lease(lease)
        .shutdown_deadline(Duration::from_secs(30));
    let runtime = runtime.build().await.unwrap();
    println!("ready");
    match runtime.run(projections::shutdown_signal()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
