use projections::{Event, handlers, projector, sqlite::Sqlite};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[projector(
    "order-summary",
    on_failure = "park",
    retry(max = 5, initial = "100ms", factor = 1.5, cap = "10s", jitter = 0.2),
    park(per_key = 10, keys = 20, total = 100),
    park_by = "stream",
    timeout = "5s",
    batch(events = 10, linger = "5ms"),
)]
struct OrderSummary;

#[projector("order-search", on_failure = "skip", mode = "live")]
struct OrderSearch;

#[projector("orders", storage = Sqlite, timeout = "30s")]
struct Orders;

#[projector("order-lines", storage = Sqlite, lanes = 4)]
struct OrderLines;

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced, replay = "skip", retry(max = 1), permanent = is_permanent)]
    fn on_placed(&mut self, _event: &OrderPlaced) {}

    #[flush]
    fn send(&self) {}
}

fn main() {}
