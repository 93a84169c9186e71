//! A generic projector is checked where it is given.
use projections::{
    Envelope, Event, Runtime, handlers, memory::MemoryEventStore, projector,
};

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

#[projector("totals", park_by = "projector", register = false)]
#[derive(Clone)]
struct Totals<T>(T);

#[handlers]
impl<T: Send + Sync + 'static> Totals<T> {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted) {}

    #[park_key]
    fn table(at: &Envelope) -> &str {
        at.stream()
    }
}

fn main() {
    let _ = Runtime::builder(MemoryEventStore::new()).projector(Totals(1));
}
