use projections::{Event, json::Value};

fn rewrite(event: Value) -> Value {
    event
}

macro_rules! made_from {
    ($new:ident: $($old:ident),*) => { $(
        impl From<$old> for $new {
            fn from(_: $old) -> Self {
                Self
            }
        }
    )* };
}

#[derive(Event, serde::Deserialize)]
#[event(name = "Moved")]
struct MovedV1;

#[derive(Event, serde::Deserialize)]
#[event(upcast(from = MovedV1))]
struct Moved;

made_from!(Moved: MovedV1);

#[derive(Event, serde::Deserialize)]
#[event(name = "Paid", version = 2, upcast(from = 1, with = rewrite))]
struct PaidV2;

#[derive(Event, serde::Deserialize)]
#[event(version = 3, upcast(from = PaidV2), upcast(from = 2, with = rewrite))]
struct Paid;

made_from!(Paid: PaidV2);

#[derive(Event, serde::Deserialize)]
#[event(name = "Left")]
struct LeftV1;

#[derive(Event, serde::Deserialize)]
#[event(name = "Gone", aliases("Left"))]
struct GoneV1;

#[derive(Event, serde::Deserialize)]
#[event(version = 2, upcast(from = LeftV1), upcast(from = GoneV1))]
struct Left;

made_from!(Left: LeftV1, GoneV1);

fn main() {}
