//! The events agree with each other, so the enum is wrong, and nobody else is blamed.
use projections::{Domain, Event, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderShipped;

#[derive(Domain)]
#[domain("order")]
enum Orders {
    Placed(OrderPlaced),
    Shipped(OrderShipped),
}

#[projector("order-summary", exhaustive = Orders, ignores(OrderShipped))]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced)]
    fn on_placed(&mut self, _event: &OrderPlaced) {}
}

/// Of one event nobody knows.
#[derive(Domain)]
#[domain("parcels")]
enum Parcels {
    Shipped(OrderShipped),
}

fn main() {}
