use projections::{Event, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

type Placed = OrderPlaced;

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced)]
    fn on_placed(&self, _event: &OrderPlaced) {}

    #[handles(Placed)]
    fn on_placed_again(&self, _event: &Placed) {}

    #[handles(crate::OrderPlaced, input_domain = "orders")]
    fn on_placed_once_more(&self, _event: &OrderPlaced) {}
}

fn main() {}
