use projections::{Envelope, Event, handlers, projector};

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
    fn table(at: &Envelope) -> &str {
        at.stream()
    }

    #[park_key]
    fn domain(at: &Envelope) -> &str {
        at.domain()
    }
}

#[projector("tables")]
struct Tables;

#[handlers]
impl Tables {
    #[handles(HandStarted)]
    #[park_key]
    fn started(&self, _event: &HandStarted) {}
}

#[projector("players")]
struct Players;

#[handlers]
impl Players {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted) {}

    #[park_key("stream")]
    fn table(at: &Envelope) -> &str {
        at.stream()
    }
}

fn main() {}
