use projections::{Domain, Event, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

enum Hand {
    Started(HandStarted),
}

struct NotEvent;

#[derive(Domain)]
#[domain("hand")]
enum HandEvent {
    Started(HandStarted),
}

#[projector("hand-history", exhaustive = Hand)]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(HandStarted)]
    fn started(&mut self, _event: &HandStarted) {}
}

#[projector("tables", exhaustive = HandEvent, ignores(NotEvent))]
struct Tables;

#[handlers]
impl Tables {
    #[handles(HandStarted)]
    fn started(&mut self, _event: &HandStarted) {}
}

fn main() {}
