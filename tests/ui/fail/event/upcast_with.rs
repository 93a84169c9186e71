use projections::{Event, json::Value};

fn rewrite(event: Value) -> Value {
    event
}

#[derive(Event, serde::Deserialize)]
#[event(name = "Moved")]
struct MovedV1;

impl From<MovedV1> for OnType {
    fn from(_: MovedV1) -> Self {
        Self
    }
}

#[derive(Event, serde::Deserialize)]
#[event(name = "Moved", version = 2, upcast(from = MovedV1, with = rewrite))]
struct OnType;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = 1))]
struct Missing;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = 1, with = "rewrite"))]
struct Quoted;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = 1, with = |event| event))]
struct Closure;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = 1, with = rewrite()))]
struct Call;

fn main() {}
