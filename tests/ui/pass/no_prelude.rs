//! A crate without the prelude, and without what it brings.
#![no_implicit_prelude]
#![forbid(unsafe_code)]

use ::projections::{
    Domain, Event, handlers, projector,
    sqlite::{Sqlite, SqliteTx},
};

#[derive(Event, ::serde::Serialize, ::serde::Deserialize)]
#[event(domain = "orders", aliases("Placed"))]
struct OrderPlaced;

#[derive(Domain)]
#[domain("orders")]
enum Orders {
    Placed(OrderPlaced),
}

#[projector("order-summary", batch(events = 5), from = "now", unregistered = "warn")]
struct OrderSummary {
    #[resource]
    clock: u64,
    count: u64,
}

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced, from = "now")]
    async fn on_placed(&mut self, _event: &OrderPlaced, _at: &::projections::Envelope) {
        self.count += self.clock;
    }

    #[reset]
    fn empty(&mut self) {}
}

#[projector("on-sqlite", storage = Sqlite)]
struct OnSqlite;

#[handlers]
impl OnSqlite {
    #[setup]
    fn create(&self, _db: &mut SqliteTx<'_>) {}

    #[handles(OrderPlaced)]
    fn on_placed(&self, _event: OrderPlaced, _db: &mut SqliteTx<'_>) {}

    #[fallback]
    fn other(&self, _event: &::projections::RawEvent<'_>) {}
}

fn main() {
    let _ = Orders::Placed(OrderPlaced);
}
