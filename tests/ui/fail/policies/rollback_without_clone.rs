use projections::{Event, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[projector("order-count", rollback = "clone")]
struct OrderCount {
    count: u64,
}

#[handlers]
impl OrderCount {
    #[handles(OrderPlaced)]
    fn placed(&mut self, _event: &OrderPlaced) {
        self.count += 1;
    }
}

fn main() {}
