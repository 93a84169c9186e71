//! The enum, which names the right domain, is not blamed.
use projections::{Domain, Event};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "ORDERS")]
struct OrderPlaced;

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain : "orders")]
struct OrderShipped;

#[derive(Domain)]
#[domain("orders")]
enum Orders {
    Placed(OrderPlaced),
    Shipped(OrderShipped),
}

fn main() {}
