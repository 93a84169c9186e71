use projections::{handlers, projector};

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    fn on_placed(&self) {}
}

fn main() {}
