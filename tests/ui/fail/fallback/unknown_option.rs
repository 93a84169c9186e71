use projections::{RawEvent, handlers, projector};

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[fallback(domains = "orders")]
    fn other(&self, _event: &RawEvent<'_>) {}
}

fn main() {}
