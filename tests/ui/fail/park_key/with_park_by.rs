use projections::{Envelope, Event, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

#[projector("hand-history", park_by = "domain")]
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

/// Also where it says what is the case without it.
#[projector("tables", park_by = "stream", register = false)]
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

fn main() {}
