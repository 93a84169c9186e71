use projections::{Event, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

#[projector("hand-history")]
#[projector("hands")]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(HandStarted)]
    fn started(&mut self, _event: &HandStarted) {}
}

#[projector("tables")]
#[projector]
struct Tables;

#[handlers]
impl Tables {
    #[handles(HandStarted)]
    fn started(&mut self, _event: &HandStarted) {}
}

fn main() {}
