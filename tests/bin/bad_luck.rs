//! An application that is wired, or unlucky, in the way that a test asks for.
//!
//! Its events are in `events.db` and its read models in `read.db`, both in the folder of `--data`.
#![allow(missing_docs)] // test code

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, ValueEnum};
use projections::{
    BoxError, Builder, Envelope, ReadModel, Rows, Runtime, cli, handlers, projector,
    sqlite::{Sqlite, SqliteEventStore, SqliteTx, rusqlite},
};
use projections_tests::ledger::{Added, TABLES, apply_sqlite};

/// The ledger of the tests, whose hooks may fail.
#[projector("ledger", storage = Sqlite, register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
struct Ledger {
    wiring: Wiring,
}

#[handlers]
impl Ledger {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        if self.wiring == Wiring::SetupFails {
            db.execute_batch("CREATE TABLE half_written (x)")?;
            return Err("the schema of the ledger is on strike".into());
        }
        if self.wiring == Wiring::BigSetup {
            db.execute_batch("CREATE TABLE IF NOT EXISTS big (x)")?;
            // More than SQLite keeps in memory: it is written before the commit.
            let fill =
                "INSERT INTO big SELECT zeroblob(8000000) WHERE NOT EXISTS (SELECT 1 FROM big)";
            db.execute(fill, [])?;
        }
        Ok(db.execute_batch(TABLES)?)
    }

    #[reset]
    fn clear(&self, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        db.execute_batch("DELETE FROM ledger; DELETE FROM ledger_fold")?;
        match self.wiring {
            Wiring::ResetFails => Err("the ledger clings to its rows".into()),
            _ => Ok(()),
        }
    }

    #[handles(Added)]
    fn added(&self, event: &Added, at: &Envelope, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        apply_sqlite(event, at, db)
    }
}

/// Another one of the same name.
#[projector("ledger", register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
struct Impostor;

#[handlers]
impl Impostor {
    #[handles(Added)]
    fn added(&mut self, _event: &Added) {}
}

/// How many numbers there are, in process.
#[projector("counter", register = false, on_failure = "halt", retry(none))]
#[derive(Clone, Default)]
struct Counter {
    numbers: u64,
}

#[handlers]
impl Counter {
    #[handles(Added)]
    fn added(&mut self, _event: &Added) {
        self.numbers += 1;
    }
}

/// Halts at events of its domain that it does not know.
#[projector("strict", unregistered = "error", register = false)]
#[derive(Clone)]
struct Strict;

#[handlers]
impl Strict {
    #[handles(Added)]
    fn added(&mut self, _event: &Added) {}
}

/// What is known of a number.
#[derive(Default, ReadModel)]
#[read_model(table = "numbers")]
struct Number {
    #[key]
    number: u64,
    times: u32,
    even: bool,
    #[index]
    note: String,
}

/// Keeps rows, and nothing else.
#[projector("numbers", storage = Sqlite, register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
struct Numbers;

#[handlers]
impl Numbers {
    #[handles(Added)]
    fn added(&self, event: &Added, numbers: &mut Rows<Number>) {
        let number = numbers.entry(&event.n);
        number.times += 1;
        number.even = event.n.is_multiple_of(2);
        number.note = format!("the number {0} was added, and {0} is its name", event.n);
    }
}

#[derive(Clone)]
struct Mailer;

/// Asks for a resource.
#[projector("mailing", storage = Sqlite, on_failure = "halt", retry(none))]
struct Mailing {
    #[resource]
    _mailer: Mailer,
}

#[handlers]
impl Mailing {
    #[handles(Added)]
    fn added(&self, _event: &Added) {}
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Wiring {
    Good,
    Strict,
    BigSetup,
    Rows,
    SetupFails,
    ResetFails,
    TwoOfOneName,
    MissingResource,
    MissingStorage,
    OnlyNobody,
    OnlySomebodyElse,
}

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    data: PathBuf,
    #[arg(long, value_enum, default_value = "good")]
    wiring: Wiring,
    #[arg(long, default_value = "")]
    namespace: String,
    #[command(subcommand)]
    command: cli::Command,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let command = arguments.command.clone();
    cli::execute(command, || builder(&arguments)).await
}

/// Short, so that whoever follows a process that was killed need not wait for long.
const LEASE: Duration = Duration::from_millis(500);

fn builder(arguments: &Arguments) -> Result<Builder<SqliteEventStore>, projections::Error> {
    let wiring = arguments.wiring;
    let events = SqliteEventStore::open(arguments.data.join("events.db"))?;
    let builder = Runtime::builder(events).namespace(&arguments.namespace).lease(LEASE);
    if wiring == Wiring::MissingStorage {
        return Ok(builder.without_linked().projector(Ledger { wiring }));
    }
    let builder = builder.storage(Sqlite::open(arguments.data.join("read.db"))?);
    if wiring == Wiring::Rows {
        return Ok(builder.without_linked().projector(Numbers));
    }
    if wiring == Wiring::MissingResource {
        return Ok(builder);
    }
    let builder =
        builder.without_linked().projector(Ledger { wiring }).projector(Counter::default());
    Ok(match wiring {
        Wiring::Strict => builder.projector(Strict),
        Wiring::TwoOfOneName => builder.projector(Impostor),
        Wiring::OnlyNobody => builder.only(Vec::<String>::new()),
        Wiring::OnlySomebodyElse => builder.only(["ledgre"]),
        _ => builder,
    })
}
