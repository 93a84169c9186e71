use projections::{Event, handlers, projector, sqlite::{Sqlite, SqliteTx}};

#[derive(Event, serde::Deserialize)]
struct HandStarted;

#[projector("hand-history", storage = Sqlite, domain = "hand")]
enum HandHistory {
    Empty,
}

#[handlers]
impl HandHistory {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted, _db: &mut SqliteTx<'_>) {}
}

#[projector("tables", domain = "hand")]
union Tables {
    open: u32,
}

#[handlers]
impl Tables {
    #[handles(HandStarted)]
    fn started(&mut self, _event: &HandStarted) {}
}

fn main() {}
