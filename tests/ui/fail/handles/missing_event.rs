use projections::{Event, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles]
    fn on_placed(&self, _event: &OrderPlaced) {}

    #[handles(input_domain = "orders")]
    fn on_shipped(&self) {}
}

fn main() {}
