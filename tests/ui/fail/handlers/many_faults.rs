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
    #[handles("OrderPlaced")]
    fn on_placed(&self, _event: &OrderPlaced) {}

    #[handles(OrderShipped, form = "now")]
    fn on_shipped(_event: &OrderShipped) {}

    #[handles(OrderPlaced)]
    fn on_paid(&self, _event: &mut OrderPlaced) {}
}

fn main() {}
