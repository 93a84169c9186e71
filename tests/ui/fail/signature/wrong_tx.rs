use projections::{Event, handlers, projector, sqlite::Sqlite};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

struct MemTx;

#[projector("order-summary", storage = Sqlite)]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced)]
    fn on_placed(&self, _event: &OrderPlaced, _db: &mut MemTx) {}
}

fn main() {}
