//! Raw names, paths, aliases of types, attributes beside ours, and a handler that `#[cfg]` removes.

use projections::{Event, Handlers, Projector, handlers, projector};

mod events {
    #[derive(projections::Event, serde::Deserialize)]
    #[event(domain = "orders")]
    pub struct OrderPlaced;

    #[derive(projections::Event, serde::Deserialize)]
    #[event(domain = "orders", name = "order.shipped", aliases("Shipped", "Sent"))]
    pub struct OrderShipped;
}

#[allow(non_camel_case_types)]
#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct r#type;

type Shipped = events::OrderShipped;
type Meta = projections::Envelope;

#[projections::projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    const LIMIT: usize = 3;

    #[projections::handles(events::OrderPlaced)]
    fn r#match(&self, _event: &events::OrderPlaced) {}

    /// Documented.
    #[handles(Shipped)]
    #[allow(clippy::unused_self)]
    fn on_shipped(&mut self, _event: Shipped, _at: &Meta) {
        Self::helper();
    }

    #[cfg(any())]
    #[handles(events::Removed)]
    fn on_removed(&self, _event: &events::Removed) {}

    #[handles(crate::r#type)]
    fn on_type(&self, _event: &crate::r#type) {}

    #[cfg(any())]
    #[fallback(all)]
    fn other(&self, _event: &projections::RawEvent<'_>) {}

    #[cfg(any())]
    #[setup]
    fn create(&self) {}

    #[reset]
    fn empty(&mut self) {}

    fn helper() -> usize {
        Self::LIMIT
    }
}

#[projector("one-event-from-two-domains", domain = "shop")]
#[derive(Debug)]
struct TwoDomains {
    #[cfg(any())]
    missing: Missing,
    #[resource]
    client: Client,
    count: u64,
}

#[derive(Clone, Debug)]
struct Client;

#[derive(Event, serde::Deserialize)]
struct Paid;

#[handlers]
impl TwoDomains {
    #[handles(Paid, input_domain = "orders")]
    fn order_paid(&mut self, _event: &Paid) {
        let _ = &self.client;
        self.count += 1;
    }

    #[handles(Paid, input_domain = "invoices", from = "now")]
    fn invoice_paid(&mut self, _event: &Paid) {}

    #[handles(Paid)]
    fn paid(&self, _event: &Paid) {}
}

fn main() {
    let routes: Vec<_> =
        OrderSummary::ROUTES.iter().map(|route| (route.event, route.domain, route.method)).collect();
    assert_eq!(
        routes,
        [
            ("OrderPlaced", "orders", "match"),
            ("order.shipped", "orders", "on_shipped"),
            ("type", "orders", "on_type"),
        ]
    );
    assert_eq!(OrderSummary::ROUTES[1].aliases, ["Shipped", "Sent"]);
    assert!(OrderSummary::FALLBACK.is_none());
    assert_eq!(OrderSummary::SETUP, projections::Hook::None);
    assert_eq!(OrderSummary::RESET, projections::Hook::Blocking);

    assert_eq!(TwoDomains::NAME, "one-event-from-two-domains");
    let domains: Vec<_> = TwoDomains::ROUTES.iter().map(|route| route.domain).collect();
    assert_eq!(domains, ["orders", "invoices", "shop"]);
    assert_eq!(TwoDomains::ROUTES[1].from, projections::StartFrom::Now);
}
