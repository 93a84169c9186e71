//! The macros write nothing that a strict crate would refuse.
#![deny(missing_docs, warnings, clippy::all, clippy::pedantic)]
#![forbid(unsafe_code)]
use projections::{BoxError, Domain, Envelope, Event, RawEvent, handlers, projector};

/// E
#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "orders", aliases("Placed"))]
#[derive(Debug)]
pub struct OrderPlaced<'a> {
    /// n
    pub name: &'a str,
}

/// E
#[derive(Event, serde::Serialize, serde::Deserialize, Debug)]
pub struct Shipped {
    /// n
    pub n: u32,
}

/// All.
#[derive(Domain)]
#[domain("orders")]
#[derive(Debug)]
pub enum Orders<'a> {
    /// a
    Placed(OrderPlaced<'a>),
    /// b
    Shipped(Shipped),
}

/// P
#[projector("orders", unregistered = "ignore", batch(events = 10))]
#[derive(Debug)]
pub struct Totals {
    count: u64,
}

#[handlers]
impl Totals {
    #[handles(OrderPlaced)]
    fn placed(&mut self, event: &OrderPlaced<'_>, at: &Envelope) -> Result<(), BoxError> {
        let _ = (event.name, at.position());
        self.count += 1;
        Ok(())
    }
    #[handles(Shipped, input_domain = "shipping")]
    async fn shipped(&mut self, event: Shipped) {
        self.count += u64::from(event.n);
    }
    #[fallback]
    fn other(&self, event: &RawEvent<'_>) {
        let _ = event.name();
    }
    #[setup]
    fn create(&self) {}
}
fn main() {
    use projections::{Handlers, Projector};
    assert_eq!(Totals::NAME, "orders");
    assert_eq!(Totals::ROUTES.len(), 2);
}
