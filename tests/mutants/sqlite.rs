//! A correct projector on SQLite, which is broken in one place at a time.

use projections::{
    BoxError, Domain, Envelope, Event, handlers, projector, json::Value,
    sqlite::{Sqlite, SqliteTx, rusqlite},
};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand", name = "HandStarted", aliases("HandBegan"))]
pub struct HandStarted {
    pub hand_id: String,
}

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand")]
pub struct PotAwarded<'a> {
    pub winner: &'a str,
}

#[derive(Event, serde::Serialize, serde::Deserialize)]
pub struct PlayerRegistered {
    pub player: String,
}

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand", name = "HandEnded")]
pub struct HandClosed {
    pub pot: u32,
}

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(version = 3, upcast(from = HandClosed), upcast(from = 2, with = split_pot))]
pub struct HandEnded {
    pub pots: Vec<u32>,
}

fn split_pot(event: Value) -> Value {
    event
}

impl From<HandClosed> for HandEnded {
    fn from(older: HandClosed) -> Self {
        Self { pots: vec![older.pot] }
    }
}

#[derive(Domain)]
#[domain("hand")]
pub enum Hand<'a> {
    Started(HandStarted),
    Awarded(PotAwarded<'a>),
    Ended(HandEnded),
}

#[projector(
    "hand-history",
    storage = Sqlite,
    unregistered = "error",
    exhaustive = Hand<'static>,
    ignores(HandEnded),
    batch(events = 100, bytes = 65536),
    retry(max = 5, initial = "100ms"),
    on_change = "warn",
    version = 2
)]
pub struct HandHistory {
    #[resource]
    pub greeting: String,
    pub seen: u64,
}

fn is_permanent(_error: &rusqlite::Error) -> bool {
    true
}

#[handlers]
impl HandHistory {
    #[setup]
    fn create_tables(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("CREATE TABLE hands (hand_id TEXT, position INTEGER)")
    }

    #[reset]
    fn empty_tables(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("DELETE FROM hands")
    }

    #[handles(HandStarted)]
    fn hand_started(
        &self,
        event: &HandStarted,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> Result<(), BoxError> {
        let position = at.position().get();
        db.execute("INSERT INTO hands VALUES (?1, ?2)", (&event.hand_id, position))?;
        Ok(())
    }

    #[handles(PotAwarded, from = "now", replay = "skip", permanent = is_permanent)]
    fn pot_awarded(&self, event: PotAwarded<'_>, db: &mut SqliteTx<'_>) -> rusqlite::Result<u64> {
        db.execute("UPDATE hands SET position = 0", ())?;
        Ok(event.winner.len() as u64)
    }

    #[handles(PlayerRegistered, input_domain = "player", retry(none))]
    fn player_registered(&self, _event: &PlayerRegistered) {}

    #[park_key]
    fn table(at: &Envelope) -> &str {
        at.stream()
    }
}
