use projections::{Envelope, Event, handlers, projector, sqlite::{Sqlite, SqliteTx}};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[projector("order-summary", storage = Sqlite)]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced)]
    fn by_value(&self, _event: &OrderPlaced, _at: &Envelope, _count: u64, _db: &mut SqliteTx<'_>) {}

    #[fallback]
    fn other(&self, _event: &OrderPlaced, _db: &SqliteTx<'_>) {}
}

fn main() {}
