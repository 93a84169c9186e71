use projections::{Event, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

#[projector("hand-history", ignores(HandStarted))]
struct HandHistory;

fn main() {}
