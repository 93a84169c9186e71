use projections::{Domain, Event, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand")]
struct PlayerActed;

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand")]
struct PotAwarded;

#[derive(Domain)]
#[domain("hand")]
enum Hand {
    Started(HandStarted),
    Acted(PlayerActed),
    Awarded(PotAwarded),
}

#[projector("hand-history", exhaustive = Hand)]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(HandStarted)]
    fn started(&mut self, _event: &HandStarted) {}
}

fn main() {}
