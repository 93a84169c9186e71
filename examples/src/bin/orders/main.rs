//! A shop's five read models on SQLite: `cargo run -p examples --bin orders`.
//!
//! Without a command it makes up a history, stores it, projects it, and asks each read model a
//! question. `--data DIR` keeps the files; `orders --data DIR projection status` looks at them.

mod audit_log;
mod customer_activity;
mod daily_sales;
mod events;
mod generator;
mod order_summary;
mod product_search;

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use projections::{
    Builder, EventSource, Expected, Runtime, StoreError, cli,
    sqlite::{Sqlite, SqliteEventStore, rusqlite},
};
use rusqlite::Connection;
use rust_decimal::Decimal;

const SEED: u64 = 2024;
const ORDERS: u32 = 250;

/// A shop and its read models.
#[derive(Parser)]
struct Arguments {
    /// Keeps events and read models in this folder; a fresh temporary one if it is not given.
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<cli::Command>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match carry_out(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let data = open_folder(arguments.data)?;
    if let Some(command) = arguments.command {
        return Ok(cli::execute(command, || builder(&data)).await);
    }
    tell(&data).await?;
    Ok(ExitCode::SUCCESS)
}

fn open_folder(data: Option<PathBuf>) -> Result<PathBuf, Box<dyn Error>> {
    let Some(data) = data else {
        let data = tempfile::Builder::new().prefix("orders-").tempdir()?.keep();
        eprintln!("events and read models are kept in {}", data.display());
        return Ok(data);
    };
    fs::create_dir_all(&data)
        .map_err(|error| format!("cannot create the folder {}: {error}", data.display()))?;
    Ok(data)
}

/// Wires the two files together; the projectors have registered themselves.
fn builder(data: &Path) -> Result<Builder<SqliteEventStore>, projections::Error> {
    let events = SqliteEventStore::open(data.join("events.db"))?;
    Ok(Runtime::builder(events).storage(read_models(data)?))
}

fn read_models(data: &Path) -> Result<Sqlite, StoreError> {
    Sqlite::open(data.join("read.db"))
}

/// Stores a history if there is none, projects it, and asks.
async fn tell(data: &Path) -> Result<(), Box<dyn Error>> {
    let runtime = builder(data)?.build().await?;
    if runtime.events().head().await?.is_none() {
        for (stream, event) in generator::history(SEED, ORDERS)? {
            runtime.append(stream, Expected::Any, [event]).await?;
        }
    }
    runtime.catch_up().await?;

    print_answers(&read_models(data)?.connect()?)?;

    println!("\nProjectors");
    for projector in runtime.status().await?.projectors {
        println!("  {:18} {}, at {}", projector.projector, projector.state, projector.position);
    }
    Ok(())
}

fn print_answers(db: &Connection) -> rusqlite::Result<()> {
    println!("Orders by state");
    for (state, orders) in order_summary::states(db)? {
        println!("  {state:10} {orders:4}");
    }
    if let Some(order) = order_summary::order(db, "00081")? {
        println!(
            "  order {}: {} of {} is {}",
            order.order, order.total, order.customer, order.state
        );
    }

    println!("\nProducts for \"espr\": {}", product_search::search(db, "espr")?.join(", "));
    println!("Products for \"warm iron\": {}", product_search::search(db, "warm iron")?.join(", "));

    let days = daily_sales::days(db)?;
    let (paid, refunded): (Decimal, Decimal) =
        (days.iter().map(|day| day.paid).sum(), days.iter().map(|day| day.refunded).sum());
    println!("\nSales of {} days: {paid} paid, {refunded} refunded; the first:", days.len());
    for day in days.iter().take(3) {
        println!(
            "  {}  {:3} orders {:>9} paid {:>8.2} refunded",
            day.day, day.orders, day.paid, day.refunded
        );
    }

    println!("\nBusiest customers");
    for customer in customer_activity::busiest(db, 3)? {
        let favourites = customer_activity::favourites(db, &customer.customer)?;
        let favourite = favourites.first().map_or("nothing", |(product, _)| product);
        println!("  {:8} {:3} orders, mostly of {favourite}", customer.name, customer.orders);
        for what in customer_activity::timeline(db, &customer.customer, 2)? {
            println!("           {what}");
        }
    }

    println!("\nAudit log");
    for (domain, event, entries) in audit_log::counts(db)? {
        println!("  {domain:10} {event:20} {entries:4}");
    }
    println!("  order-00081: {}", audit_log::history(db, "order-00081")?.join(", "));
    Ok(())
}
