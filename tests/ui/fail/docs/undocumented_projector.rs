//! A projector's table is no documentation of its struct.
#![deny(missing_docs)]
use projections::{Event, handlers, projector};

/// Something was paid.
#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
pub struct Paid {}

#[projector("revenue")]
pub struct Revenue;

#[handlers]
impl Revenue {
    #[handles(Paid)]
    fn paid(&self, _event: &Paid) {}
}

fn main() {}
