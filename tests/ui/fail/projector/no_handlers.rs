use projections::projector;

#[projector("order-summary")]
struct OrderSummary;

fn main() {}
