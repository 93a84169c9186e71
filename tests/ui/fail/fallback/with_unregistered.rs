use projections::{Event, RawEvent, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[projector("order-summary", unregistered = "error")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced)]
    fn on_placed(&mut self, _event: &OrderPlaced) {}

    #[fallback]
    fn other(&self, _event: &RawEvent<'_>) {}
}

fn main() {}
