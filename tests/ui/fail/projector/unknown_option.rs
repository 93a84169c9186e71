use projections::projector;

#[projector("order-summary", unregisterd = "warn")]
struct OrderSummary;

#[projector("order-search", color = "green")]
struct OrderSearch;

fn main() {}
