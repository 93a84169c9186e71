use projections::{Event, json::Value};

fn rewrite(event: Value) -> Value {
    event
}

#[derive(Event, serde::Deserialize)]
#[event(version = 2)]
struct All;

#[derive(Event, serde::Deserialize)]
#[event(version = 4, upcast(from = 1, with = rewrite), upcast(from = 3, with = rewrite))]
struct Middle;

#[derive(Event, serde::Deserialize)]
#[event(name = "Last", version = 2, upcast(from = 1, with = rewrite))]
struct LastV2;

#[derive(Event, serde::Deserialize)]
#[event(version = 4, upcast(from = LastV2))]
struct Last;

impl From<LastV2> for Last {
    fn from(_: LastV2) -> Self {
        Self
    }
}

#[derive(Event, serde::Deserialize)]
#[event(version = 5, upcast(from = LastV2), upcast(from = 3, with = rewrite))]
struct Between;

impl From<LastV2> for Between {
    fn from(_: LastV2) -> Self {
        Self
    }
}

fn main() {}
