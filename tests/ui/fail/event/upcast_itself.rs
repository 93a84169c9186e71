use projections::Event;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = Moved))]
struct Moved;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = Self))]
struct Paid;

fn main() {}
