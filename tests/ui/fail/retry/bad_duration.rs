use projections::{Event, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

#[projector("hand-history", retry(initial = "2 sekonds", cap = "1d"), timeout = 30)]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(HandStarted, retry(initial = "soon"))]
    fn started(&mut self, _event: &HandStarted) {}
}

fn main() {}
