//! What happens in the shop: the events of its three domains.

use projections::{Domain, Event};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Event, Serialize, Deserialize)]
#[event(domain = "catalog")]
pub(crate) struct ProductListed {
    pub(crate) product: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) price: Decimal,
}

#[derive(Clone, Debug, Event, Serialize, Deserialize)]
#[event(domain = "catalog")]
pub(crate) struct ProductDescribed {
    pub(crate) product: String,
    pub(crate) description: String,
}

#[derive(Clone, Debug, Event, Serialize, Deserialize)]
#[event(domain = "catalog")]
pub(crate) struct ProductWithdrawn {
    pub(crate) product: String,
}

#[derive(Clone, Debug, Domain)]
#[domain("catalog")]
pub(crate) enum CatalogEvent {
    Listed(ProductListed),
    Described(ProductDescribed),
    Withdrawn(ProductWithdrawn),
}

#[derive(Clone, Debug, Event, Serialize, Deserialize)]
#[event(domain = "customers")]
pub(crate) struct CustomerRegistered {
    pub(crate) customer: String,
    pub(crate) name: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) product: String,
    pub(crate) quantity: u32,
    pub(crate) price: Decimal,
}

#[derive(Clone, Debug, Event, Serialize, Deserialize)]
#[event(domain = "orders")]
pub(crate) struct OrderPlaced {
    pub(crate) order: String,
    pub(crate) customer: String,
    pub(crate) lines: Vec<Line>,
}

impl OrderPlaced {
    pub(crate) fn total(&self) -> Decimal {
        self.lines.iter().map(|line| line.price * Decimal::from(line.quantity)).sum()
    }
}

#[derive(Clone, Debug, Event, Serialize, Deserialize)]
#[event(domain = "orders")]
pub(crate) struct OrderPaid {
    pub(crate) order: String,
    pub(crate) customer: String,
    pub(crate) amount: Decimal,
}

#[derive(Clone, Debug, Event, Serialize, Deserialize)]
#[event(domain = "orders")]
pub(crate) struct OrderShipped {
    pub(crate) order: String,
    pub(crate) customer: String,
    pub(crate) carrier: String,
}

#[derive(Clone, Debug, Event, Serialize, Deserialize)]
#[event(domain = "orders")]
pub(crate) struct OrderCancelled {
    pub(crate) order: String,
    pub(crate) customer: String,
}

#[derive(Clone, Debug, Event, Serialize, Deserialize)]
#[event(domain = "orders")]
pub(crate) struct OrderRefunded {
    pub(crate) order: String,
    pub(crate) customer: String,
    pub(crate) amount: Decimal,
}

#[derive(Clone, Debug, Domain)]
#[domain("orders")]
pub(crate) enum OrderEvent {
    Placed(OrderPlaced),
    Paid(OrderPaid),
    Shipped(OrderShipped),
    Cancelled(OrderCancelled),
    Refunded(OrderRefunded),
}
