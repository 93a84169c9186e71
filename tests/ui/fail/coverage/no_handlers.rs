use projections::{Domain, Event, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

#[derive(Domain)]
#[domain("hand")]
enum Hand {
    Started(HandStarted),
}

#[projector("hand-history", exhaustive = Hand)]
struct HandHistory;

#[projector("tables", exhaustive = Hand, register = false)]
struct Tables;

fn main() {}
