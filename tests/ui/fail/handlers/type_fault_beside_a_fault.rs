use projections::{Event, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderShipped;

struct NotEvent;

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced)]
    fn on_placed(&mut self, _event: &OrderPlaced, _count: u64) -> bool {
        true
    }

    #[handles(NotEvent, input_domain = "orders")]
    fn on_nothing(&mut self, _event: &NotEvent) {}

    #[handles(OrderShipped, form = "now")]
    fn on_shipped(&mut self, _event: &OrderShipped) {}
}

fn main() {}
