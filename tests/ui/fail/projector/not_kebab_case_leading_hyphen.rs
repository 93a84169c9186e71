use projections::projector;

#[projector("-orders")]
struct OrderSummary;

fn main() {}
