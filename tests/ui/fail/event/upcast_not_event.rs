use projections::Event;

#[derive(serde::Deserialize)]
struct MovedV1;

mod old {
    #[derive(serde::Deserialize)]
    pub struct Paid<'a>(pub &'a str);
}

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = MovedV1))]
struct Moved;

impl From<MovedV1> for Moved {
    fn from(_: MovedV1) -> Self {
        Self
    }
}

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = old::Paid<'_>))]
struct Paid;

impl From<old::Paid<'_>> for Paid {
    fn from(_: old::Paid<'_>) -> Self {
        Self
    }
}

fn main() {}
