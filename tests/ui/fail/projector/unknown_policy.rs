use projections::projector;

#[projector("order-summary", unregistered = "erorr")]
struct OrderSummary;

#[projector("order-search", unregistered = "panic", from = "nwo", mode = "sync")]
struct OrderSearch;

fn main() {}
