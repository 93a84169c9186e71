use projections::{handlers, projector};

struct NotEvent;

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(NotEvent, input_domain = "orders")]
    fn on_placed(&self, _event: &NotEvent) {}
}

fn main() {}
