use projections::{Event, json::Value};

fn rewrite(event: Value) -> Value {
    event
}

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcasts(from = 1, with = rewrite))]
struct Plural;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(form = 1, with = rewrite))]
struct From;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = 1, by = rewrite))]
struct With;

#[derive(Event, serde::Deserialize)]
#[event(vesion = 2, upcast(from = 1, with = rewrite))]
struct Version;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, from = 1)]
struct Outside;

fn main() {}
