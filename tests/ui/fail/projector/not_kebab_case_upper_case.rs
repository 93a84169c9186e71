use projections::projector;

#[projector("OrderSummary")]
struct OrderSummary;

fn main() {}
