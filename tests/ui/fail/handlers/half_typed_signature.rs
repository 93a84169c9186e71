//! One error, the compiler's own: the other methods are handlers all the same.
use projections::{Event, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced {
    number: u64,
}

#[projector("order-summary")]
struct OrderSummary {
    count: u64,
}

#[handlers]
impl OrderSummary {
    #[setup]
    fn begin(&mut self) {
        self.count = 0;
    }

    #[handles(OrderPlaced)]
    fn on_placed(&mut self event: &OrderPlaced) {
        self.count += event.number;
    }
}

fn main() {}
