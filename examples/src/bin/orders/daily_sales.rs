//! What was sold and what was given back, day by day: declared rows, changed as a map is.

use jiff::{civil::Date, tz::TimeZone};
use projections::{Envelope, ReadModel, Rows, handlers, projector, sqlite::Sqlite};
use rust_decimal::Decimal;

use crate::events::{OrderPaid, OrderRefunded};

/// One day's sales: a row of the table `daily_sales`.
#[derive(Debug, Default, PartialEq, ReadModel)]
#[read_model(table = "daily_sales")]
pub(crate) struct Day {
    #[key]
    pub(crate) day: Date,
    pub(crate) orders: u32,
    pub(crate) paid: Decimal,
    pub(crate) refunded: Decimal,
}

/// Payments and refunds of each day, UTC. A refund counts on the day it is made.
#[projector("daily-sales", storage = Sqlite)]
pub(crate) struct DailySales;

#[handlers]
impl DailySales {
    #[handles(OrderPaid)]
    fn paid(&self, event: &OrderPaid, at: &Envelope, days: &mut Rows<Day>) {
        let day = days.entry(&day_of(at));
        day.orders += 1;
        day.paid += event.amount;
    }

    #[handles(OrderRefunded)]
    fn refunded(&self, event: &OrderRefunded, at: &Envelope, days: &mut Rows<Day>) {
        days.entry(&day_of(at)).refunded += event.amount;
    }
}

fn day_of(at: &Envelope) -> Date {
    at.time().to_zoned(TimeZone::UTC).date()
}
