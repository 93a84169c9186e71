use projections::{Event, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced)]
    fn on_placed(&self, _event: &OrderPlaced) {}
}

fn main() {}
