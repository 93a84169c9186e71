use projections::Event;

#[derive(Event, serde::Deserialize)]
#[event(name = "Moved")]
struct MovedV1;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = MovedV1))]
struct Moved;

mod old {
    #[derive(projections::Event, serde::Deserialize)]
    pub struct Paid<'a>(pub &'a str);
}

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = old::Paid<'_>))]
struct Paid;

struct NoError;

#[derive(Event, serde::Deserialize)]
#[event(name = "Left")]
struct LeftV1;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = LeftV1))]
struct Left;

impl TryFrom<LeftV1> for Left {
    type Error = NoError;

    fn try_from(_: LeftV1) -> Result<Self, NoError> {
        Err(NoError)
    }
}

fn main() {}
