use projections::Event;

mod old {
    #[derive(projections::Event, serde::Deserialize)]
    #[event(name = "Moved", domain = "people")]
    pub struct MovedV1;
}

#[derive(Event, serde::Deserialize)]
#[event(domain = "places", version = 2, upcast(from = old::MovedV1))]
struct Moved;

impl From<old::MovedV1> for Moved {
    fn from(_: old::MovedV1) -> Self {
        Self
    }
}

fn main() {}
