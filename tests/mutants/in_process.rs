//! A correct projector whose read model is in its fields, which is broken in one place at a time.

use projections::{BoxError, Domain, Envelope, Event, RawEvent, handlers, projector};

pub mod events {
    use projections::Event;

    #[derive(Event, serde::Serialize, serde::Deserialize)]
    #[event(domain = "orders", aliases("Placed", "OrderMade"), codec = projections::Json)]
    pub struct OrderPlaced {
        pub order: String,
    }
}

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(name = "Shipped")]
pub struct OrderShipped {
    pub number: u64,
}

#[derive(Domain)]
#[domain("orders")]
pub enum Orders {
    Placed(events::OrderPlaced),
    Shipped(OrderShipped),
}

pub type Shipment = OrderShipped;

/// Every order.
#[derive(Debug)]
#[projector("order-journal", domain = "orders", from = "now", mode = "async", on_failure = "halt")]
pub struct OrderJournal {
    pub lines: Vec<String>,
}

#[handlers]
impl OrderJournal {
    #[setup]
    fn begin(&mut self) {
        self.lines.clear();
    }

    #[handles(events::OrderPlaced)]
    fn placed(&mut self, event: &events::OrderPlaced, at: &Envelope) -> Result<u64, BoxError> {
        self.lines.push(event.order.clone());
        Ok(at.position().get())
    }

    #[cfg(not(target_os = "none"))]
    #[handles(Shipment)]
    async fn shipped(&mut self, event: Shipment) -> Result<(), std::fmt::Error> {
        std::future::ready(()).await;
        self.lines.push(event.number.to_string());
        Ok(())
    }

    #[fallback(domain = ["orders", "stock"])]
    fn other(&mut self, event: &RawEvent<'_>) {
        self.lines.push(event.name().to_owned());
    }
}

#[projector("totals", register = false)]
pub struct Totals<T> {
    pub total: T,
}

#[handlers]
impl<T: Send + Sync + 'static> Totals<T> {
    #[handles(OrderShipped, input_domain = "orders")]
    fn shipped(&self, _event: &OrderShipped) {}

    #[fallback(all)]
    fn other(&self, _event: &RawEvent<'_>) {}
}
