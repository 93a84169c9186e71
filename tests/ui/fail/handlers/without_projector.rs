use projections::{Envelope, Event, RawEvent, handlers, sqlite::SqliteTx};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderShipped;

struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced)]
    fn on_placed(&self, _event: &OrderPlaced, _db: &mut SqliteTx<'_>) {}

    #[handles(OrderShipped)]
    async fn on_shipped(&mut self, _event: OrderShipped, _at: &Envelope) {}

    #[setup]
    fn create(&self, _db: &mut SqliteTx<'_>) {}

    #[fallback(all)]
    fn other(&self, _event: &RawEvent<'_>) {}
}

fn main() {}
