use projections::{Event, RawEvent, handlers, projector, sqlite::{Sqlite, rusqlite}};

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

#[projector("hand-history", storage = Sqlite, mode = "inline")]
struct HandHistory;

fn is_permanent(_: &rusqlite::Error) -> bool {
    true
}

#[handlers]
impl HandHistory {
    #[handles(HandStarted, retry(max = 3), permanent = is_permanent)]
    fn started(&self, _event: &HandStarted) -> rusqlite::Result<()> {
        Ok(())
    }

    // This is what happens anyway.
    #[fallback(retry(none))]
    fn other(&self, _event: &RawEvent<'_>) {}
}

fn main() {}
