use projections::sqlite::Sqlite;
use projections::{Event, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

#[projector("hand-history", storage = Sqlite, on_change = "rebuild")]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted) {}
}

/// Made anew, so it needs none.
#[projector("tables", on_change = "rebuild")]
struct Tables;

#[handlers]
impl Tables {
    #[handles(HandStarted)]
    fn started(&mut self, _event: &HandStarted) {}
}

fn main() {}
