use projections::projector;

#[projector("")]
struct OrderSummary;

fn main() {}
