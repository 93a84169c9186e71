use projections::{Event, handlers, projector};

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
    #[handles(OrderPlaced)]
    fn on_placed(&mut self, _event: &OrderPlaced) {}

    #[handles()]
    fn nothing(&mut self, _event: &OrderShipped) {}

    #[handles(OrderShipped, inp)]
    fn part_of_a_key(&mut self, _event: &OrderShipped) {}

    #[handles(OrderShipped, input_domain)]
    fn key(&mut self, _event: &OrderShipped) {}

    #[handles(events::)]
    fn path(&mut self, _event: &OrderShipped) {}

    #[handles(OrderShipped,)]
    fn whole(&mut self, _event: &OrderShipped) {}

    #[handles(OrderShipped, input_domain = )]
    fn no_value(&mut self, _event: &OrderShipped) {}
}

fn main() {}
