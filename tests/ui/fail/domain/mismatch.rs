use projections::{Event, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "player")]
struct PlayerRegistered;

#[projector("hand-history")]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(PlayerRegistered, input_domain = "hand")]
    fn registered(&mut self, _event: &PlayerRegistered) {}
}

fn main() {}
