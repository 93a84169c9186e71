use projections::{Event, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[derive(Clone, Default)]
struct Client;

#[derive(Default, serde::Serialize)]
struct Totals;

#[projector("order-count", snapshot)]
struct OrderCount {
    count: u64,
    client: Client,
    totals: Totals,
    #[resource]
    other: Client,
}

#[handlers]
impl OrderCount {
    #[handles(OrderPlaced)]
    fn placed(&mut self, _event: &OrderPlaced) {
        self.count += 1;
        let _ = (&self.client, &self.totals, &self.other);
    }
}

fn main() {}
