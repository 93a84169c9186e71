use projections::{Event, RawEvent, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandEnded;

fn is_permanent(_: &std::fmt::Error) -> bool {
    true
}

#[projector("hand-history")]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(HandStarted, permanent = is_permanent)]
    fn started(&self, _event: &HandStarted) {}

    #[fallback(permanent = is_permanent)]
    fn other(&self, _event: &RawEvent<'_>) -> () {}
}

type Done = ();

#[projector("hands")]
struct Hands;

#[handlers]
impl Hands {
    #[handles(HandStarted, permanent = is_permanent)]
    fn started(&self, _event: &HandStarted) -> Done {}

    // What it returns is the mistake.
    #[handles(HandEnded, permanent = is_permanent)]
    fn ended(&self, _event: &HandEnded) -> bool {
        true
    }
}

fn main() {}
