use projections::{Event, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderShipped;

#[projector("order-summary")]
struct OrderSummary {
    orders: u64,
}

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced)]
    fn on_placed(&mut self, _event: &OrderPlaced) {
        self.orders += "one";
    }

    #[handles(OrderShipped, form = "now")]
    fn on_shipped(&mut self, _event: &OrderShipped) {}
}

fn main() {}
