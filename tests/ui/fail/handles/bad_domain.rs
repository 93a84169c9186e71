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
    #[handles(OrderPlaced, input_domain = "")]
    fn on_placed(&mut self, _event: &OrderPlaced) {}

    #[handles(OrderShipped, input_domain = "Orders ")]
    fn on_shipped(&mut self, _event: &OrderShipped) {}
}

fn main() {}
