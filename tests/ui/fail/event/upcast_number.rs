use projections::{Event, json::Value};

fn rewrite(event: Value) -> Value {
    event
}

#[derive(Event, serde::Deserialize)]
#[event(version = 0)]
struct Zero;

#[derive(Event, serde::Deserialize)]
#[event(version = -1)]
struct Negative;

#[derive(Event, serde::Deserialize)]
#[event(version = "2")]
struct Quoted;

#[derive(Event, serde::Deserialize)]
#[event(version = 1.5)]
struct Fraction;

#[derive(Event, serde::Deserialize)]
#[event(version = 4294967296)]
struct TooHigh;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = 0, with = rewrite), upcast(from = 1, with = rewrite))]
struct FromZero;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = 1, with = rewrite), upcast(from = 2, with = rewrite))]
struct FromItself;

#[derive(Event, serde::Deserialize)]
#[event(upcast(from = 1, with = rewrite))]
struct NoVersion;

fn main() {}
