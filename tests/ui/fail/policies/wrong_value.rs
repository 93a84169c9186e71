use projections::{Event, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

#[projector(
    "hand-history",
    timeout = "0s",
    batch(events = 0, linger = "5 ms"),
    park(per_key = 0, totl = 10),
    snapshot = true,
    probe = "no",
    exhaustive = "Hand",
)]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(HandStarted, permanent = "is_permanent", retry)]
    fn started(&mut self, _event: &HandStarted) {}
}

fn main() {}
