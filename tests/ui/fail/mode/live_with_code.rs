use projections::{Event, handlers, projector, sqlite::Sqlite};

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted {}

#[projector("hand-history", mode = "live", version = 2)]
struct HandHistory;

#[projector("tables", on_change = "ignore", mode = "live")]
struct Tables;

#[projector("hands", storage = Sqlite, mode = "live", on_change = "rebuild")]
struct Hands;

#[handlers]
impl Hands {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted) {}
}

fn main() {}
