//! What happens in a shop.

use std::borrow::Cow;

use projections::{Domain, Event};
use serde::{Deserialize, Serialize};

/// An order came in.
#[derive(Clone, Debug, Deserialize, Event, Serialize)]
#[event(domain = "orders", aliases("Ordered"))]
pub struct OrderPlaced<'a> {
    /// What was ordered.
    #[serde(borrow)]
    pub item: Cow<'a, str>,
    /// What it costs.
    pub cents: u32,
}

/// An order was paid.
#[derive(Clone, Copy, Debug, Deserialize, Event, Serialize)]
#[event(domain = "orders")]
pub struct OrderPaid;

/// Everything that happens to an order.
#[derive(Clone, Debug, Domain)]
#[domain("orders")]
pub enum OrderEvent<'a> {
    /// It came in.
    Placed(OrderPlaced<'a>),
    /// It was paid.
    Paid(OrderPaid),
}

/// A payment, by the name that it had.
pub type Payment = OrderPaid;

macro_rules! parcel_events {
    ($($name:ident: $says:literal),*) => {$(
        #[doc = $says]
        #[derive(Clone, Debug, Deserialize, Event, Serialize)]
        #[event(domain = "parcels")]
        pub struct $name {
            /// Which parcel.
            pub parcel: u64,
        }
    )*};
}

parcel_events!(ParcelSent: "A parcel left.", ParcelArrived: "A parcel arrived.");

/// A parcel came back. Nobody outside this crate knows.
#[derive(Clone, Debug, Deserialize, Event, Serialize)]
#[event(domain = "parcels")]
pub(crate) struct ParcelReturned {
    pub(crate) parcel: u64,
}
