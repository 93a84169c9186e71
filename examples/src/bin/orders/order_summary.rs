//! One row an order: who, how much, and what has become of it.
//!
//! Plain SQL, because orders are counted by state with `GROUP BY`, and an `UPDATE` tells whether
//! there was such an order without reading it.

use projections::{
    Envelope, handlers, projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
};
use rusqlite::{Connection, OptionalExtension};

use crate::events::{OrderCancelled, OrderPaid, OrderPlaced, OrderRefunded, OrderShipped};

/// Every order with its customer, total and state.
#[projector("order-summary", storage = Sqlite, unregistered = "error")]
pub(crate) struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[setup]
    fn create_tables(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(
            "CREATE TABLE IF NOT EXISTS order_summary (
                 order_id TEXT PRIMARY KEY, customer TEXT NOT NULL, items INTEGER NOT NULL,
                 total TEXT NOT NULL, state TEXT NOT NULL, placed TEXT NOT NULL
             ) STRICT",
        )
    }

    #[reset]
    fn empty_tables(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("DELETE FROM order_summary")
    }

    #[handles(OrderPlaced)]
    fn placed(
        &self,
        event: &OrderPlaced,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> rusqlite::Result<()> {
        let items: u32 = event.lines.iter().map(|line| line.quantity).sum();
        db.execute(
            "INSERT INTO order_summary VALUES (?1, ?2, ?3, ?4, 'placed', ?5)",
            (
                &event.order,
                &event.customer,
                items,
                event.total().to_string(),
                at.time().to_string(),
            ),
        )?;
        Ok(())
    }

    #[handles(OrderPaid)]
    fn paid(&self, event: &OrderPaid, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        set_state(db, &event.order, "paid")
    }

    #[handles(OrderShipped)]
    fn shipped(&self, event: &OrderShipped, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        set_state(db, &event.order, "shipped")
    }

    #[handles(OrderCancelled)]
    fn cancelled(&self, event: &OrderCancelled, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        set_state(db, &event.order, "cancelled")
    }

    #[handles(OrderRefunded)]
    fn refunded(&self, event: &OrderRefunded, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        set_state(db, &event.order, "refunded")
    }
}

fn set_state(db: &mut SqliteTx<'_>, order: &str, state: &str) -> rusqlite::Result<()> {
    match db.execute("UPDATE order_summary SET state = ?2 WHERE order_id = ?1", (order, state))? {
        1 => Ok(()),
        // An order that was never placed is a fault in the log; passing it over would hide it.
        _ => Err(rusqlite::Error::QueryReturnedNoRows),
    }
}

/// One order, as the read model shows it.
#[derive(Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) order: String,
    pub(crate) customer: String,
    pub(crate) items: u32,
    pub(crate) total: String,
    pub(crate) state: String,
}

/// Looks one order up.
pub(crate) fn order(db: &Connection, order: &str) -> rusqlite::Result<Option<Summary>> {
    db.query_row(
        "SELECT order_id, customer, items, total, state FROM order_summary WHERE order_id = ?1",
        [order],
        |row| {
            Ok(Summary {
                order: row.get(0)?,
                customer: row.get(1)?,
                items: row.get(2)?,
                total: row.get(3)?,
                state: row.get(4)?,
            })
        },
    )
    .optional()
}

/// Counts the orders in each state, by state.
pub(crate) fn states(db: &Connection) -> rusqlite::Result<Vec<(String, u32)>> {
    db.prepare("SELECT state, count(*) FROM order_summary GROUP BY state ORDER BY state")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}
