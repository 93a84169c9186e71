use projections::{Event, ReadModel, Rows, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced;

#[derive(ReadModel, Default)]
struct Order {
    #[key]
    id: u64,
}

#[derive(ReadModel, Default)]
struct Customer {
    #[key]
    id: u64,
}

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(OrderPlaced)]
    fn on_placed(
        &self,
        _event: &OrderPlaced,
        _orders: &mut Rows<Order>,
        _customers: &mut Rows<Customer>,
        _more: &mut Rows<Order>,
    ) {
    }
}

fn main() {}
