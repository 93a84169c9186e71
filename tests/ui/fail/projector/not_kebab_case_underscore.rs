use projections::projector;

#[projector("order_summary")]
struct OrderSummary;

fn main() {}
