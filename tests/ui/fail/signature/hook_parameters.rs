use projections::{Envelope, Event, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[setup]
    fn create(&self, _at: &Envelope) {}

    #[reset]
    fn empty(&self, _count: u64) {}

    #[handles(OrderPlaced)]
    fn on_placed(&self, _event: &OrderPlaced) {}
}

fn main() {}
