use projections::{Event, handlers, projector, sqlite::Sqlite};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[projector("order-lines", storage = Sqlite, lanes = 4)]
struct OrderLines;

#[handlers]
impl OrderLines {
    #[handles(OrderPlaced)]
    fn on_placed(&self, _event: &OrderPlaced) {}

    #[flush]
    fn send(&self) {}
}

fn main() {}
