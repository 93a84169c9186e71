use projections::{Event, json::Value};

fn rewrite(event: Value) -> Value {
    event
}

#[derive(Event, serde::Deserialize)]
#[event(name = "Moved")]
struct MovedV1;

impl From<MovedV1> for OneType {
    fn from(_: MovedV1) -> Self {
        Self
    }
}

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = 1, from = MovedV1, with = rewrite))]
struct OneUpcaster;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = 1, with = rewrite), upcast(from = 1, with = self::rewrite))]
struct OneVersion;

#[derive(Event, serde::Deserialize)]
#[event(name = "Moved", version = 2, upcast(from = MovedV1), upcast(from = MovedV1))]
struct OneType;

fn main() {}
