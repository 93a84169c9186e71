use projections::{Envelope, Event, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted {
    table: String,
}

#[projector("by-event")]
struct ByEvent;

#[handlers]
impl ByEvent {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted) {}

    #[park_key]
    fn table(event: &HandStarted) -> &str {
        &event.table
    }
}

#[projector("by-text")]
struct ByText;

#[handlers]
impl ByText {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted) {}

    #[park_key]
    fn table(at: &Envelope) -> String {
        at.stream().to_owned()
    }
}

#[projector("by-table")]
struct ByTable;

#[handlers]
impl ByTable {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted) {}

    #[park_key]
    fn table<'a>(at: &'a Envelope) -> Option<&'a str> {
        at.stream().split('-').next()
    }
}

#[projector("by-nothing")]
struct ByNothing;

#[handlers]
impl ByNothing {
    #[handles(HandStarted)]
    fn started(&self, _event: &HandStarted) {}

    #[park_key]
    fn table(at: &Envelop) -> &str {
        at.stream()
    }
}

fn main() {}
