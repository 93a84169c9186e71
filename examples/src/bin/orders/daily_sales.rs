//! What was sold and what was given back, day by day.

use std::str::FromStr;

use projections::{
    BoxError, Envelope, handlers, projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
};
use rusqlite::Connection;
use rust_decimal::Decimal;

use crate::events::{OrderPaid, OrderRefunded};

/// Payments and refunds of each day, UTC. A refund counts on the day it is made.
#[projector("daily-sales", storage = Sqlite)]
pub(crate) struct DailySales;

#[handlers]
impl DailySales {
    #[setup]
    fn create_tables(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        // Amounts are text: SQLite's REAL would round them.
        db.execute_batch(
            "CREATE TABLE IF NOT EXISTS daily_sales (
                 day TEXT PRIMARY KEY, orders INTEGER NOT NULL, paid TEXT NOT NULL, refunded TEXT NOT NULL
             ) STRICT",
        )
    }

    #[reset]
    fn empty_tables(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("DELETE FROM daily_sales")
    }

    #[handles(OrderPaid)]
    fn paid(
        &self,
        event: &OrderPaid,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> Result<(), BoxError> {
        change(db, at, |day| {
            day.orders += 1;
            day.paid += event.amount;
        })
    }

    #[handles(OrderRefunded)]
    fn refunded(
        &self,
        event: &OrderRefunded,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> Result<(), BoxError> {
        change(db, at, |day| day.refunded += event.amount)
    }
}

/// One day's sales.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Day {
    pub(crate) day: String,
    pub(crate) orders: u32,
    pub(crate) paid: Decimal,
    pub(crate) refunded: Decimal,
}

/// Changes the row of the event's day, which begins empty.
fn change(
    db: &mut SqliteTx<'_>,
    at: &Envelope,
    edit: impl FnOnce(&mut Day),
) -> Result<(), BoxError> {
    let name = day_of(at);
    let sql = "SELECT day, orders, paid, refunded FROM daily_sales WHERE day = ?1";
    let mut day = db
        .query_optional(sql, [&name], day_from)?
        .unwrap_or_else(|| Day { day: name, ..Day::default() });
    edit(&mut day);
    db.execute(
        "INSERT OR REPLACE INTO daily_sales VALUES (?1, ?2, ?3, ?4)",
        (&day.day, day.orders, day.paid.to_string(), day.refunded.to_string()),
    )?;
    Ok(())
}

fn day_of(at: &Envelope) -> String {
    at.time().strftime("%Y-%m-%d").to_string()
}

fn day_from(row: &rusqlite::Row<'_>) -> rusqlite::Result<Day> {
    Ok(Day {
        day: row.get(0)?,
        orders: row.get(1)?,
        paid: decimal(row, 2)?,
        refunded: decimal(row, 3)?,
    })
}

fn decimal(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Decimal> {
    let text = row.get_ref(column)?.as_str()?;
    Decimal::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
    })
}

/// Lists every day on which something was paid or refunded, oldest first.
pub(crate) fn days(db: &Connection) -> rusqlite::Result<Vec<Day>> {
    db.prepare("SELECT day, orders, paid, refunded FROM daily_sales ORDER BY day")?
        .query_map([], day_from)?
        .collect()
}
