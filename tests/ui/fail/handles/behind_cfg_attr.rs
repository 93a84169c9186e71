use projections::{Event, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[cfg_attr(all(), handles(OrderPlaced))]
    fn on_placed(&mut self, _event: &OrderPlaced) {}
}

fn main() {}
