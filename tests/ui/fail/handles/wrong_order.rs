use projections::{Event, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
struct OrderPlaced;

#[derive(Event, serde::Serialize, serde::Deserialize)]
struct OrderShipped;

#[projector(domain = "orders", "order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(from = "now", OrderPlaced)]
    fn on_placed(&self, _event: &OrderPlaced) {}

    #[handles(OrderShipped, OrderPlaced)]
    fn on_shipped(&self, _event: &OrderShipped) {}
}

fn main() {}
