//! Projectors that are exhaustive over domains, and every policy that works.

#![deny(warnings, missing_docs, clippy::pedantic)]

use std::borrow::Cow;

use projections::{Domain, Event, Projector, Runtime, handlers, memory::MemoryEventStore, projector};

mod events {
    use projections::Event;

    #[derive(Event, serde::Serialize, serde::Deserialize)]
    #[event(domain = "hand", name = "hand.started")]
    pub struct HandStarted;

    #[derive(Event, serde::Serialize, serde::Deserialize)]
    pub struct Closed;
}

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand", aliases("Acted"))]
struct PlayerActed<'a> {
    #[serde(borrow)]
    player: Cow<'a, str>,
}

#[derive(Domain)]
#[domain("hand")]
#[allow(dead_code)]
enum Hand<'a> {
    Started(events::HandStarted),
    Acted(PlayerActed<'a>),
    Closed(events::Closed),
}

#[derive(Domain)]
#[domain("table")]
#[allow(dead_code)]
enum Table {
    Closed(events::Closed),
}

type Started = events::HandStarted;

/// Handles all of one domain, the closing of tables, and ignores the closing of hands.
#[projector(
    "hand-history",
    exhaustive = [Hand, Table],
    ignores(events::Closed),
    unregistered = "error",
    retry(none),
    batch(events = 10, linger = "0ms"),
    on_failure = "halt",
    mode = "async",
    lanes = 1
)]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(Started, retry(none))]
    fn started(&self, _event: &Started) {}

    #[handles(PlayerActed)]
    fn acted(&mut self, event: &PlayerActed<'_>) {
        let _ = &event.player;
    }

    #[handles(events::Closed, input_domain = "table")]
    fn closed(&self, _event: &events::Closed) {}
}

/// Generic, and given as a value.
#[projector("totals", register = false, exhaustive(Table), on_change = "rebuild")]
#[derive(Clone, Default)]
struct Totals<T> {
    all: Vec<T>,
}

#[handlers]
impl<T: Clone + Default> Totals<T> {
    #[handles(events::Closed, input_domain = "table")]
    fn closed(&mut self, _event: &events::Closed) {
        self.all.push(T::default());
    }
}

fn main() {
    let options = HandHistory::OPTIONS;
    let domains: Vec<_> = options.exhaustive.iter().map(|domain| domain.domain).collect();
    assert_eq!(domains, ["hand", "table"]);
    assert_eq!(options.exhaustive[0].events, ["hand.started", "PlayerActed", "Closed"]);
    assert_eq!(options.ignores[0].event, "Closed");
    let _ = Runtime::builder(MemoryEventStore::new()).projector(Totals::<u8>::default());
}
