use projections::{Event, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

#[projector("hand-history", retry(max = 0))]
struct HandHistory;

#[projector("tables", retry(none, max = 3))]
struct Tables;

#[handlers]
impl HandHistory {
    #[handles(HandStarted, retry(max = 3, none))]
    fn started(&mut self, _event: &HandStarted) {}
}

#[handlers]
impl Tables {
    #[handles(HandStarted)]
    fn started(&mut self, _event: &HandStarted) {}
}

fn main() {}
