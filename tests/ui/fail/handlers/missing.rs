use projections::{Event, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[projector("order-summary")]
struct OrderSummary;

impl OrderSummary {
    #[handles(OrderPlaced)]
    fn on_placed(&mut self, _event: &OrderPlaced) {}
}

fn main() {}
