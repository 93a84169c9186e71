use projections::{
    Event, handlers, projector,
    sqlite::{Sqlite, SqliteTx},
};

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

#[projector("hand-history", storage = SqliteTx)]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted, _db: &mut SqliteTx<'_>) {}
}

#[projector("tables", storage = SqliteTx<'_>, on_change = "rebuild")]
struct Tables;

#[projector("players", storage = Sqlite)]
struct Players;

#[handlers]
impl Players {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted, _db: &mut SqliteTx<'_>) {}
}

fn main() {}
