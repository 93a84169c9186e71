use projections::{Event, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderShipped;

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced)]
    #[handles(OrderShipped)]
    fn on_placed(&mut self, _event: &OrderPlaced) {}

    #[setup]
    #[handles(OrderShipped)]
    fn create(&self) {}
}

fn main() {}
