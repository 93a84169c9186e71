use projections::handlers;

#[handlers]
struct OrderSummary;

fn main() {}
