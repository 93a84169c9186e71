use projections::{Event, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

#[projector("hand-history", lanes = 4)]
struct HandHistory {
    hands: u64,
}

#[handlers]
impl HandHistory {
    #[handles(HandStarted)]
    fn started(&mut self, _event: &HandStarted) {
        self.hands += 1;
    }
}

fn main() {}
