//! Attributes beside ours, in front of them and behind.
#![deny(warnings)]

use projections::{Event, Handlers, RawEvent, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
#[derive(Debug)]
struct OrderPlaced;

#[derive(Event, serde::Deserialize, Debug)]
#[event(domain = "orders")]
struct OrderShipped;

#[derive(Default)]
#[projector("order-summary")]
#[derive(Clone, Debug)]
struct OrderSummary {
    /// Documented.
    #[allow(dead_code)]
    #[cfg_attr(any(), resource)]
    count: u64,
}

/// Documented.
#[allow(clippy::unused_self)]
#[handlers]
#[allow(dead_code)]
impl OrderSummary {
    /// Documented.
    #[tracing::instrument(skip_all)]
    #[handles(OrderPlaced)]
    #[inline]
    fn on_placed(&mut self, event: &OrderPlaced) -> Result<(), std::fmt::Error> {
        tracing::debug!(?event, "placed");
        Ok(())
    }

    #[handles(OrderShipped)]
    #[tracing::instrument(skip(self))]
    #[cfg_attr(all(), allow(unused_variables))]
    async fn on_shipped(&mut self, event: OrderShipped) {
        let unused = 1;
    }

    #[cfg(all())]
    #[expect(unused_variables)]
    #[fallback]
    fn other(&self, event: &RawEvent<'_>) {
        let unused = 1;
    }
}

fn main() {
    assert_eq!(OrderSummary::ROUTES.len(), 2);
}
