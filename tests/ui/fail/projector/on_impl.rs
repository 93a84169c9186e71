use projections::{Event, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

struct HandHistory;

#[projector("hand-history")]
impl HandHistory {
    #[setup]
    fn create_tables(&self) {}

    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted) {}
}

#[projector("tables")]
fn tables() {}

fn main() {}
