//! What a user deprecated is his to mention: the macros add no warning that he could not silence.

#![deny(warnings)]

use projections::{Domain, Event, handlers, projector};

mod legacy {
    #![allow(deprecated)]

    #[deprecated]
    #[derive(projections::Event, serde::Serialize, serde::Deserialize)]
    #[event(domain = "orders")]
    pub struct OrderFaxed;
}

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[derive(Domain)]
#[domain("orders")]
#[allow(dead_code, deprecated)]
enum Orders {
    Faxed(legacy::OrderFaxed),
    Placed(OrderPlaced),
}

/// Ignores a deprecated event.
#[projector("placed", exhaustive = Orders, ignores(legacy::OrderFaxed))]
struct Placed;

#[handlers]
impl Placed {
    #[handles(OrderPlaced)]
    fn placed(&self, _event: &OrderPlaced) {}
}

/// Is deprecated.
#[deprecated]
#[projector("faxed")]
struct Faxed;

#[allow(deprecated)]
#[handlers]
impl Faxed {
    #[handles(legacy::OrderFaxed)]
    fn faxed(&self, _event: &legacy::OrderFaxed) {}
}

fn main() {}
