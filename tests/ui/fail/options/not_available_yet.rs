use projections::{Event, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[projector(
    "order-summary",
    on_failure = "park",
    mode = "inline",
    lanes = 4,
    retry(none),
    park(per_key = 10),
    park_by = "stream",
    timeout = "5s",
    batch(events = 10, linger = "5ms"),
    exhaustive = Orders,
    ignores(OrderPlaced),
    on_change = "refuse",
    snapshot,
    rollback = "clone",
)]
struct OrderSummary;

#[projector("order-search", on_failure = "skip", mode = "live")]
struct OrderSearch;

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced, replay = "skip", retry(none), permanent = is_permanent)]
    fn on_placed(&self, _event: &OrderPlaced) {}

    #[flush]
    fn send(&self) {}
}

fn main() {}
