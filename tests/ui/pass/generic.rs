//! A generic projector is given to the builder as a value, and says its bounds once.

use projections::{
    Envelope, Event, Handlers, Projector, handlers,
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteTx},
};

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

#[projector("stored-totals", storage = Sqlite, register = false)]
struct Stored<T, const SIZE: usize>([T; SIZE]);

#[handlers]
impl<T: Send + Sync + 'static, const SIZE: usize> Stored<T, SIZE> {
    #[handles(OrderPlaced)]
    fn on_placed(
        &self,
        _event: &OrderPlaced,
        _at: &Envelope,
        _db: &mut SqliteTx<'_>,
    ) -> Result<[u64; 2], String> {
        Ok([self.0.len() as u64, 0])
    }
}

const _: () = <Stored<String, 2> as Handlers>::SOUND;

fn main() {
    assert_eq!(Stored::<String, 2>::ROUTES.len(), 1);
    let _ = Stored([0]).0;
    assert_eq!(Totals::<u64>::NAME, "totals");
    assert_eq!(Totals::<u128>::ROUTES.len(), 1);
    let _ = projections::Runtime::builder(MemoryEventStore::new())
        .projector_named("small", Totals::<u64> { last: None })
        .projector_named("large", Totals::<u128> { last: None });
}
