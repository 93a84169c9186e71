//! The user's own items may have the names of the standard library's.
#![allow(dead_code, non_camel_case_types)]

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
mod core {}
mod std {}

#[derive(projections::Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "orders")]
struct Event;

#[derive(projections::Domain)]
#[domain("orders")]
enum Domain {
    Event(Event),
}

#[projections::projector("shadowed", storage = Sqlite)]
struct Shadowed {
    #[resource]
    number: u64,
    other: u64,
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
