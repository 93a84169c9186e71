use projections::{handlers, projector};

use crate::events::{ParcelArrived, ParcelReturned, ParcelSent};

/// The parcels under way.
#[projector("parcels", domain = "parcels", unregistered = "error")]
#[derive(Clone, Debug)]
pub struct Parcels {
    under_way: Vec<u64>,
}

impl Parcels {
    /// How many parcels are under way.
    #[must_use]
    pub fn count(&self) -> usize {
        self.under_way.len()
    }
}

#[handlers]
impl Parcels {
    #[handles(ParcelSent)]
    fn sent(&mut self, event: &ParcelSent) {
        self.under_way.push(event.parcel);
    }

    #[handles(ParcelArrived, input_domain = "parcels")]
    fn arrived(&mut self, event: &ParcelArrived) {
        self.under_way.retain(|parcel| *parcel != event.parcel);
    }

    #[handles(ParcelReturned)]
    async fn returned(&mut self, event: &ParcelReturned) {
        std::future::ready(()).await;
        self.under_way.retain(|parcel| *parcel != event.parcel);
    }
}
