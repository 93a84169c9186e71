use projections::{Event, ReadModel, Rows, handlers, projector, sqlite::Sqlite};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced {
    order: i64,
}

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderRefunded {
    order: i64,
}

#[derive(Default, ReadModel)]
#[read_model(table = "orders")]
struct Order {
    #[key]
    order: i64,
    is_open: bool,
}

type Open = Order;

mod refunds {
    use projections::ReadModel;

    #[derive(Default, ReadModel)]
    #[read_model(table = "Orders")]
    pub(crate) struct Refund {
        #[key]
        pub(crate) order: i64,
    }
}

#[projector("orders", storage = Sqlite)]
struct Orders;

#[handlers]
impl Orders {
    #[handles(OrderPlaced)]
    fn placed(&self, event: &OrderPlaced, orders: &mut Rows<Order>) {
        orders.entry(&event.order).is_open = true;
    }

    #[handles(OrderRefunded)]
    fn refunded(
        &self,
        event: &OrderRefunded,
        orders: &mut Rows<Open>,
        refunds: &mut Rows<refunds::Refund>,
    ) {
        orders.entry(&event.order).is_open = false;
        refunds.entry(&event.order);
    }
}

fn main() {}
