use projections::{Event, json::Value};

fn rewrite(event: Value) -> Value {
    event
}

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(with = rewrite))]
struct Function;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast())]
struct Empty;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast)]
struct Bare;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast = FunctionV1)]
struct Assigned;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from))]
struct NoValue;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from =))]
struct HalfTyped;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = "FunctionV1"))]
struct Quoted;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(FunctionV1))]
struct TypeAlone;

fn main() {}
