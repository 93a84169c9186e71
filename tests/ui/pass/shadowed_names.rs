//! The user's own items may have the names of the standard library's.
#![allow(dead_code, non_camel_case_types, unused_macros)]

use projections::sqlite::{Sqlite, SqliteTx};

struct Result;
struct Option;
struct Ok;
struct Err;
struct Some;
struct None;
struct Send;
struct Sync;
struct Default;
struct Clone;
struct Handlers;
struct Projector;
struct Envelope;
struct Route;
struct String;
struct Box;
struct Vec;
struct Future;
struct u32;
struct u64;
struct str;
mod core {}
mod std {}
mod projections_macros {}
macro_rules! panic {
    () => {};
}
macro_rules! unreachable {
    () => {};
}

#[derive(projections::Event)]
#[event(domain = "orders", aliases("Old"))]
struct Event;

impl serde::Serialize for Event {
    fn serialize<S: serde::Serializer>(&self, to: S) -> ::core::result::Result<S::Ok, S::Error> {
        to.serialize_unit()
    }
}

impl<'de> serde::Deserialize<'de> for Event {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> ::core::result::Result<Self, D::Error> {
        ::core::result::Result::Ok(Self)
    }
}

#[derive(projections::Domain)]
#[domain("orders")]
enum Domain {
    Event(Event),
}

#[projections::projector("shadowed", storage = Sqlite)]
struct Shadowed {
    #[resource]
    number: ::core::primitive::u64,
    other: ::core::primitive::u64,
}

#[projections::handlers]
impl Shadowed {
    #[setup]
    fn create(&self, _db: &mut SqliteTx<'_>) {}

    #[handles(Event)]
    fn on_event(&self, event: &Event, _db: &mut SqliteTx<'_>) {
        let _ = (event, self.number, self.other);
    }
}

fn main() {}
