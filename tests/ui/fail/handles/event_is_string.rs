use projections::{Event, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles("OrderPlaced", input_domain = "orders")]
    fn on_placed(&self, _event: &OrderPlaced) {}
}

fn main() {}
