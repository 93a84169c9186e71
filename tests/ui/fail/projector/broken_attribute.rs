use projections::{Event, handlers, projector, sqlite::{Sqlite, SqliteTx}};

#[derive(Event, serde::Deserialize)]
struct HandStarted;

#[projector("hand-history" storage = Sqlite, domain = "hand")]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted, _db: &mut SqliteTx<'_>) {}
}

#[projector("tables", storgae = Sqlite, doman = "hand")]
struct Tables;

#[handlers]
impl Tables {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted, _db: &mut SqliteTx<'_>) {}
}

fn main() {}
