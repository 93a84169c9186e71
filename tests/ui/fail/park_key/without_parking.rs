use projections::{Envelope, Event, handlers, projector, sqlite::Sqlite};

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

#[projector("feed", mode = "live")]
struct Feed;

#[handlers]
impl Feed {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted) {}

    #[park_key]
    fn table(at: &Envelope) -> &str {
        at.stream()
    }
}

#[projector("hand-history", storage = Sqlite, mode = "inline")]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted) {}

    #[park_key]
    fn table(at: &Envelope) -> &str {
        at.stream()
    }
}

#[projector("tables", on_failure = "halt")]
struct Tables;

#[handlers]
impl Tables {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted) {}

    #[park_key]
    fn table(at: &Envelope) -> &str {
        at.stream()
    }
}

#[projector("pots", on_failure = "skip")]
struct Pots;

#[handlers]
impl Pots {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted) {}

    #[park_key]
    fn table(at: &Envelope) -> &str {
        at.stream()
    }
}

fn main() {}
