use projections::{Event, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

struct Client;

#[projector("hand-history")]
struct HandHistory {
    client: Client,
    hands: u64,
}

#[handlers]
impl HandHistory {
    #[handles(HandStarted)]
    fn started(&mut self, _event: &HandStarted) {}
}

fn main() {}
