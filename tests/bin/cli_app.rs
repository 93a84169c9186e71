//! A small application with the command line of this library, for tests that need a process.
//!
//! Its files are in the folder of `--data`. Where `CLI_APP_DATA` names the folder instead, it is a
//! program without commands of its own.
#![allow(clippy::unwrap_used, missing_docs)] // test code

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, ValueEnum};
use projections::{
    BoxError, Builder, Envelope, Event, RawEvent, ReadModel, Rows, Runtime, cli, handlers,
    projector,
    sqlite::{Sqlite, SqliteEventStore, SqliteTx},
};

#[derive(Event, serde::Deserialize)]
#[event(domain = "numbers")]
struct Counted(serde_json::Value);

/// How many events a stream has, on SQLite.
#[projector("tally", storage = Sqlite, register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
struct Tally;

/// How many events there are, in process.
#[projector("echo", register = false, on_failure = "halt", retry(none))]
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

/// How many events a stream has, as rows.
#[projector("streams", storage = Sqlite, register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
struct Streams;

#[derive(ReadModel, Default)]
#[read_model(table = "streams")]
struct Stream {
    #[key]
    stream: String,
    events: i64,
}

#[handlers]
impl Streams {
    #[handles(Counted)]
    fn counted(&self, _event: &Counted, at: &Envelope, streams: &mut Rows<Stream>) {
        streams.entry(at.stream()).events += 1;
    }
}

/// The same projector in a program of another time.
#[projector("streams", storage = Sqlite, register = false, on_change = "ignore", on_failure = "halt", retry(none))]
#[derive(Clone)]
struct OtherStreams;

#[derive(ReadModel, Default)]
#[read_model(table = "streams")]
struct OtherStream {
    #[key]
    stream: String,
    events: String,
    last: bool,
}

#[handlers]
impl OtherStreams {
    #[handles(Counted)]
    fn counted(&self, _event: &Counted, at: &Envelope, streams: &mut Rows<OtherStream>) {
        let row = streams.entry(at.stream());
        row.events.push('I');
        row.last = true;
    }
}

/// As `Streams`, but it counts otherwise.
#[projector("streams", storage = Sqlite, register = false, on_change = "rebuild", on_failure = "halt", retry(none))]
#[derive(Clone)]
struct ChangedStreams;

#[handlers]
impl ChangedStreams {
    #[handles(Counted)]
    fn counted(&self, _event: &Counted, at: &Envelope, streams: &mut Rows<Stream>) {
        streams.entry(at.stream()).events += 2;
    }
}

/// Which form of the projector of rows there is.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// Its handlers changed, which has it rebuilt.
    Changed,
    Declared,
    Other,
    /// As declared, and its version is raised.
    Raised,
}

/// As `Streams`.
#[projector("streams", storage = Sqlite, register = false, version = 2, on_failure = "halt", retry(none))]
#[derive(Clone)]
struct RaisedStreams;

#[handlers]
impl RaisedStreams {
    #[handles(Counted)]
    fn counted(&self, _event: &Counted, at: &Envelope, streams: &mut Rows<Stream>) {
        streams.entry(at.stream()).events += 1;
    }
}

/// The events of each stream, of which a bad one is parked until the program is repaired.
#[projector("notes", storage = Sqlite, register = false, retry(none))]
#[derive(Clone)]
struct Notes {
    repaired: bool,
}

#[handlers]
impl Notes {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        Ok(db.execute_batch("CREATE TABLE IF NOT EXISTS notes (position INTEGER PRIMARY KEY)")?)
    }

    #[reset]
    fn clear(&self, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        Ok(db.execute_batch("DELETE FROM notes")?)
    }

    #[handles(Counted)]
    fn counted(
        &self,
        event: &Counted,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> Result<(), BoxError> {
        let position = at.position().get().cast_signed();
        db.execute("INSERT INTO notes VALUES (?1)", [position])?;
        match event.0["n"] == "bad" && !self.repaired {
            true => Err(format!("\u{1b}]0;title\u{7} in stream {}", at.stream()).into()),
            false => Ok(()),
        }
    }
}

/// Whether the program parks.
#[derive(Clone, Copy, ValueEnum)]
enum Parking {
    Broken,
    Repaired,
}

#[derive(Parser)]
struct Arguments {
    /// Where the files are.
    #[arg(long)]
    data: PathBuf,
    /// How long an owner may be silent, in milliseconds. Short, so that whoever follows a process that
    /// was killed need not wait for long; where two run at a time it is to be longer than one of them
    /// may have to wait for a processor.
    #[arg(long, default_value_t = LEASE)]
    lease: u64,
    /// Leave out the storage, and expect a projector that is not there.
    #[arg(long)]
    miswired: bool,
    /// Have just a projector that parks what it cannot apply.
    #[arg(long)]
    parking: Option<Parking>,
    /// Add a projector of rows.
    #[arg(long)]
    rows: Option<Form>,
    #[command(subcommand)]
    command: cli::Command,
}

#[tokio::main]
async fn main() -> ExitCode {
    if let Some(folder) = std::env::var_os("CLI_APP_DATA") {
        return cli::run(builder(Path::new(&folder), LEASE, false, None)).await;
    }
    let Arguments { data, lease, miswired, parking, rows, command } = Arguments::parse();
    cli::execute(command, || match parking {
        None => builder(&data, lease, miswired, rows),
        Some(parking) => notes(&data, lease, parking),
    })
    .await
}

const LEASE: u64 = 500;

fn notes(
    folder: &Path,
    lease: u64,
    parking: Parking,
) -> Result<Builder<SqliteEventStore>, projections::Error> {
    let events = SqliteEventStore::open(folder.join("events.db"))?;
    let storage = events.read_models();
    let lease = Duration::from_millis(lease);
    let builder = Runtime::builder(events).without_linked().lease(lease).storage(storage);
    Ok(builder.projector(Notes { repaired: matches!(parking, Parking::Repaired) }))
}

fn builder(
    folder: &Path,
    lease: u64,
    miswired: bool,
    rows: Option<Form>,
) -> Result<Builder<SqliteEventStore>, projections::Error> {
    let events = SqliteEventStore::open(folder.join("events.db"))?;
    let storage = events.read_models();
    let builder = Runtime::builder(events).without_linked().lease(Duration::from_millis(lease));
    let builder = builder.projector(Tally).projector(Echo { events: 0 });
    let builder = match rows {
        None => builder,
        Some(Form::Changed) => builder.projector(ChangedStreams),
        Some(Form::Declared) => builder.projector(Streams),
        Some(Form::Other) => builder.projector(OtherStreams),
        Some(Form::Raised) => builder.projector(RaisedStreams),
    };
    Ok(if miswired { builder.expect(["absent"]) } else { builder.storage(storage) })
}
