use std::rc::Rc;

use projections::{Event, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced)]
    async fn on_placed(&self, _event: &OrderPlaced) {
        let count = Rc::new(1);
        std::future::ready(()).await;
        drop(count);
    }
}

fn main() {}
