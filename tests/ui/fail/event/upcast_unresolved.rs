use projections::Event;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = MovedV1))]
struct Moved;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = 1, with = rewrite))]
struct Paid;

fn main() {}
