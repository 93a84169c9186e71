use projections::{Envelope, Event, handlers, park_key, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

#[projector("hand-history")]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted) {}

    #[park_key]
    const TABLE: fn(&Envelope) -> &str = |at| at.stream();
}

impl HandHistory {
    #[park_key]
    fn table(at: &Envelope) -> &str {
        at.stream()
    }
}

#[park_key]
fn table(at: &Envelope) -> &str {
    at.stream()
}

#[park_key]
struct Table;

#[projector("tables")]
struct Tables;

#[handlers]
impl Tables {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted) {}

    #[parkkey]
    fn table(at: &Envelope) -> &str {
        at.stream()
    }
}

fn main() {}
