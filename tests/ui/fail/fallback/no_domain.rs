use projections::{RawEvent, handlers, projector};

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[fallback]
    fn other(&self, _event: &RawEvent<'_>) {}
}

fn main() {}
