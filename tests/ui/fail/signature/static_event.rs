use projections::{Event, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced<'a> {
    item: &'a str,
}

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced)]
    fn on_placed(&self, _event: OrderPlaced<'static>) {}
}

fn main() {}
