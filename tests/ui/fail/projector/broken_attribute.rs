use projections::{Event, handlers, projector, sqlite};

#[derive(Event, serde::Deserialize)]
struct HandStarted;

#[projector("hand-history" storage = sqlite::Sqlite, domain = "hand")]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted, _db: &mut sqlite::SqliteTx<'_>) {}
}

#[projector("tables", storgae = sqlite::Sqlite, doman = "hand")]
struct Tables;

#[handlers]
impl Tables {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted, _db: &mut sqlite::SqliteTx<'_>) {}
}

fn main() {}
