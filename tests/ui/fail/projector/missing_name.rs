use projections::projector;

#[projector]
struct OrderSummary;

#[projector(unregistered = "warn")]
struct OrderSearch;

fn main() {}
