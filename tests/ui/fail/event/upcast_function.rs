use projections::{Event, json::Value};

fn by_reference(event: &Value) -> Value {
    event.clone()
}

fn two_arguments(event: Value, _version: u32) -> Value {
    event
}

fn returns_nothing(_event: Value) {}

struct NoError;

fn odd_error(_event: Value) -> Result<Value, NoError> {
    Err(NoError)
}

async fn later(event: Value) -> Value {
    event
}

#[derive(Event, serde::Deserialize)]
#[event(
    version = 6,
    upcast(from = 1, with = by_reference),
    upcast(from = 2, with = two_arguments),
    upcast(from = 3, with = returns_nothing),
    upcast(from = 4, with = odd_error),
    upcast(from = 5, with = self::later)
)]
struct Moved;

fn main() {}
