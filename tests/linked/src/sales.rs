use projections::sqlite::{Sqlite, SqliteTx, rusqlite};
use projections::{Envelope, RawEvent, handlers, projector};

use crate::events::{self, OrderPlaced};

/// What was sold, and for how much.
///
/// It forgets nothing.
#[projector(
    "sales",
    storage = Sqlite,
    unregistered = "ignore",
    batch(events = 500),
    from = "beginning",
    version = 2,
    on_change = "warn"
)]
#[derive(Debug)]
pub struct Sales;

/// How sales are counted.
#[handlers]
impl Sales {
    /// The table of this read model.
    pub const TABLE: &str = "sales";

    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute("CREATE TABLE IF NOT EXISTS sales (item TEXT PRIMARY KEY, cents INTEGER)", ())?;
        Ok(())
    }

    #[reset]
    fn clear(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute("DELETE FROM sales", ())?;
        Ok(())
    }

    #[handles(OrderPlaced)]
    fn placed(&self, event: &OrderPlaced<'_>, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute(
            "INSERT INTO sales VALUES (?1, ?2) ON CONFLICT DO UPDATE SET cents = cents + ?2",
            (&event.item, event.cents),
        )?;
        Ok(())
    }

    #[handles(events::Payment, input_domain = "orders", from = "now")]
    fn paid(&self, _event: events::Payment, at: &Envelope, db: &mut SqliteTx<'_>) {
        let _ = (at.position(), db);
    }

    #[cfg(any())]
    #[handles(events::NeverSold)]
    fn never(&self, _event: &events::NeverSold) {}

    #[fallback(domain = ["parcels", "orders"])]
    fn other(&self, _event: &RawEvent<'_>, _db: &mut SqliteTx<'_>) {}
}
