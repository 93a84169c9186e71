use projections::{Domain, Event, RawEvent, handlers, projector};

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

#[projector("hand-history", register = false, exhaustive = Hand, ignores(PlayerActed))]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(HandStarted)]
    fn started(&mut self, _event: &HandStarted) {}

    #[fallback]
    fn other(&mut self, _event: &RawEvent<'_>) {}
}

fn main() {}
