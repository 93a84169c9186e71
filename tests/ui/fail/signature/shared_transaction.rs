use projections::{Event, handlers, projector, sqlite::{Sqlite, SqliteTx}};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[projector("order-summary", storage = Sqlite)]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced)]
    fn on_placed(&self, _event: &OrderPlaced, _db: &SqliteTx<'_>) {}
}

fn main() {}
