//! One error, the compiler's own: the struct is a projector all the same.
use projections::{Event, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[projector("order-summary")]
struct OrderSummary {
    #[resource]
    count u64,
}

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced)]
    fn on_placed(&self, _event: &OrderPlaced) {}
}

fn main() {}
