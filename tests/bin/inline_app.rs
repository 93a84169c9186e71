//! A program that appends, with or without the projectors that run inline.
//!
//! ```text
//! inline-app append FILE WITH STREAM FROM TO SIZE   appends of SIZE numbers each; prints one line each
//! inline-app catch-up FILE WITH                     runs the projectors up to the head
//! inline-app rebuild FILE WITH                      rebuilds the ledger
//! inline-app cli FILE WITH COMMAND...               the commands of every application
//! ```
//! `WITH` is `inline` (the ledger), `both` (and the digits), `async` or `nothing`.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // test code

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use projections::{
    AppendError, AppendRequest, Builder, Error, EventStore, Expected, Receipt, Runtime, ToEvent,
    cli, sqlite::SqliteEventStore,
};
use projections_tests::{
    inline::{AsyncLedger, InlineDigits, InlineLedger},
    ledger::Added,
};

#[derive(Parser)]
struct Command {
    #[command(subcommand)]
    command: cli::Command,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["append", file, with, stream, from, to, size] => {
            append(file, with, stream, [from, to, size].map(|n| n.parse().unwrap())).await
        }
        ["catch-up", file, with] => catch_up(file, with).await,
        ["rebuild", file, with] => rebuild(file, with).await,
        ["cli", file, with, ref words @ ..] => {
            let Command { command } = Command::parse_from(["app"].iter().chain(words));
            return cli::execute(command, || builder(file, with)).await;
        }
        _ => return ExitCode::from(2),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

/// Short, so that whoever follows a process that was killed need not wait for long.
const LEASE: Duration = Duration::from_millis(500);

fn builder(file: &str, with: &str) -> Builder<SqliteEventStore> {
    let events = SqliteEventStore::open(PathBuf::from(file)).unwrap();
    let storage = events.read_models();
    let builder = Runtime::builder(events).without_linked().storage(storage).lease(LEASE);
    match with {
        "inline" => builder.projector(InlineLedger),
        "both" => builder.projector(InlineLedger).projector(InlineDigits),
        "async" => builder.projector(AsyncLedger),
        "nothing" => builder,
        other => panic!("`{other}` is no program of this test"),
    }
}

/// Says of each append what became of it.
async fn append(
    file: &str,
    with: &str,
    stream: &str,
    [from, to, size]: [u64; 3],
) -> Result<(), Error> {
    let events = SqliteEventStore::open(PathBuf::from(file))?;
    // Made after the store: the appends of one file run what is built for it, whoever appends.
    let _runtime = match with {
        "nothing" => None,
        with => Some(builder(file, with).build().await?),
    };
    let mut n = from;
    println!("ready");
    while n < to {
        let numbers: Vec<Added> = (n..to.min(n + size)).map(|n| Added { n }).collect();
        match store(&events, stream, numbers).await {
            Ok(receipt) => println!("stored {n} {} {}", receipt.first, receipt.last),
            Err(error) => println!("refused {n} {error}"),
        }
        n += size;
    }
    Ok(())
}

async fn store(
    events: &SqliteEventStore,
    stream: &str,
    numbers: Vec<Added>,
) -> Result<Receipt, AppendError> {
    let numbers = numbers.iter().map(ToEvent::to_event).collect::<Result<_, _>>()?;
    events.append(AppendRequest::new(stream, Expected::Any, numbers)).await
}

async fn catch_up(file: &str, with: &str) -> Result<(), Error> {
    Ok(builder(file, with).build().await?.catch_up().await?)
}

async fn rebuild(file: &str, with: &str) -> Result<(), Error> {
    Ok(builder(file, with).build().await?.rebuild("ledger").await?)
}
