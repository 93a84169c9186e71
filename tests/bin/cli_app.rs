//! A small application with the command line of this library, for tests that need a process.
//!
//! Its files are in the folder of `--data`. Where `CLI_APP_DATA` names the folder instead, it is a
//! program without commands of its own.
#![allow(clippy::unwrap_used, missing_docs)] // test code

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use projections::{
    BoxError, Builder, Envelope, Event, RawEvent, Runtime, cli, handlers, projector,
    sqlite::{Sqlite, SqliteEventStore, SqliteTx},
};

#[derive(Event, serde::Deserialize)]
#[event(domain = "numbers")]
struct Counted(serde_json::Value);

/// How many events a stream has, on SQLite.
#[projector("tally", storage = Sqlite, register = false)]
#[derive(Clone)]
struct Tally;

/// How many events there are, in process.
#[projector("echo", register = false)]
#[derive(Clone)]
struct Echo {
    events: u64,
}

#[handlers]
impl Echo {
    #[handles(Counted)]
    fn counted(&mut self, _event: &Counted) {
        self.events += 1;
    }

    #[fallback(all)]
    fn other(&mut self, _event: &RawEvent<'_>) {
        self.events += 1;
    }
}

#[handlers]
impl Tally {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        let sql = "CREATE TABLE IF NOT EXISTS tally (stream TEXT PRIMARY KEY, events INTEGER)";
        Ok(db.execute_batch(sql)?)
    }

    #[reset]
    fn clear(&self, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        Ok(db.execute_batch("DELETE FROM tally")?)
    }

    #[handles(Counted)]
    fn counted(
        &self,
        event: &Counted,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> Result<(), BoxError> {
        if event.0 == "bad" {
            return Err(format!("\u{1b}]0;title\u{7} in stream {}", at.stream()).into());
        }
        let sql = "INSERT INTO tally VALUES (?1, 1)
                   ON CONFLICT (stream) DO UPDATE SET events = events + 1";
        db.execute(sql, [at.stream()])?;
        Ok(())
    }
}

#[derive(Parser)]
struct Arguments {
    /// Where the files are.
    #[arg(long)]
    data: PathBuf,
    /// Leave out the storage, and expect a projector that is not there.
    #[arg(long)]
    miswired: bool,
    #[command(subcommand)]
    command: cli::Command,
}

#[tokio::main]
async fn main() -> ExitCode {
    if let Some(folder) = std::env::var_os("CLI_APP_DATA") {
        return cli::run(builder(Path::new(&folder), false)).await;
    }
    let Arguments { data, miswired, command } = Arguments::parse();
    cli::execute(command, || builder(&data, miswired)).await
}

fn builder(folder: &Path, miswired: bool) -> Result<Builder<SqliteEventStore>, projections::Error> {
    let events = SqliteEventStore::open(folder.join("events.db"))?;
    let storage = events.read_models();
    let builder =
        Runtime::builder(events).without_linked().projector(Tally).projector(Echo { events: 0 });
    Ok(if miswired { builder.expect(["absent"]) } else { builder.storage(storage) })
}
