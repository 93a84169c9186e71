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
#[cfg(test)]
mod specs;

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

use crate::{
    customer_activity::{Customer, Favourite, TimelineEntry},
    daily_sales::Day,
};

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

    let db = read_models(data)?.connect()?;
    print_orders(&db)?;
    print_products(&db)?;
    print_sales(&runtime).await?;
    print_customers(&runtime).await?;
    print_audit_log(&db)?;

    println!("\nProjectors");
    for projector in runtime.status().await?.projectors {
        println!("  {:18} {}, at {}", projector.projector, projector.state, projector.position);
    }
    Ok(())
}

fn print_orders(db: &Connection) -> rusqlite::Result<()> {
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
    Ok(())
}

fn print_products(db: &Connection) -> rusqlite::Result<()> {
    println!("\nProducts for \"espr\": {}", product_search::search(db, "espr")?.join(", "));
    println!("Products for \"warm iron\": {}", product_search::search(db, "warm iron")?.join(", "));
    Ok(())
}

/// Rows are read without SQL, whatever storage keeps them.
async fn print_sales(shop: &Runtime<SqliteEventStore>) -> Result<(), projections::Error> {
    let days = shop.rows::<Day>()?.all().await?;
    let (paid, refunded): (Decimal, Decimal) =
        (days.iter().map(|day| day.paid).sum(), days.iter().map(|day| day.refunded).sum());
    println!("\nSales of {} days: {paid:.2} paid, {refunded:.2} refunded; the first:", days.len());
    for Day { day, orders, paid, refunded } in days.iter().take(3) {
        println!("  {day}  {orders:3} orders {paid:>9.2} paid {refunded:>8.2} refunded");
    }
    Ok(())
}

async fn print_customers(shop: &Runtime<SqliteEventStore>) -> Result<(), projections::Error> {
    let favourites = shop.rows::<Favourite>()?;
    let timeline = shop.rows::<TimelineEntry>()?;
    let customers = shop.rows::<Customer>()?.all();
    println!("\nBusiest customers");
    for Customer { customer, name, orders } in
        customers.order_by(Customer::ORDERS).descending().limit(3).await?
    {
        let favourites = favourites.by(Favourite::CUSTOMER, &customer);
        let most = favourites.order_by(Favourite::QUANTITY).descending().limit(1).await?;
        let product = most.first().map_or("nothing", |favourite| &favourite.product);
        println!("  {name:8} {orders:3} orders, mostly of {product}");
        let latest = timeline.by(TimelineEntry::CUSTOMER, &customer).descending().limit(2);
        for entry in latest.await? {
            println!("           {}", entry.what);
        }
    }
    Ok(())
}

fn print_audit_log(db: &Connection) -> rusqlite::Result<()> {
    println!("\nAudit log");
    for (domain, event, entries) in audit_log::counts(db)? {
        println!("  {domain:10} {event:20} {entries:4}");
    }
    println!("  order-00081: {}", audit_log::history(db, "order-00081")?.join(", "));
    Ok(())
}
