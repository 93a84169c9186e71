use projections::{Event, fallback, handles, setup};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

struct OrderSummary;

impl OrderSummary {
    #[handles(OrderPlaced)]
    fn on_placed(&self, _event: &OrderPlaced) {}

    #[setup]
    fn create_tables(&self) {}
}

#[handles(OrderPlaced)]
fn on_placed(_event: &OrderPlaced) {}

#[fallback]
struct Other;

fn main() {}
