use projections::{Event, handlers, projector, sqlite::Sqlite};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[projector("order-summary", storage = Sqlite)]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced)]
    async fn on_placed(&self, _event: &OrderPlaced) {}
}

fn main() {}
