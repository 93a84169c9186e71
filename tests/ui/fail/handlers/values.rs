use projections::{Event, RawEvent, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "players")]
struct PlayerRegistered;

#[projector("hand-history", unregistered = "error")]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(PlayerRegistered, input_domain = "hands")]
    fn on_registered(&self, _event: &PlayerRegistered) {}

    #[fallback]
    fn other(&self, _event: &RawEvent<'_>) {}
}

fn main() {}
