use projections::projector;

#[projector("order-summary", batch(events = 0, bytes = "4 MiB", rows = 1), version = -1)]
struct OrderSummary;

#[projector("order-search", register = "no", batch, domain = "")]
struct OrderSearch;

fn main() {}
