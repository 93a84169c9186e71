use projections::{RawEvent, handlers, projector};

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[fallback(all)]
    fn other(&self, _event: &RawEvent<'_>) {}

    #[fallback(domain = "orders")]
    fn orders(&self, _event: &RawEvent<'_>) {}
}

fn main() {}
