use projections::{Event, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

#[projector("hand-history", on_failure = "prak", park_by = "steam", rollback = "copy", mode = "live!")]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(HandStarted, replay = "skpi", from = "later")]
    fn started(&mut self, _event: &HandStarted) {}
}

fn main() {}
