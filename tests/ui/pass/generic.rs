//! A generic projector is given to the builder as a value, and says its bounds once.

use projections::{Event, Handlers, Projector, handlers, memory::MemoryEventStore, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct OrderPlaced {
    amount: u64,
}

#[projector("totals", register = false)]
#[derive(Clone)]
struct Totals<T>
where
    T: From<u64>,
{
    last: Option<T>,
}

#[handlers]
impl<T> Totals<T>
where
    T: From<u64> + Clone + Send + Sync + 'static,
{
    #[handles(OrderPlaced)]
    fn on_placed(&mut self, event: &OrderPlaced) {
        self.last = Some(event.amount.into());
    }

    #[fallback]
    async fn other(&mut self, _event: &projections::RawEvent<'_>) {
        std::future::ready(()).await;
    }
}

fn main() {
    assert_eq!(Totals::<u64>::NAME, "totals");
    assert_eq!(Totals::<u128>::ROUTES.len(), 1);
    let _ = projections::Runtime::builder(MemoryEventStore::new())
        .projector_named("small", Totals::<u64> { last: None })
        .projector_named("large", Totals::<u128> { last: None });
}
