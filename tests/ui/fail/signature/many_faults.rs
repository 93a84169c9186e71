use projections::{Envelope, Event, handlers, projector, sqlite::{Sqlite, SqliteTx}};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[projector("order-summary", storage = Sqlite)]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced, input_domain = "a")]
    const fn constant(&self, _event: &OrderPlaced) {}

    #[handles(OrderPlaced, input_domain = "b")]
    unsafe extern "C" fn foreign(&self, _event: &OrderPlaced) {}

    #[handles(OrderPlaced, input_domain = "c")]
    fn generic<'a, T: 'a>(&'a self, _event: &'a OrderPlaced, _more: impl Copy) {}

    #[handles(OrderPlaced, input_domain = "d")]
    fn not_first(&self, _at: &Envelope, _event: &OrderPlaced) {}

    #[handles(OrderPlaced, input_domain = "e")]
    fn twice(&self, _event: &OrderPlaced, _db: &mut SqliteTx<'_>, _more: &mut SqliteTx<'_>) {}

    #[handles(OrderPlaced, input_domain = "f")]
    fn by_value(self, _event: &OrderPlaced) {}

    #[handles(OrderPlaced, input_domain = "g")]
    #[handles(OrderPlaced, input_domain = "h")]
    fn two_on_one_method(&self, _event: &OrderPlaced) {}

    #[setup]
    fn create(&self, _at: &Envelope) {}

    #[fallback(domains = "x")]
    fn owned(&self, _event: OrderPlaced) {}

    #[handles(OrderPlaced)]
    const LIMIT: u32 = 1;
}

fn main() {}
