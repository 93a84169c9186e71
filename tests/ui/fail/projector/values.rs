use projections::projector;

#[projector("order-summary", batch(events = 0, bytes = "4 MiB", rows = 1), version = -1, lanes = 0)]
struct OrderSummary;

#[projector("order-search", register = "no", batch, domain = "")]
struct OrderSearch;

#[projector("daily-sales")]
#[projector("daily-sales-too", version = 2)]
struct DailySales;

const NAME: &str = "audit";

#[projector(NAME, version = 1, version = 2)]
struct Audit;

fn main() {}
