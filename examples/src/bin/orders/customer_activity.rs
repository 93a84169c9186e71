//! What each customer has done: a row, a timeline and favourites, changed together.
//!
//! Three tables follow one event. They are written in the transaction of the checkpoint, so a
//! reader never sees an order in the timeline that the count beside it lacks.

use projections::{
    Envelope, handlers, projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
};
use rusqlite::Connection;

use crate::events::{CustomerRegistered, OrderCancelled, OrderPlaced, OrderRefunded};

/// Customers, what they did and when, and what they buy.
#[projector("customer-activity", storage = Sqlite)]
pub(crate) struct CustomerActivity;

#[handlers]
impl CustomerActivity {
    #[setup]
    fn create_tables(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(
            "CREATE TABLE IF NOT EXISTS customers (
                 customer TEXT PRIMARY KEY, name TEXT NOT NULL, orders INTEGER NOT NULL
             ) STRICT;
             CREATE TABLE IF NOT EXISTS customer_timeline (
                 customer TEXT NOT NULL, position INTEGER NOT NULL, time TEXT NOT NULL,
                 what TEXT NOT NULL, PRIMARY KEY (customer, position)
             ) STRICT, WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS customer_favourites (
                 customer TEXT NOT NULL, product TEXT NOT NULL, quantity INTEGER NOT NULL,
                 PRIMARY KEY (customer, product)
             ) STRICT, WITHOUT ROWID;",
        )
    }

    #[reset]
    fn empty_tables(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(
            "DELETE FROM customers; DELETE FROM customer_timeline; DELETE FROM customer_favourites;",
        )
    }

    // Two domains feed this projector: the events of each say which.
    #[handles(CustomerRegistered, input_domain = "customers")]
    fn registered(
        &self,
        event: &CustomerRegistered,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> rusqlite::Result<()> {
        db.execute("INSERT INTO customers VALUES (?1, ?2, 0)", (&event.customer, &event.name))?;
        note(db, &event.customer, at, "registered")
    }

    #[handles(OrderPlaced, input_domain = "orders")]
    fn placed(
        &self,
        event: &OrderPlaced,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> rusqlite::Result<()> {
        db.execute(
            "UPDATE customers SET orders = orders + 1 WHERE customer = ?1",
            [&event.customer],
        )?;
        for line in &event.lines {
            db.execute(
                "INSERT INTO customer_favourites VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity",
                (&event.customer, &line.product, line.quantity),
            )?;
        }
        note(db, &event.customer, at, &format!("placed {}", event.order))
    }

    #[handles(OrderCancelled, input_domain = "orders")]
    fn cancelled(
        &self,
        event: &OrderCancelled,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> rusqlite::Result<()> {
        db.execute(
            "UPDATE customers SET orders = orders - 1 WHERE customer = ?1",
            [&event.customer],
        )?;
        note(db, &event.customer, at, &format!("cancelled {}", event.order))
    }

    #[handles(OrderRefunded, input_domain = "orders")]
    fn refunded(
        &self,
        event: &OrderRefunded,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> rusqlite::Result<()> {
        note(db, &event.customer, at, &format!("was refunded {} for {}", event.amount, event.order))
    }
}

fn note(db: &mut SqliteTx<'_>, customer: &str, at: &Envelope, what: &str) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO customer_timeline VALUES (?1, ?2, ?3, ?4)",
        (customer, at.position().get(), at.time().to_string(), what),
    )?;
    Ok(())
}

/// A customer, as the read model shows it.
#[derive(Debug, PartialEq)]
pub(crate) struct Customer {
    pub(crate) customer: String,
    pub(crate) name: String,
    pub(crate) orders: u32,
}

/// Lists the customers with the most orders, then by id.
pub(crate) fn busiest(db: &Connection, limit: u32) -> rusqlite::Result<Vec<Customer>> {
    db.prepare(
        "SELECT customer, name, orders FROM customers ORDER BY orders DESC, customer LIMIT ?1",
    )?
    .query_map([limit], |row| {
        Ok(Customer { customer: row.get(0)?, name: row.get(1)?, orders: row.get(2)? })
    })?
    .collect()
}

/// Tells what a customer did, newest first.
pub(crate) fn timeline(
    db: &Connection,
    customer: &str,
    limit: u32,
) -> rusqlite::Result<Vec<String>> {
    db.prepare(
        "SELECT what FROM customer_timeline WHERE customer = ?1 ORDER BY position DESC LIMIT ?2",
    )?
    .query_map((customer, limit), |row| row.get(0))?
    .collect()
}

/// Lists what a customer buys, most first, then by product.
pub(crate) fn favourites(db: &Connection, customer: &str) -> rusqlite::Result<Vec<(String, u32)>> {
    db.prepare(
        "SELECT product, quantity FROM customer_favourites WHERE customer = ?1
         ORDER BY quantity DESC, product",
    )?
    .query_map([customer], |row| Ok((row.get(0)?, row.get(1)?)))?
    .collect()
}
