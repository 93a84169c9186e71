use projections::{Event, RawEvent, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderShipped;

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[setup]
    fn create(&self) {}

    #[handles(OrderPlaced)]
    fn on_placed(&mut self, _event: &OrderPlaced) {}

    #[handle(OrderShipped)]
    fn on_shipped(&mut self, _event: &OrderShipped) {}

    #[projections::handle(OrderShipped)]
    fn on_shipped_too(&mut self, _event: &OrderShipped) {}

    #[handlers(OrderShipped)]
    fn on_shipped_as_well(&mut self, _event: &OrderShipped) {}

    #[set_up]
    fn create_more(&self) {}

    #[fall_back]
    fn other(&self, _event: &RawEvent<'_>) {}

    #[events::handles(OrderShipped)]
    fn on_shipped_again(&mut self, _event: &OrderShipped) {}

    #[inline]
    #[must_use]
    fn count(&self) -> u32 {
        0
    }
}

fn main() {}
